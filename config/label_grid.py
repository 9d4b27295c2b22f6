"""Labels of one grid on another: every voxel has the label of the voxel that contains its centre."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from config.volume import Matrix

Box = tuple[slice, slice, slice]
Label = TypeVar("Label", bound=np.unsignedinteger)

_ON_THE_EDGE = 1e-4
"""Of a voxel: centres this near to a face belong beyond it, so that rounded headers do not fray an edge."""
_PARALLEL = 1e-9


def labels_on_grid(labels: NDArray[Label], affine: Matrix, target: Matrix, box: Box) -> NDArray[Label]:
    """Labels on a box of another grid; 0 for centres that lie in no voxel.

    Parameters
    ----------
    labels
        Shape (slices, rows, columns).
    affine, target
        Array indices to LPS millimetres, of the labels and of the other grid (see ``config.volume.Volume``).
    box
        Which slices, rows and columns of the other grid.
    """
    step = np.linalg.inv(affine) @ target
    slices, rows, columns = (np.arange(side.start, side.stop) for side in box)
    result = np.zeros((len(slices), len(rows), len(columns)), labels.dtype)
    for plane, index in zip(result, slices, strict=True):
        places = [_places(step[axis], int(index), rows, columns) for axis in range(3)]
        inside = np.logical_and.reduce(
            np.broadcast_arrays(*(_within(place, size) for place, size in zip(places, labels.shape, strict=True)))
        )
        found = labels[tuple(np.clip(place, 0, size - 1) for place, size in zip(places, labels.shape, strict=True))]
        np.copyto(plane, found, where=inside)
    return result


def whole(shape: tuple[int, int, int]) -> Box:
    """The box of all of a grid."""
    return slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2])


def box_on_grid(box: Box, affine: Matrix, target: Matrix, shape: tuple[int, int, int]) -> Box:
    """The box of another grid of a shape that encloses a box of voxels; it may be empty."""
    corners = np.array(np.meshgrid(*((side.start - 0.5, side.stop - 0.5) for side in box), indexing="ij")).reshape(3, 8)
    step = np.linalg.inv(target) @ affine
    placed = step[:3, :3] @ corners + step[:3, 3:]
    low = np.clip(np.floor(placed.min(axis=1)).astype(int), 0, shape)
    high = np.clip(np.ceil(placed.max(axis=1)).astype(int) + 1, 0, shape)
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1])), slice(int(low[2]), int(high[2]))


def _places(step: Matrix, plane: int, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """Index along one axis of the labels, broadcastable to (rows, columns): small where the grids are parallel."""
    place = np.full((1, 1), step[0] * plane + step[3])
    if abs(step[1]) > _PARALLEL:
        place = place + step[1] * rows[:, None]
    if abs(step[2]) > _PARALLEL:
        place = place + step[2] * columns[None, :]
    return np.asarray(np.floor(place + 0.5 + _ON_THE_EDGE), dtype=np.intp)


def _within(place: NDArray[np.intp], size: int) -> NDArray[np.bool_]:
    return (place >= 0) & (place < size)
