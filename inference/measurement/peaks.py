"""SUVpeak: the mean uptake in a sphere of 1 cm³."""

import numpy as np
from numpy.typing import NDArray

PEAK_RADIUS_MM = (3000.0 / (4.0 * np.pi)) ** (1.0 / 3.0)


def sphere_offsets(affine: NDArray[np.float64], radius_mm: float = PEAK_RADIUS_MM) -> NDArray[np.int64]:
    """Index offsets (N, 3) of the voxels whose centres lie within a radius of a voxel's centre, in array order."""
    axes = np.asarray(affine, dtype=np.float64)[:3, :3]
    reach = np.ceil(radius_mm * np.linalg.norm(np.linalg.inv(axes), axis=1)).astype(np.int64)
    offsets = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    within = np.linalg.norm(offsets @ axes.T, axis=1) <= radius_mm * (1.0 + 1e-9)
    return np.asarray(offsets[within])


def sphere_means(
    suv: NDArray[np.float32], voxels: NDArray[np.int64], offsets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The mean over the sphere around each of the voxels (N, 3).

    Voxels of the sphere that lie outside the volume are left out of the mean.
    """
    reach = np.abs(offsets).max(axis=0)
    low, high = voxels.min(axis=0) - reach, voxels.max(axis=0) + reach + 1
    start, stop = np.maximum(low, 0), np.minimum(high, suv.shape)
    box = np.zeros(high - low, dtype=np.float32)
    known = np.zeros(high - low, dtype=np.bool_)
    inner = tuple(slice(a, b) for a, b in zip(start - low, stop - low, strict=True))
    box[inner] = suv[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
    known[inner] = True
    flat_box, flat_known = box.reshape(-1), known.reshape(-1)
    strides = np.array([box.shape[1] * box.shape[2], box.shape[2], 1], dtype=np.int64)
    centres = (voxels - low) @ strides
    total = np.zeros(len(voxels), dtype=np.float64)
    count = np.zeros(len(voxels), dtype=np.int64)
    for step in offsets @ strides:
        total += flat_box[centres + step]
        count += flat_known[centres + step]
    return np.asarray(total / count)
