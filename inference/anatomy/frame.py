"""The patient frame: a coarse grid along the patient's own axes, so that no rule depends on how arrays are stored."""

from collections.abc import Callable
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.volume import FloatArray, Matrix, Volume

SPACING_MM = 5.0
VOXEL_ML = SPACING_MM**3 / 1000.0

Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class PatientFrame:
    """An isotropic grid of axes (inferior→superior, anterior→posterior, right→left) in LPS.

    ``origin_mm`` is the (z, y, x) of voxel (0, 0, 0); ``shape`` counts voxels in the same order.
    """

    origin_mm: tuple[float, float, float]
    shape: tuple[int, int, int]

    @classmethod
    def around(cls, volume: Volume) -> "PatientFrame":
        """The frame of the box in LPS that encloses a volume, however its axes are ordered, flipped or turned."""
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in volume.shape], indexing="ij")).reshape(3, 8).T
        points = volume.points_mm(corners)[:, ::-1]
        low, high = points.min(axis=0), points.max(axis=0)
        counts = np.maximum(np.ceil((high - low) / SPACING_MM - 1e-6).astype(int) + 1, 2)
        origin = (low + high) / 2 - (counts - 1) * SPACING_MM / 2
        return cls(
            (float(origin[0]), float(origin[1]), float(origin[2])), (int(counts[0]), int(counts[1]), int(counts[2]))
        )

    @property
    def affine(self) -> Matrix:
        """Index (z, y, x, 1) to LPS millimetres."""
        affine = np.eye(4)
        affine[:3, :3] = np.eye(3)[::-1] * SPACING_MM
        affine[:3, 3] = self.origin_mm[::-1]
        return affine

    def sample(self, volume: Volume, outside: float) -> FloatArray:
        """A volume on this frame, averaged first where it is finer than the frame."""
        widths = [max(1, 2 * round((SPACING_MM / spacing - 1) / 2) + 1) for spacing in volume.spacing_mm]
        values = volume.values
        if max(widths) > 1:
            values = np.empty_like(volume.values)
            ndimage.uniform_filter(volume.values, size=widths, output=values, mode="nearest")
        step = np.linalg.inv(volume.affine) @ self.affine
        return np.asarray(
            ndimage.affine_transform(
                values,
                _scales_or_matrix(step[:3, :3]),
                step[:3, 3],
                self.shape,
                output=np.float32,
                order=1,
                mode="grid-constant",
                cval=outside,
            )
        )

    def on_grid(self, mask: Mask, volume: Volume) -> Mask:
        """A mask of this frame on a volume's grid (nearest neighbour)."""
        step = np.linalg.inv(self.affine) @ volume.affine
        return np.asarray(
            ndimage.affine_transform(
                mask.astype(np.uint8),
                _scales_or_matrix(step[:3, :3]),
                step[:3, 3],
                volume.shape,
                output=np.uint8,
                order=0,
                mode="constant",
            ),
            dtype=np.bool_,
        )

    def cropped(self, mask: Mask, margin: int = 3) -> tuple["PatientFrame", tuple[slice, slice, slice]]:
        """The frame of the rows and columns that a mask fills, with a margin, and where it lies in this one.

        All planes stay: the ends of the field of view mean something.
        """
        sides = [slice(0, self.shape[0])]
        for axis, others in ((1, (0, 2)), (2, (0, 1))):
            filled = np.flatnonzero(mask.any(axis=others))
            low, high = (filled[0], filled[-1]) if len(filled) else (0, self.shape[axis] - 1)
            sides.append(slice(max(0, int(low) - margin), min(self.shape[axis], int(high) + margin + 1)))
        origin = [o + SPACING_MM * side.start for o, side in zip(self.origin_mm, sides, strict=True)]
        shape = [side.stop - side.start for side in sides]
        frame = PatientFrame((origin[0], origin[1], origin[2]), (shape[0], shape[1], shape[2]))
        return frame, (sides[0], sides[1], sides[2])

    def indices(self, points_mm: Matrix) -> Indices:
        """Nearest voxel (z, y, x) of LPS points (N, 3), clipped into the frame."""
        rounded = np.rint((points_mm[:, ::-1] - np.asarray(self.origin_mm)) / SPACING_MM).astype(np.intp)
        return np.asarray(np.clip(rounded, 0, np.asarray(self.shape) - 1), dtype=np.intp)

    def heights_mm(self) -> Matrix:
        """The z (LPS) of every plane."""
        return np.asarray(self.origin_mm[0] + SPACING_MM * np.arange(self.shape[0], dtype=np.float64))

    def x_mm(self, index: float) -> float:
        return self.origin_mm[2] + SPACING_MM * index

    def y_mm(self, index: float) -> float:
        return self.origin_mm[1] + SPACING_MM * index


def grown(mask: Mask, radius_mm: float) -> Mask:
    """A mask with everything within a distance of it."""
    return _by_distance(mask, round(radius_mm / SPACING_MM) + 1, lambda inside: _depth(~inside) <= radius_mm)


def shrunk(mask: Mask, radius_mm: float) -> Mask:
    """What of a mask lies further than a distance from everything outside it; beyond the frame counts as outside."""
    return _by_distance(mask, 1, lambda inside: _depth(inside) > radius_mm)


def closed(mask: Mask, radius_mm: float) -> Mask:
    """A mask with the gaps filled that a ball can't enter."""
    margin = round(radius_mm / SPACING_MM) + 2

    def close(inside: Mask) -> Mask:
        return _depth(_depth(~inside) <= radius_mm) > radius_mm

    return _by_distance(mask, margin, close) | mask


def _scales_or_matrix(matrix: Matrix) -> Matrix:
    """The diagonal of a matrix without other elements, which resamples faster; else the matrix."""
    diagonal = np.diag(matrix)
    return diagonal if np.allclose(matrix, np.diag(diagonal), atol=1e-9) else matrix


def _depth(mask: Mask) -> NDArray[np.float64]:
    return np.asarray(ndimage.distance_transform_edt(mask, sampling=SPACING_MM))


def _by_distance(mask: Mask, margin: int, rule: Callable[[Mask], Mask]) -> Mask:
    """A rule applied to the part of a mask that isn't empty, with a margin of empty voxels around it."""
    box = ndimage.find_objects(mask.astype(np.uint8))
    result = np.zeros_like(mask)
    if not box:
        return result
    padded = rule(np.pad(mask[box[0]], margin))
    low = [side.start - margin for side in box[0]]
    target = tuple(
        slice(max(0, start), min(size, start + length))
        for start, size, length in zip(low, mask.shape, padded.shape, strict=True)
    )
    source = tuple(slice(t.start - start, t.stop - start) for t, start in zip(target, low, strict=True))
    result[target] = padded[source]
    return result


def largest(mask: Mask) -> Mask:
    """The largest connected piece of a mask; pieces touch by faces."""
    labels = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=6)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(sizes.argmax())) if sizes.any() else np.zeros_like(mask)


def ball(radius_mm: float) -> Mask:
    """A spherical structuring element of the frame."""
    reach = int(np.ceil(radius_mm / SPACING_MM))
    z, y, x = np.ogrid[-reach : reach + 1, -reach : reach + 1, -reach : reach + 1]
    return np.asarray((z**2 + y**2 + x**2) * SPACING_MM**2 <= radius_mm**2 + 1e-6)
