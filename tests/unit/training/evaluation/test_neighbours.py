"""Vertebrae and ribs that are one apart."""

import pytest

from config.vocabulary import vocabulary
from training.evaluation.neighbours import RIBS, SPINE, is_one_off, is_rib, is_vertebra


@pytest.mark.parametrize(
    ("truth", "answer", "one_off"),
    [
        ("T3 vertebra", "T4 vertebra", True),
        ("C7 vertebra", "T1 vertebra", True),
        ("T12 vertebra", "L1 vertebra", True),
        ("L5 vertebra", "S1 segment of sacrum", True),
        ("T3 vertebra", "T3 vertebra", False),
        ("T3 vertebra", "T5 vertebra", False),
        ("left fifth rib", "left sixth rib", True),
        ("left fifth rib", "right sixth rib", False),
        ("left fifth rib", "left seventh rib", False),
        ("T5 vertebra", "left sixth rib", False),
        ("spleen", "left kidney", False),
    ],
)
def test_one_off_is_next_in_the_row_of_the_same_side(truth: str, answer: str, one_off: bool) -> None:
    assert is_one_off(vocabulary().leaf(truth), vocabulary().leaf(answer)) is one_off


def test_the_rows_are_names_of_the_vocabulary() -> None:
    assert {*SPINE, *RIBS["right"], *RIBS["left"]} <= set(vocabulary().by_name)


def test_there_are_24_vertebrae_and_24_ribs() -> None:
    assert sum(map(is_vertebra, vocabulary())) == 24
    assert sum(map(is_rib, vocabulary())) == 24
