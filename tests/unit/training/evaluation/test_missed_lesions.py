"""Lesions that nobody may overlook."""

import numpy as np

from config.volume import Unit, Volume
from training.evaluation.missed_lesions import missed, obvious_lesions

SUV = Volume(
    np.asarray([[[9.0, 5.0, 3.0, 9.0, 4.0, 3.0, 4.1, 1.0]]], dtype=np.float32),
    np.diag([10.0, 10.0, 6.0, 1.0]),
    Unit.SUVBW,
)
"""Voxels of 0.6 ml."""

TRUTH = np.asarray([[[1, 1, 0, 2, 3, 3, 4, 4]]], dtype=np.uint16)


def test_obvious_is_over_1_ml_and_over_suv_4() -> None:
    """2 is one voxel; 3 reaches 4.0 and no more."""
    assert obvious_lesions(TRUTH, SUV) == (1, 4)


def test_missed_is_what_no_prediction_touches() -> None:
    predicted = np.asarray([[[0, 1, 1, 0, 0, 0, 0, 0]]], dtype=np.bool_)
    assert missed(TRUTH, predicted, SUV) == (4,)
