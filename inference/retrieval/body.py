"""Body: a PET/CT pair on the grid of the networks, so that every lesion of a patient is cut from one small array."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.volume import Matrix, Unit, Volume
from inference.grid import on_grid_of

SPACING_MM = 4.0
CONTEXT_FACTOR = 3
"""Voxels of the grid along each side of a voxel of the context."""

SUV, HU, VALID = 0, 1, 2
AIR_HU = -1000.0

_NOTHING_HU = -2000.0
_LEAST_VALID_HU = -1500.0
_LARGEST = float(np.finfo(np.float16).max)

HalfArray = NDArray[np.float16]
Voxels = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Body:
    """A pair on an isotropic grid along the patient's axes: slices toward S, rows toward P, columns toward L.

    ``fine``: float16, shape (3, slices, rows, columns), of SUV, HU, and 1 where both were measured; voxels of
    ``SPACING_MM``. ``context``: the same, averaged over ``CONTEXT_FACTOR``³ voxels. ``affine``: of ``fine``, as in
    ``Volume``. Where nothing was measured there is no uptake in air, and the third channel says so: without it the end
    of the scan looks like the top of a head.
    """

    fine: HalfArray
    context: HalfArray
    affine: Matrix


def make_body(suv: Volume, ct: Volume | None, valid: NDArray[np.bool_] | None = None) -> Body:
    """The body of a pair.

    Parameters
    ----------
    suv, ct
        SUV in any orientation, and HU on a grid of its own; without a CT nothing is valid.
    valid
        Shape of ``ct``: where the CT measured. By default everywhere but in padding (below −1500 HU).
    """
    grid = _grid_around(suv)
    uptake = on_grid_of(grid, suv, outside=0.0).values
    hu = np.full(grid.shape, _NOTHING_HU, dtype=np.float32)
    if ct is not None:
        values = ct.values if valid is None else np.where(valid, ct.values, np.float32(_NOTHING_HU))
        hu = on_grid_of(grid, Volume(values, ct.affine, ct.unit), outside=_NOTHING_HU).values
    measured = hu > _LEAST_VALID_HU
    channels = np.stack([np.where(measured, uptake, 0.0), np.where(measured, hu, AIR_HU), measured])
    fine = np.clip(channels, -_LARGEST, _LARGEST, out=channels).astype(np.float16)
    return Body(fine, _averaged(fine), grid.affine)


def lesion_voxels(body: Body, points_mm: Matrix, step_mm: Matrix) -> Voxels:
    """Voxels of a body that a lesion touches, (N, 3) in (slice, row, column), sorted, at least one.

    Parameters
    ----------
    points_mm
        LPS centres (M, 3) of the lesion's voxels on its own grid, M ≥ 1.
    step_mm
        Shape (3, 3): columns are the edges of a voxel of that grid; coarser ones cover several of the body's.
    """
    parts = np.ceil(np.linalg.norm(step_mm, axis=0) / SPACING_MM).astype(int)
    offsets = [(np.arange(count) + 0.5) / count - 0.5 for count in parts]
    corners = np.stack(np.meshgrid(*offsets, indexing="ij"), axis=-1).reshape(-1, 3) @ step_mm.T
    points = (points_mm[:, None] + corners[None]).reshape(-1, 3)
    indices = np.rint((points - body.affine[:3, 3]) @ np.linalg.inv(body.affine[:3, :3]).T).astype(np.int64)
    inside = np.clip(indices, 0, np.asarray(body.fine.shape[1:]) - 1)
    return np.unique(inside, axis=0).astype(np.int16)


def _grid_around(volume: Volume) -> Volume:
    """An empty grid along the patient's axes that covers a volume; its sides are whole voxels of the context."""
    corners = np.stack(np.meshgrid(*[(-0.5, size - 0.5) for size in volume.shape], indexing="ij"), -1).reshape(-1, 3)
    points = volume.points_mm(corners)
    first, last = points.min(axis=0), points.max(axis=0)
    unit = SPACING_MM * CONTEXT_FACTOR
    size = np.maximum(1, np.ceil((last - first) / unit - 1e-6).astype(int)) * CONTEXT_FACTOR
    origin = (first + last) / 2.0 - (size - 1) / 2.0 * SPACING_MM
    affine = np.zeros((4, 4))
    affine[[0, 1, 2], [2, 1, 0]] = SPACING_MM
    affine[:3, 3] = origin
    affine[3, 3] = 1.0
    return Volume(np.zeros(tuple(size[::-1]), dtype=np.float32), affine, Unit.SUVBW)


def _averaged(fine: HalfArray) -> HalfArray:
    channels, *shape = fine.shape
    blocks = [length for size in shape for length in (size // CONTEXT_FACTOR, CONTEXT_FACTOR)]
    means: HalfArray = fine.reshape(channels, *blocks).astype(np.float32).mean(axis=(2, 4, 6)).astype(np.float16)
    return means
