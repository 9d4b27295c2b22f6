"""The error of side."""

import pytest

from config.vocabulary import Laterality, vocabulary
from training.evaluation.sides import is_side_error


@pytest.mark.parametrize(
    ("truth", "answer", "wrong"),
    [
        ("right kidney", "left kidney", True),
        ("left fifth rib", "right sixth rib", True),
        ("right kidney", "right adrenal gland", False),
        ("right kidney", "L1 vertebra", False),
        ("L1 vertebra", "left kidney", False),
    ],
)
def test_only_the_opposite_side_of_a_lesion_on_a_side_is_an_error(truth: str, answer: str, wrong: bool) -> None:
    assert is_side_error(vocabulary().leaf(truth), vocabulary().leaf(answer)) is wrong


def test_a_coarse_answer_on_the_other_side_is_one_too() -> None:
    assert is_side_error(vocabulary().leaf("left kidney"), vocabulary().coarse("kidney", Laterality.RIGHT))
