"""The reference body: the anatomy's structures with the geometry that rules about regions are written in."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, distance_transform_edt
from scipy.spatial import ConvexHull, Delaunay

from training.cohort.anatomy import Anatomy, Mask

Point = tuple[float, float, float]
"""(x, y, z) in LPS millimetres: x to the left, y to the back, z up."""
Box = tuple[slice, slice, slice]

SIDES = (("right", ".r", -1.0), ("left", ".l", 1.0))
"""Side in words, the anatomy's suffix for it, and the sign of x there."""


class Body:
    """Masks over one anatomy's grid, shape (slices, rows, columns), and distances in millimetres."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self.spacing_mm = np.linalg.norm(anatomy.affine[:3, :3], axis=0)
        slices, rows, columns = anatomy.labels.shape
        origin, step = anatomy.affine[:3, 3], anatomy.affine[:3, :3]
        self.z = (origin[2] + step[2, 0] * np.arange(slices, dtype=np.float32))[:, None, None]
        self.y = (origin[1] + step[1, 1] * np.arange(rows, dtype=np.float32))[None, :, None]
        self.x = (origin[0] + step[0, 2] * np.arange(columns, dtype=np.float32))[None, None, :]

    @property
    def shape(self) -> tuple[int, int, int]:
        slices, rows, columns = self.anatomy.labels.shape
        return slices, rows, columns

    @cached_property
    def free(self) -> Mask:
        """Where the anatomy names nothing."""
        return np.asarray(self.anatomy.labels == 0)

    def none(self) -> Mask:
        return np.zeros(self.shape, dtype=bool)

    def structure(self, *names: str) -> Mask:
        return self.anatomy.structure(*names)

    def half(self, sign: float) -> Mask:
        """The right (-1) or left (+1) half, broadcastable."""
        return np.asarray(self.x * sign > 0.0)

    def bounds(self, mask: Mask) -> tuple[Point, Point]:
        """Lowest and highest (x, y, z) of voxel centres in a mask; ``ValueError`` if it is empty."""
        box = bounding_box(mask)
        low = self._corner([part.start for part in box])
        high = self._corner([part.stop - 1 for part in box])
        return low, high

    def centre(self, mask: Mask) -> Point:
        box = bounding_box(mask)
        indices = np.argwhere(mask[box]).mean(axis=0) + [part.start for part in box]
        x, y, z = self.anatomy.affine[:3, :3] @ indices + self.anatomy.affine[:3, 3]
        return float(x), float(y), float(z)

    def between(self, low_z: float, high_z: float) -> Mask:
        """The slab low_z ≤ z < high_z, broadcastable."""
        return np.asarray((self.z >= low_z) & (self.z < high_z))

    def profile(self, *points: tuple[float, float]) -> NDArray[np.float64]:
        """A value that changes along the body: linear between (z, value), broadcastable."""
        heights, values = zip(*sorted(points), strict=True)
        return np.asarray(np.interp(self.z[:, 0, 0], heights, values))[:, None, None]

    def distance(self, mask: Mask, reach_mm: float) -> NDArray[np.float32]:
        """Distance to a mask, mm; infinite beyond ``reach_mm`` around its bounding box."""
        result = np.full(self.shape, np.inf, dtype=np.float32)
        if mask.any():
            box = self.grown(bounding_box(mask), reach_mm)
            result[box] = distance_transform_edt(~mask[box], sampling=self.spacing_mm)
        return result

    def near(self, mask: Mask, reach_mm: float) -> Mask:
        """Within ``reach_mm`` of a mask, the mask included."""
        result = self.none()
        if mask.any():
            box = self.grown(bounding_box(mask), reach_mm)
            result[box] = distance_transform_edt(~mask[box], sampling=self.spacing_mm) <= reach_mm
        return result

    def core(self, mask: Mask, depth_mm: float) -> Mask:
        """The part of a mask deeper than ``depth_mm`` below its surface."""
        result = self.none()
        if mask.any():
            box = self.grown(bounding_box(mask), 2.0 * float(self.spacing_mm.max()))
            result[box] = distance_transform_edt(mask[box], sampling=self.spacing_mm) > depth_mm
        return result

    def closed(self, mask: Mask, reach_mm: float) -> Mask:
        """Gaps narrower than twice ``reach_mm`` closed."""
        result = self.none()
        box = self.grown(bounding_box(mask), reach_mm + 2.0 * float(self.spacing_mm.max()))
        grown = distance_transform_edt(~mask[box], sampling=self.spacing_mm) <= reach_mm
        result[box] = (distance_transform_edt(grown, sampling=self.spacing_mm) > reach_mm) | mask[box]
        return result

    def filled(self, mask: Mask, votes: int = 2, closing_mm: float = 4.0) -> Mask:
        """A shell with its lumen: voxels enclosed in at least ``votes`` of the three planes, small holes closed."""
        box = self.grown(bounding_box(mask), closing_mm + 9.0)
        shell = self.closed(mask, closing_mm)[box]
        count = np.zeros(shell.shape, dtype=np.uint8)
        for axis in range(3):
            for index in range(shell.shape[axis]):
                plane = (slice(None),) * axis + (index,)
                count[plane] += binary_fill_holes(shell[plane])
        result = mask.copy()
        result[box] |= count >= votes
        return result

    def hull(self, mask: Mask) -> Mask:
        """The convex hull of a mask in every slice."""
        result = mask.copy()
        box = bounding_box(mask)
        rows, columns = np.indices((box[1].stop - box[1].start, box[2].stop - box[2].start))
        for index in range(box[0].start, box[0].stop):
            corners = np.argwhere(mask[index, box[1], box[2]])
            if len(np.unique(corners[:, 0])) > 2 and len(np.unique(corners[:, 1])) > 2:
                inside = Delaunay(corners[ConvexHull(corners).vertices]).find_simplex(
                    np.stack([rows, columns], axis=-1)
                )
                result[index, box[1], box[2]] |= inside >= 0
        return result

    def nearest(self, seeds: Sequence[Mask], within: Mask) -> NDArray[np.uint8]:
        """For each voxel of ``within`` the number (from 1) of the nearest seed; 0 elsewhere."""
        labels = np.zeros(self.shape, dtype=np.uint8)
        for number, seed in enumerate(seeds, start=1):
            labels[seed] = number
        result = np.zeros(self.shape, dtype=np.uint8)
        box = bounding_box(within | (labels > 0))
        indices = distance_transform_edt(labels[box] == 0, return_distances=False, return_indices=True)
        result[box] = np.where(within[box], labels[box][tuple(indices)], 0)
        return result

    def tube(self, points: Sequence[Point], radius_mm: float | Sequence[float]) -> Mask:
        """A tube along a polyline; a sequence gives the radius at each point."""
        radii = [radius_mm] * len(points) if isinstance(radius_mm, int | float) else list(radius_mm)
        result = self.none()
        steps = zip(points[:-1], points[1:], radii[:-1], radii[1:], strict=True)
        for start, end, radius_start, radius_end in steps:
            a, b, reach = np.asarray(start), np.asarray(end), max(radius_start, radius_end)
            box = self.box(np.minimum(a, b) - reach, np.maximum(a, b) + reach)
            x, y, z = (self.x[:, :, box[2]], self.y[:, box[1]], self.z[box[0]])
            way = b - a
            share = ((x - a[0]) * way[0] + (y - a[1]) * way[1] + (z - a[2]) * way[2]) / max(float(way @ way), 1e-9)
            share = np.clip(share, 0.0, 1.0)
            squares = sum((c - a[i] - share * way[i]) ** 2 for i, c in enumerate((x, y, z)))
            result[box] |= squares <= (radius_start + share * (radius_end - radius_start)) ** 2
        return result

    def ellipsoid(self, centre: Point, radii: Point) -> Mask:
        """An ellipsoid with half axes ``radii`` along x, y, z."""
        result = self.none()
        box = self.box(np.subtract(centre, radii), np.add(centre, radii))
        x, y, z = (self.x[:, :, box[2]], self.y[:, box[1]], self.z[box[0]])
        squares = sum(((c - centre[i]) / radii[i]) ** 2 for i, c in enumerate((x, y, z)))
        result[box] = squares <= 1.0
        return result

    def box(self, low: Sequence[float] | NDArray[np.float64], high: Sequence[float] | NDArray[np.float64]) -> Box:
        """The indices that cover (x, y, z) from ``low`` to ``high``."""
        inverse, origin = np.linalg.inv(self.anatomy.affine[:3, :3]), self.anatomy.affine[:3, 3]
        start = np.floor(inverse @ (np.asarray(low) - origin)).astype(int)
        stop = np.ceil(inverse @ (np.asarray(high) - origin)).astype(int) + 1
        s, r, c = (slice(max(0, a), max(0, min(b, n))) for a, b, n in zip(start, stop, self.shape, strict=True))
        return s, r, c

    def grown(self, box: Box, reach_mm: float) -> Box:
        """A box with ``reach_mm`` around it, cut at the grid."""
        margins = np.ceil(reach_mm / self.spacing_mm).astype(int)
        s, r, c = (
            slice(max(0, part.start - m), min(n, part.stop + m))
            for part, m, n in zip(box, margins, self.shape, strict=True)
        )
        return s, r, c

    def _corner(self, indices: Sequence[int]) -> Point:
        x, y, z = self.anatomy.affine[:3, :3] @ np.asarray(indices) + self.anatomy.affine[:3, 3]
        return float(x), float(y), float(z)


def bounding_box(mask: Mask) -> Box:
    """The smallest box that holds a mask; ``ValueError`` if it is empty."""
    found = []
    for axis in range(3):
        line = np.flatnonzero(mask.any(axis=tuple(other for other in range(3) if other != axis)))
        if not len(line):
            raise ValueError("an empty mask has no bounding box")
        found.append(slice(int(line[0]), int(line[-1]) + 1))
    return found[0], found[1], found[2]
