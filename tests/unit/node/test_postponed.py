from datetime import UTC, datetime, timedelta

import pytest

from node.postponed import FIRST_AFTER, LAST_AFTER, Postponed

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_never_failed_is_due(clock: Clock) -> None:
    assert Postponed[str](clock).is_due("a")


def test_what_fails_again_and_again_is_tried_less_and_less_often(clock: Clock) -> None:
    postponed = Postponed[str](clock)
    waits = []
    for _ in range(9):
        postponed.put_off("a", OSError(5, "Input/output error"))
        assert not postponed.is_due("a")
        waits.append(postponed.due_at("a") - clock.now)
        clock.now = postponed.due_at("a")
        assert postponed.is_due("a")
    assert waits == [min(FIRST_AFTER * 2**number, LAST_AFTER) for number in range(9)]
    assert waits[-1] == LAST_AFTER


def test_a_cause_is_news_once(clock: Clock) -> None:
    postponed = Postponed[str](clock)
    causes = [ValueError("x"), ValueError("x"), ValueError("y"), KeyError("y"), KeyError("y")]
    assert [postponed.put_off("a", cause) for cause in causes] == [True, False, True, True, False]


def test_when_one_succeeds_that_failed_the_others_are_due(clock: Clock) -> None:
    postponed = Postponed[str](clock)
    for key in "ab":
        postponed.put_off(key, ValueError())
    postponed.succeeded("c")
    assert not postponed.is_due("b")
    postponed.succeeded("a")
    assert postponed.is_due("b")


def test_a_clock_that_is_set_back_keeps_nothing_waiting(clock: Clock) -> None:
    postponed = Postponed[str](clock)
    postponed.put_off("a", ValueError())
    clock.now -= timedelta(hours=1)
    assert postponed.is_due("a")


def test_what_is_not_tried_any_more_is_forgotten(clock: Clock) -> None:
    postponed = Postponed[int](clock)
    for key in range(100):
        postponed.put_off(key, ValueError())
        clock.now += LAST_AFTER
    assert len(postponed._failures) <= 3
