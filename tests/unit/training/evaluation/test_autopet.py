"""Dice and volumes on masks small enough to count."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.evaluation.autopet import dice, false_negative_volume_ml, false_positive_volume_ml


def mask(*voxels: tuple[int, int, int]) -> NDArray[np.bool_]:
    result = np.zeros((6, 6, 6), dtype=np.bool_)
    for voxel in voxels:
        result[voxel] = True
    return result


NOTHING = mask()


def test_dice_is_twice_the_shared_over_both() -> None:
    truth, predicted = mask((0, 0, 0), (0, 0, 1), (0, 0, 2)), mask((0, 0, 2), (0, 0, 3))
    assert dice(truth, predicted) == pytest.approx(2 * 1 / (3 + 2))


def test_without_anything_to_find_there_is_neither_dice_nor_false_negative_volume() -> None:
    assert dice(NOTHING, mask((1, 1, 1))) is None
    assert false_negative_volume_ml(NOTHING, mask((1, 1, 1)), 1.0) is None


def test_a_component_that_touches_the_truth_in_one_voxel_is_not_false() -> None:
    truth = mask((0, 0, 0))
    predicted = mask((0, 0, 0), (0, 0, 1), (0, 0, 2), (4, 4, 4), (4, 4, 5))
    assert false_positive_volume_ml(truth, predicted, 0.5) == 1.0


def test_a_component_of_the_truth_that_is_touched_is_not_missed() -> None:
    truth = mask((0, 0, 0), (0, 0, 1), (4, 4, 4), (4, 4, 5), (4, 5, 5))
    assert false_negative_volume_ml(truth, mask((0, 0, 1)), 2.0) == 6.0


def test_voxels_that_share_an_edge_are_one_component() -> None:
    predicted = mask((0, 0, 0), (0, 1, 1))
    assert false_positive_volume_ml(mask((0, 0, 0)), predicted, 1.0) == 0.0


def test_voxels_that_share_a_corner_only_are_two() -> None:
    predicted = mask((0, 0, 0), (1, 1, 1))
    assert false_positive_volume_ml(mask((0, 0, 0)), predicted, 1.0) == 1.0


def test_nothing_predicted_is_nothing_false_and_everything_missed() -> None:
    truth = mask((0, 0, 0), (4, 4, 4))
    assert (dice(truth, NOTHING), false_positive_volume_ml(truth, NOTHING, 1.0)) == (0.0, 0.0)
    assert false_negative_volume_ml(truth, NOTHING, 1.0) == 2.0
