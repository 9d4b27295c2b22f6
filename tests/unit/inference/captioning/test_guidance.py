import pytest

from config.finding import LocationAnswer
from config.vocabulary import vocabulary
from inference.captioning.guidance import WINDOWS, ct_window, location_prompts


def answer(name: str, confidence: float) -> LocationAnswer:
    first, *others = (vocabulary().leaf(each) for each in (name, "T3 vertebra", "spleen", "left kidney"))
    return LocationAnswer(first, confidence, ((first, confidence), *((other, 0.01) for other in others)))


def test_above_95_percent_only_the_first_location_is_told() -> None:
    assert location_prompts(answer("ileum", 0.9501)) == ("ileum",)


def test_at_95_percent_the_first_three_are_told() -> None:
    assert location_prompts(answer("ileum", 0.95)) == ("ileum", "T3 vertebra", "spleen")


def test_from_95_percent_on_the_window_is_the_regions() -> None:
    assert ct_window(answer("T9 vertebra", 0.95)) == WINDOWS["bone"]


def test_below_95_percent_the_window_is_that_of_soft_tissue() -> None:
    assert ct_window(answer("T9 vertebra", 0.9499)) == WINDOWS["soft tissue"]


@pytest.mark.parametrize(
    ("window", "lowest", "highest"),
    [("lung", -1350.0, 150.0), ("bone", -500.0, 2100.0), ("soft tissue", -135.0, 215.0)],
)
def test_windows_are_those_of_the_paper(window: str, lowest: float, highest: float) -> None:
    assert (WINDOWS[window].lowest_hu, WINDOWS[window].highest_hu) == (lowest, highest)


def test_every_location_has_a_window() -> None:
    assert {leaf.ct_window for leaf in vocabulary()} == set(WINDOWS)
