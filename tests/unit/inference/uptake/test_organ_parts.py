import numpy as np

from config.finding import FindingKind
from config.vocabulary import vocabulary
from config.volume import Unit, Volume
from inference.uptake.organ_parts import join_organ_parts
from inference.uptake.verdict import Organ, Verdict

SUV = Volume(np.ones((3, 10, 40), dtype=np.float32), np.diag([5.0, 5.0, 5.0, 1.0]), Unit.SUVBW)


def row_of(*parts):
    """Labels in one row; each part is (label, first column, last column)."""
    labels = np.zeros(SUV.shape, dtype=np.uint16)
    for label, first, last in parts:
        labels[1, 5, first : last + 1] = label
    return labels


def organ(name):
    anywhere = Organ(name, vocabulary().leaf("spleen"))
    return Verdict(kind=FindingKind.PHYSIOLOGIC, reason="by test", organ=anywhere, confidence=0.9)


LESION = Verdict(kind=FindingKind.LESION, reason="by test", organ=None, confidence=0.9)


def test_touching_parts_of_an_organ_are_one():
    labels = row_of((1, 3, 6), (2, 7, 9), (3, 10, 12))
    assert join_organ_parts(labels, SUV, {n: organ("brain") for n in (1, 2, 3)}) == {1: 1, 2: 1, 3: 1}


def test_parts_are_one_over_a_small_gap_and_not_over_a_large_one():
    labels = row_of((1, 3, 5), (2, 10, 12), (3, 25, 27))
    assert join_organ_parts(labels, SUV, {n: organ("left kidney") for n in (1, 2, 3)}) == {1: 1, 2: 1, 3: 3}


def test_different_organs_stay_apart():
    labels = row_of((1, 3, 6), (2, 7, 9))
    assert join_organ_parts(labels, SUV, {1: organ("liver"), 2: organ("right kidney")}) == {1: 1, 2: 2}


def test_lesions_are_never_joined():
    labels = row_of((1, 3, 6), (2, 7, 9), (3, 10, 12))
    verdicts = {1: LESION, 2: LESION, 3: organ("liver")}
    assert join_organ_parts(labels, SUV, verdicts) == {1: 1, 2: 2, 3: 3}


def test_nothing_found_joins_nothing():
    assert join_organ_parts(np.zeros(SUV.shape, dtype=np.uint16), SUV, {}) == {}
