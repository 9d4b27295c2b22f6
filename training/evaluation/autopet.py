"""The three figures of the autoPET challenges, counted as their evaluation script counts them."""

import cc3d
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

_CONNECTIVITY = 18
"""Neighbours share a face or an edge."""


def dice(truth: Mask, predicted: Mask) -> float | None:
    """Twice the shared voxels over the voxels of both; None where there is nothing to find."""
    if not truth.any():
        return None
    return 2.0 * np.count_nonzero(truth & predicted) / (np.count_nonzero(truth) + np.count_nonzero(predicted))


def false_positive_volume_ml(truth: Mask, predicted: Mask, voxel_volume_ml: float) -> float:
    """Volume of the connected components of a prediction that share no voxel with the truth."""
    return _untouched(predicted, truth) * voxel_volume_ml


def false_negative_volume_ml(truth: Mask, predicted: Mask, voxel_volume_ml: float) -> float | None:
    """Volume of the true components that share no voxel with a prediction; None where there is nothing to find."""
    return _untouched(truth, predicted) * voxel_volume_ml if truth.any() else None


def _untouched(components_of: Mask, other: Mask) -> int:
    """Voxels of the components of one mask that the other doesn't touch."""
    labels = cc3d.connected_components(components_of, connectivity=_CONNECTIVITY)
    sizes = np.bincount(labels.reshape(-1))
    sizes[0] = 0
    sizes[np.unique(labels[other])] = 0
    return int(sizes.sum())
