"""Density: how dense a finding is on CT."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.volume import Volume
from inference.grid import AIR_HU

_NOT_COVERED_HU = AIR_HU + 1.0


@dataclass(frozen=True, slots=True)
class Density:
    """Hounsfield units over the voxels of a finding: mean and 95th percentile."""

    mean_hu: float
    highest_hu: float


def density_of(voxels: NDArray[np.int64], ct: Volume | None) -> Density | None:
    """The density at voxel indices (N, 3) of a CT on the PET grid; None where there is no CT."""
    if ct is None:
        return None
    values = ct.values[tuple(voxels.T)]
    values = values[values > _NOT_COVERED_HU].astype(np.float64)
    if 2 * len(values) < len(voxels):
        return None
    return Density(mean_hu=float(values.mean()), highest_hu=float(np.percentile(values, 95)))
