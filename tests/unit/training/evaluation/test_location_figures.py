"""Figures of location, counted by hand."""

import pytest

from config.vocabulary import vocabulary
from training.evaluation.location_figures import Answered, by_region, location_figures


def answered(truth: str, *answers: str, confidence: float = 0.5) -> Answered:
    """Answers with a falling confidence."""
    ranked = tuple((vocabulary().leaf(name), confidence / 2**place) for place, name in enumerate(answers))
    return Answered(vocabulary().leaf(truth), ranked)


LESIONS = (
    answered("T3 vertebra", "T3 vertebra", confidence=0.9),
    answered("T3 vertebra", "T4 vertebra", "T3 vertebra", confidence=0.9),
    answered("right kidney", "left kidney", "right kidney"),
    answered("left fifth rib", "left sixth rib", "left fourth rib"),
    answered("spleen"),
)


def test_shares_are_of_all_lesions() -> None:
    figures = location_figures(LESIONS)
    assert figures.lesions == 5
    assert (figures.top_1, figures.top_5, figures.not_localised) == (0.2, 0.6, 0.2)


def test_the_coarse_location_counts_whatever_the_leaf() -> None:
    assert location_figures(LESIONS[2:3]).coarse == 1.0
    assert location_figures(LESIONS[4:]).coarse == 0.0


def test_side_errors_are_of_lesions_on_a_side() -> None:
    """One of right kidney, left rib and spleen; what was not localised is not on the wrong side."""
    assert location_figures(LESIONS).side_errors == pytest.approx(1 / 3)


def test_off_by_one_is_of_vertebrae_and_of_ribs() -> None:
    figures = location_figures(LESIONS)
    assert (figures.vertebra_one_off, figures.rib_one_off) == (0.5, 1.0)


def test_calibration_error_is_weighted_by_bins() -> None:
    """0.9 twice, right once: off by 0.4 with weight 2; 0.5 twice, never right: 0.5 with weight 2; nothing: 0."""
    assert location_figures(LESIONS).calibration_error == pytest.approx((2 * 0.4 + 2 * 0.5) / 5)


def test_without_lesions_of_a_kind_there_is_no_share() -> None:
    figures = location_figures(LESIONS[:1])
    assert (figures.side_errors, figures.rib_one_off) == (None, None)
    assert location_figures([]).top_1 is None


def test_regions_are_those_of_the_truth() -> None:
    regions = by_region(LESIONS)
    assert {name: figures.lesions for name, figures in regions.items()} == {"abdomen": 2, "chest": 1, "spine": 2}
