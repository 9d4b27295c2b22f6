"""Grids: one volume's values on the grid of another."""

from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import sparse

from config.volume import FloatArray, Matrix, Volume

AIR_HU = -1024.0
_STRAY_VOXELS = 0.1
_LEAST_COVERED = 0.5


def on_grid_of(target: Volume, volume: Volume, *, outside: float = AIR_HU) -> Volume:
    """A finer volume on the grid of a coarser one, without aliasing.

    A voxel of the result is the mean of what it covers of ``volume``. Where the axes of both grids are parallel, in
    whatever order and direction, the mean is exact: each voxel counts with the volume that it shares. Otherwise it is
    taken over linearly interpolated points, as dense as the voxels of ``volume``. Voxels that are covered by less
    than a half are ``outside``, which is also the least value that enters a mean (scanners pad with −2000 or less).

    Returns
    -------
    Volume
        Shape and affine of ``target``, unit of ``volume``.
    """
    step = np.linalg.inv(volume.affine) @ target.affine
    axes = _aligned_axes(step[:3, :3], target.shape)
    values = _sampled(target, volume, outside) if axes is None else _averaged(target, volume, step, axes, outside)
    return Volume(values=values, affine=target.affine, unit=volume.unit)


def _aligned_axes(step: Matrix, shape: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """For each axis of the volume the parallel one of the target; None if one strays by a part of a voxel in all."""
    order = np.abs(step).argmax(axis=1)
    if sorted(order.tolist()) != [0, 1, 2]:
        return None
    stray = np.abs(step)
    stray[np.arange(3), order] = 0.0
    if np.any(stray @ np.asarray(shape) > _STRAY_VOXELS):
        return None
    return int(order[0]), int(order[1]), int(order[2])


def _averaged(target: Volume, volume: Volume, step: Matrix, axes: tuple[int, int, int], outside: float) -> FloatArray:
    """Means over the shared volume, one slice of the source at a time."""
    centre = step[:3, :3] @ ((np.asarray(target.shape) - 1) / 2.0) + step[:3, 3]
    weights = []
    for axis, onto in enumerate(axes):
        scale = step[axis, onto]
        start = centre[axis] - scale * (target.shape[onto] - 1) / 2.0
        weights.append(_overlaps(target.shape[onto], volume.shape[axis], start, scale))
    along, down, across = weights
    result = np.zeros([target.shape[axis] for axis in axes], dtype=np.float32)
    onto_columns = across.T.tocsc()
    onto_slices = along.tocsc()
    for index in range(volume.shape[0]):
        receivers = onto_slices.indices[onto_slices.indptr[index] : onto_slices.indptr[index + 1]]
        if not len(receivers):
            continue
        plane = np.maximum(volume.values[index], np.float32(outside))
        averaged = down @ (plane @ onto_columns)
        for receiver, weight in zip(
            receivers, onto_slices.data[onto_slices.indptr[index] : onto_slices.indptr[index + 1]], strict=True
        ):
            result[receiver] += np.float32(weight) * averaged
    for axis, weight_matrix in enumerate(weights):
        uncovered = np.asarray(weight_matrix.sum(axis=1)).reshape(-1) == 0.0
        result[(slice(None),) * axis + (uncovered,)] = outside
    return np.ascontiguousarray(result.transpose(np.argsort(axes)))


def _overlaps(targets: int, sources: int, start: float, scale: float) -> "sparse.csr_array[np.float32]":
    """Shape (targets, sources): the share of each source voxel in the mean over each target voxel, along one axis.

    Target voxel i is centred at ``start + i × scale`` in source indices. A row sums to 1, or to 0 where less than a
    half of the target voxel is covered.
    """
    centres = (start + scale * np.arange(targets))[:, None]
    voxels = np.arange(sources)[None]
    reach = abs(scale) / 2.0
    shared = np.minimum(centres + reach, voxels + 0.5) - np.maximum(centres - reach, voxels - 0.5)
    shared = np.maximum(shared, 0.0)
    covered = shared.sum(axis=1, keepdims=True)
    known = covered >= _LEAST_COVERED * abs(scale) * (1.0 - 1e-9)
    return sparse.csr_array(np.where(known, shared / np.where(known, covered, 1.0), 0.0).astype(np.float32))


def _sampled(target: Volume, volume: Volume, outside: float) -> FloatArray:
    """Means over points spread evenly through each voxel of the target."""
    image = sitk.GetImageFromArray(np.maximum(volume.values, np.float32(outside)))
    covered = sitk.GetImageFromArray(np.ones(volume.shape, dtype=np.uint8))
    source_axes = np.linalg.norm(volume.affine[:3, :3], axis=0)
    reach = np.abs(np.linalg.inv(volume.affine[:3, :3]) @ target.affine[:3, :3]) * source_axes[:, None]
    points = np.maximum(1, np.round(reach.max(axis=0) / source_axes.min())).astype(int)
    total = np.zeros(target.shape, dtype=np.float32)
    count = np.zeros(target.shape, dtype=np.uint16)
    for place in product(*(range(n) for n in points)):
        shift = (np.asarray(place) + 0.5) / points - 0.5
        transform = _index_transform(np.linalg.inv(volume.affine) @ target.affine, shift)
        size = [int(n) for n in target.shape[::-1]]
        geometry = (size, transform, sitk.sitkLinear, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), np.eye(3).ravel().tolist())
        total += sitk.GetArrayFromImage(sitk.Resample(image, *geometry, 0.0, sitk.sitkFloat32))
        nearest = (*geometry[:2], sitk.sitkNearestNeighbor, *geometry[3:])
        count += sitk.GetArrayFromImage(sitk.Resample(covered, *nearest, 0.0, sitk.sitkUInt8))
    known = count >= _LEAST_COVERED * float(np.prod(points))
    return np.where(known, total / np.maximum(count, 1), np.float32(outside)).astype(np.float32)


def _index_transform(step: Matrix, shift: NDArray[np.float64]) -> sitk.AffineTransform:
    """From indices of the target, moved by a fraction of a voxel, to those of the source; ITK orders axes x, y, z."""
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(step[:3, :3][::-1, ::-1].ravel().tolist())
    transform.SetTranslation((step[:3, :3] @ shift + step[:3, 3])[::-1].tolist())
    return transform
