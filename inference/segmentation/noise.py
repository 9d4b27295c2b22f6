"""Noise: how far the voxels of a PET stray from their surroundings, slice by slice."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_AROUND_VOXELS = 5
_LEAST_VOXELS = 50
_ONE_SD_PERCENTILE = 84.13


def noise_of_slices(suv: NDArray[np.float32], body: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The standard deviation of the noise in each slice, SUV; 0 in a slice that hardly shows any body.

    That of the voxels around the mean of their surroundings in the slice, where these lie inside the body and are
    between half and twice as warm as is usual in it: neither air nor organs that stand out. The ends of the field of
    view, which fewer coincidences reach, may have twice the noise of its middle.
    """
    inside = ndimage.binary_erosion(body, np.ones((1, 3, 3), dtype=np.bool_), iterations=_AROUND_VOXELS // 2)
    noise = np.zeros(len(suv))
    if not inside.any():
        return noise
    surroundings = ndimage.uniform_filter(suv, (1, _AROUND_VOXELS, _AROUND_VOXELS))
    usual = float(np.median(surroundings[inside]))
    compared = inside & (surroundings > 0.5 * usual) & (surroundings < 2.0 * usual)
    for index in np.flatnonzero(compared.sum(axis=(1, 2)) >= _LEAST_VOXELS):
        stray = (suv[index] - surroundings[index])[compared[index]]
        noise[index] = np.percentile(stray, _ONE_SD_PERCENTILE) - np.median(stray)
    return noise
