"""Patch: the small field of view around a lesion that its caption is drawn from."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from config.volume import Volume

SIZE = 32
SPACING_MM = 2.0
MARGIN = 4
"""Voxels more on every side, so that training can shift the patch."""

SUV, HU, LESION = 0, 1, 2

_AIR_HU = -1000.0

HalfPatch = NDArray[np.float16]


def cut_patch(suv: Volume, ct: Volume, indices: NDArray[np.intp], *, margin: bool = False) -> HalfPatch:
    """SUV, HU and lesion around the centroid of a lesion, linearly interpolated.

    Parameters
    ----------
    indices
        The lesion's voxels (N, 3) on the grid of ``suv``, N ≥ 1.

    Returns
    -------
    HalfPatch
        float16, shape (3, size, size, size) with ``SIZE``, and ``MARGIN`` around it if asked for; 64 mm wide; slices
        toward S, rows toward P, columns toward L. Where there is no CT there is air.
    """
    size = SIZE + 2 * MARGIN * margin
    offsets = (np.arange(size) - (size - 1) / 2.0) * SPACING_MM
    slices, rows, columns = np.meshgrid(offsets, offsets, offsets, indexing="ij")
    centre = suv.points_mm(indices).mean(axis=0)
    points = np.stack([columns, rows, slices], axis=-1).reshape(-1, 3) + centre
    on_pet = suv.indices(points)
    shape = (size, size, size)
    nearest = np.rint(on_pet).astype(np.int64)
    return np.stack(
        [
            _sampled(suv, on_pet, 0.0).reshape(shape),
            np.clip(_sampled(ct, ct.indices(points), _AIR_HU), -2000.0, 4000.0).reshape(shape),
            _is_among(nearest, indices).reshape(shape),
        ]
    ).astype(np.float16)


def _sampled(volume: Volume, indices: NDArray[np.float64], outside: float) -> NDArray[np.float32]:
    """Linear interpolation, looking only at the part of the volume that is needed."""
    low = np.clip(np.floor(indices.min(axis=0)).astype(int) - 1, 0, np.asarray(volume.shape) - 1)
    high = np.clip(np.ceil(indices.max(axis=0)).astype(int) + 2, low + 1, np.asarray(volume.shape))
    part = volume.values[tuple(slice(*pair) for pair in zip(low, high, strict=True))]
    values = map_coordinates(part, (indices - low).T, order=1, mode="constant", cval=outside, output=np.float32)
    return np.asarray(values)


def _is_among(points: NDArray[np.int64], indices: NDArray[np.intp]) -> NDArray[np.bool_]:
    low, high = indices.min(axis=0), indices.max(axis=0)
    box = np.zeros(high - low + 1, dtype=np.bool_)
    box[tuple((indices - low).T)] = True
    inside = np.all((points >= low) & (points <= high), axis=1)
    found = np.zeros(len(points), dtype=np.bool_)
    found[inside] = box[tuple((points[inside] - low).T)]
    return found
