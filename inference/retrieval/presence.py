"""Presence: whether there is a body where a lesion lies, so that its location can be told at all."""

import numpy as np

from inference.retrieval.body import HU, SPACING_MM, VALID, Body, Voxels

NEAR_MM = 60.0
LEAST_TISSUE_ML = 50.0
"""A finger's worth; in the middle of a lung the chest wall is within reach."""

_LEAST_TISSUE_HU = -300.0


def is_in_body(body: Body, voxels: Voxels) -> bool:
    """Whether the CT covers at least half of a lesion and shows ``LEAST_TISSUE_ML`` within ``NEAR_MM`` of it.

    Parameters
    ----------
    voxels
        On the grid of the body, (N, 3), N ≥ 1.
    """
    if body.fine[VALID][tuple(voxels.T)].mean(dtype=np.float64) < 0.5:
        return False
    reach = round(NEAR_MM / SPACING_MM)
    low = np.maximum(0, voxels.min(axis=0).astype(int) - reach)
    high = voxels.max(axis=0).astype(int) + reach + 1
    near = body.fine[:, low[0] : high[0], low[1] : high[1], low[2] : high[2]]
    tissue = np.count_nonzero((near[HU] > _LEAST_TISSUE_HU) & (near[VALID] > 0))
    return bool(tissue * SPACING_MM**3 / 1000.0 >= LEAST_TISSUE_ML)
