"""Whose counter stands still."""

import pytest

from node.watch import Watch


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def dead(watch: Watch[str], clock: Clock, seconds: int, **counters: int) -> set[str]:
    """Look every second for so long at counters that stand still; who is found dead at the end."""
    found: frozenset[str] = frozenset()
    for _ in range(seconds):
        clock.now_s += 1.0
        found = watch.look(counters)
    return set(found)


def test_a_counter_that_stands_still_for_too_long_is_found_and_not_before(clock: Clock) -> None:
    watch = Watch[str](20.0, clock)
    assert dead(watch, clock, 21, a=7) == set()
    assert dead(watch, clock, 1, a=7) == {"a"}


def test_a_counter_that_moves_once_in_a_while_lives(clock: Clock) -> None:
    watch = Watch[str](20.0, clock)
    assert not any(dead(watch, clock, 19, a=beats, b=1) - {"b"} for beats in range(5))


def test_after_a_pause_of_the_observer_everybody_is_watched_anew(clock: Clock) -> None:
    watch = Watch[str](20.0, clock)
    dead(watch, clock, 19, a=7)
    clock.now_s += 3600.0
    assert dead(watch, clock, 20, a=7) == set()
    assert dead(watch, clock, 2, a=7) == {"a"}


def test_a_counter_that_begins_anew_is_another(clock: Clock) -> None:
    watch = Watch[str](20.0, clock)
    dead(watch, clock, 19, a=7)
    assert dead(watch, clock, 19, a=0) == set()


def test_who_is_not_there_any_more_is_forgotten(clock: Clock) -> None:
    watch = Watch[str](20.0, clock)
    dead(watch, clock, 19, a=7)
    dead(watch, clock, 1, b=1)
    assert dead(watch, clock, 5, a=7) == set()
