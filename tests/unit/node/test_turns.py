from node.turns import AT_LEAST_EVERY_S, Turns


class Time:
    """Passes as steps take it."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_the_first_has_all_turns_and_the_others_one_a_second() -> None:
    time, taken = Time(), []

    def urgent() -> bool:
        time.now_s += AT_LEAST_EVERY_S / 8
        taken.append("urgent")
        return True

    def other(name: str) -> bool:
        taken.append(name)
        return False

    turns = Turns([urgent, lambda: other("second"), lambda: other("third")], time)
    for _ in range(24):
        assert turns.step()
    assert taken == [*["urgent"] * 8, "second", "third"] * 3


def test_when_there_is_nothing_to_do_all_are_asked() -> None:
    taken = []
    turns = Turns([lambda name=name: taken.append(name) or False for name in "abc"], Time())
    assert not turns.step()
    assert taken == ["a", "b", "c"]


def test_after_one_that_had_something_to_do_it_is_the_first_ones_turn() -> None:
    taken = []
    turns = Turns([lambda: False, lambda: True, lambda: taken.append("third") or True], Time())
    assert turns.step()
    assert taken == []
