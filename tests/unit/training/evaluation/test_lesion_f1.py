"""Which predicted lesion is which true one."""

import numpy as np
import pytest

from training.evaluation.lesion_f1 import Counts, added, match_by_overlap, match_by_suv_max

TRUTH = np.asarray([[[1, 1, 0, 2, 2, 0, 3, 3]]], dtype=np.uint16)


def labels(*values: int) -> np.ndarray:
    return np.asarray([[list(values)]], dtype=np.uint16)


def test_one_shared_voxel_is_enough() -> None:
    assert match_by_overlap(TRUTH, labels(0, 1, 1, 0, 0, 0, 0, 0)) == Counts(found=1, false=0, missed=2)


def test_one_prediction_over_two_lesions_finds_one() -> None:
    assert match_by_overlap(TRUTH, labels(1, 1, 1, 1, 1, 0, 0, 0)) == Counts(found=1, false=0, missed=2)


def test_two_predictions_in_one_lesion_find_one() -> None:
    assert match_by_overlap(TRUTH, labels(1, 2, 0, 0, 0, 0, 0, 0)) == Counts(found=1, false=1, missed=2)


def test_as_many_pairs_as_possible_are_made() -> None:
    """1 may be either of two lesions, 2 only the first; both are found."""
    assert match_by_overlap(TRUTH, labels(2, 1, 1, 1, 0, 0, 0, 0)) == Counts(found=2, false=0, missed=1)


def test_predictions_are_told_by_number_and_not_by_place() -> None:
    assert match_by_overlap(TRUTH, labels(9, 0, 0, 7, 0, 4, 0, 0)) == Counts(found=2, false=1, missed=1)


def test_suv_max_must_agree_too() -> None:
    suv = np.asarray([[[5.0, 5.2, 5.25, 4.0, 3.0, 9.0, 6.0, 6.0]]], dtype=np.float32)
    predicted = labels(0, 1, 1, 2, 2, 2, 3, 0)
    assert match_by_overlap(TRUTH, predicted) == Counts(found=3, false=0, missed=0)
    assert match_by_suv_max(TRUTH, predicted, suv) == Counts(found=2, false=1, missed=1)


def test_nothing_to_find_and_nothing_found_has_no_f1() -> None:
    empty = np.zeros_like(TRUTH)
    assert match_by_overlap(empty, empty) == Counts(0, 0, 0)
    assert Counts(0, 0, 0).f1 is None


def test_f1_of_patients_is_of_their_lesions_together() -> None:
    assert added([Counts(2, 0, 1), Counts(1, 3, 0)]).f1 == pytest.approx(2 * 3 / (2 * 3 + 3 + 1))
