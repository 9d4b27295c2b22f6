"""Axial sections: a square of an upright axial plane, cut from volumes of whatever orientation."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.volume import Matrix


@dataclass(frozen=True, slots=True)
class Section:
    """A square of an axial plane round a centre in LPS, so many pixels wide and high.

    Columns run from the patient's right to left, rows from front to back: the patient as seen from the feet.
    """

    centre_mm: tuple[float, float, float]
    side_mm: float
    pixels: int

    @property
    def pixels_per_mm(self) -> float:
        return self.pixels / self.side_mm

    def cut(self, array: NDArray[Any], affine: Matrix, outside: float) -> NDArray[Any]:
        """The values of a volume on this section, interpolated linearly; ``outside`` where there are no voxels."""
        return self._resampled(array, affine, outside, order=1)

    def cut_labels(self, labels: NDArray[np.uint16], affine: Matrix) -> NDArray[np.uint16]:
        """The label of the voxel in which a pixel's centre lies; 0 where there are no voxels."""
        return self._resampled(labels, affine, 0, order=0)

    def _resampled(self, array: NDArray[Any], affine: Matrix, outside: float, *, order: Literal[0, 1]) -> NDArray[Any]:
        step = np.linalg.inv(affine)
        through, back, left = step[:3, 2], step[:3, 1] / self.pixels_per_mm, step[:3, 0] / self.pixels_per_mm
        half = (self.pixels - 1) / 2.0
        first = step[:3, :3] @ np.asarray(self.centre_mm) + step[:3, 3] - half * (back + left)
        corners = np.array([first, first + 2 * half * back, first + 2 * half * left, first + 2 * half * (back + left)])
        lowest = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, np.array(array.shape) - 1)
        highest = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, np.array(array.shape) - 1)
        (values,) = ndimage.affine_transform(
            array[tuple(slice(start, end + 1) for start, end in zip(lowest, highest, strict=True))],
            np.stack([through, back, left], axis=1),
            first - lowest,
            (1, self.pixels, self.pixels),
            order=order,
            mode="nearest",
        )
        if not _within(corners, array.shape).all():
            along = np.arange(self.pixels)
            indices = first + along[:, None, None] * back + along[None, :, None] * left
            values[~_within(indices, array.shape)] = outside
        return np.asarray(values)


def _within(indices: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Whether indices (..., 3) lie in voxels, which reach half a voxel past the outermost centres."""
    return np.asarray(((indices >= -0.5) & (indices <= np.array(shape) - 0.5)).all(axis=-1))
