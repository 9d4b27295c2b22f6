"""Continuous shapes in millimetres, and how they are painted into voxels with soft, voxel-wide edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from config.volume import FloatArray, Matrix

Point = tuple[float, float, float]
SLICES_PER_SLAB = 16


class Shape(Protocol):
    """A solid: a box that holds it and a level that is negative inside and about the distance (mm) near the surface."""

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

    def level(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray: ...


@dataclass(frozen=True)
class Ellipsoid:
    """``lean_deg`` turns the solid's z axis towards +x, seen from the front (about the y axis)."""

    centre: Point
    radii: Point
    lean_deg: float = 0.0

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        cosine, sine = _turn(self.lean_deg)
        reach_x, reach_z = np.hypot(
            (self.radii[0] * cosine, self.radii[0] * sine), (self.radii[2] * sine, self.radii[2] * cosine)
        )
        reach = np.array((reach_x, self.radii[1], reach_z))
        return np.asarray(self.centre) - reach, np.asarray(self.centre) + reach

    def level(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        along_x, along_y, along_z = x - self.centre[0], y - self.centre[1], z - self.centre[2]
        if self.lean_deg:
            cosine, sine = _turn(self.lean_deg)
            along_x, along_z = along_x * cosine - along_z * sine, along_x * sine + along_z * cosine
        squares = (
            np.square(along_x / self.radii[0]) + np.square(along_y / self.radii[1]) + np.square(along_z / self.radii[2])
        )
        return np.asarray((squares - 1.0) * float(np.mean(self.radii) / 2.0), np.float32)


@dataclass(frozen=True)
class Capsule:
    """A round rod between two points, tapering from one radius to the other."""

    start: Point
    end: Point
    radius_start: float
    radius_end: float

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        ends = np.array((self.start, self.end))
        reach = max(self.radius_start, self.radius_end)
        return ends.min(axis=0) - reach, ends.max(axis=0) + reach

    def level(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        axis = np.subtract(self.end, self.start)
        length_squared = float(axis @ axis)
        from_x, from_y, from_z = x - self.start[0], y - self.start[1], z - self.start[2]
        along = from_x * np.float32(axis[0]) + from_y * np.float32(axis[1]) + from_z * np.float32(axis[2])
        squares = np.square(from_x) + np.square(from_y) + np.square(from_z)
        fraction = np.clip(along / np.float32(length_squared), 0.0, 1.0)
        squares = squares - fraction * (2.0 * along - fraction * np.float32(length_squared))
        radius = self.radius_start + fraction * np.float32(self.radius_end - self.radius_start)
        return np.asarray(np.sqrt(np.maximum(squares, 0.0)) - radius, np.float32)


@dataclass(frozen=True)
class Tower:
    """A stack of superellipses whose half-width, half-depth and centre change with height.

    ``profile`` has a row (z, half width, half depth, centre y) for each height, z increasing; between them values are
    interpolated linearly. ``exponent`` 2 is an ellipse, larger is boxier.
    """

    profile: tuple[tuple[float, float, float, float], ...]
    exponent: float = 2.0
    centre_x: float = 0.0

    def grown(self, margins_mm: Sequence[float]) -> "Tower":
        """The same tower with a margin of its own at every height of the profile."""
        rows = zip(self.profile, margins_mm, strict=True)
        return Tower(tuple((z, a + m, b + m, y) for (z, a, b, y), m in rows), self.exponent, self.centre_x)

    def at(self, z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Half width, half depth and centre y at heights z."""
        heights, *columns = np.asarray(self.profile).T
        width, depth, centre_y = (np.interp(z, heights, column).astype(np.float32) for column in columns)
        return width, depth, centre_y

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        z, width, depth, centre_y = np.asarray(self.profile).T
        lower = np.array((self.centre_x - width.max(), (centre_y - depth).min(), z.min()))
        return lower, np.array((self.centre_x + width.max(), (centre_y + depth).max(), z.max()))

    def level(self, x: FloatArray, y: FloatArray, z: FloatArray) -> FloatArray:
        width, depth, centre_y = self.at(z)
        sides = np.abs((x - self.centre_x) / width) ** np.float32(self.exponent)
        fronts = np.abs((y - centre_y) / depth) ** np.float32(self.exponent)
        lateral = (sides + fronts - 1.0) * (np.minimum(width, depth) / np.float32(self.exponent))
        ends = np.maximum(np.float32(self.profile[0][0]) - z, z - np.float32(self.profile[-1][0]))
        return np.asarray(np.maximum(lateral, ends), np.float32)


def tube(points: Sequence[Point], radius: float, end_radius: float | None = None) -> tuple[Capsule, ...]:
    """Capsules along a polyline, tapering evenly from ``radius`` to ``end_radius``."""
    radii = np.linspace(radius, radius if end_radius is None else end_radius, len(points))
    return tuple(
        Capsule(points[i], points[i + 1], float(radii[i]), float(radii[i + 1])) for i in range(len(points) - 1)
    )


def render(
    parts: Sequence[tuple[Shape, float]], shape: tuple[int, int, int], affine: Matrix, background: float
) -> FloatArray:
    """Voxels (slices, rows, columns) of shapes painted one over the other, later ones on top.

    ``affine`` takes array indices (slice, row, column) to the shapes' own millimetres. Work goes slab by slab, so
    that temporary memory stays small whatever the grid.
    """
    values = np.full(shape, background, dtype=np.float32)
    boxes = [index_box(part, shape, affine) for part, _ in parts]
    for first in range(0, shape[0], SLICES_PER_SLAB):
        last = min(first + SLICES_PER_SLAB, shape[0])
        for (part, value), box in zip(parts, boxes, strict=True):
            lower, upper = max(box[0].start, first), min(box[0].stop, last)
            if lower < upper and box[1].start < box[1].stop and box[2].start < box[2].stop:
                _paint(values, (slice(lower, upper), box[1], box[2]), part, value, affine)
    return values


def coordinates(box: tuple[slice, slice, slice], affine: Matrix) -> tuple[FloatArray, FloatArray, FloatArray]:
    """x, y, z of the voxel centres of an index box, as arrays that broadcast to the box's shape.

    An array varies only along the axes that the affine couples it to: on an axial grid each has one long axis.
    """
    axes = np.ix_(*(np.arange(part.start, part.stop, dtype=np.float64) for part in box))
    points = []
    for row in affine[:3]:
        terms = [axis * step for axis, step in zip(axes, row[:3], strict=True) if abs(step) > 1e-9]
        total: NDArray[np.float64] = sum(terms, np.full((1, 1, 1), row[3]))
        points.append(total.astype(np.float32))
    x, y, z = points
    return x, y, z


def index_box(part: Shape, shape: tuple[int, int, int], affine: Matrix) -> tuple[slice, slice, slice]:
    """The array indices that a shape can touch on a grid, with two voxels to spare for its soft edge."""
    lower, upper = part.bounds()
    corners = np.array(np.meshgrid(*zip(lower, upper, strict=True))).reshape(3, -1).T
    indices = (corners - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    start = np.clip(np.floor(indices.min(axis=0)) - 2, 0, shape).astype(int)
    stop = np.clip(np.ceil(indices.max(axis=0)) + 3, 0, shape).astype(int)
    return slice(start[0], stop[0]), slice(start[1], stop[1]), slice(start[2], stop[2])


def _paint(values: FloatArray, box: tuple[slice, slice, slice], part: Shape, value: float, affine: Matrix) -> None:
    edge_mm = float(abs(np.linalg.det(affine[:3, :3])) ** (1 / 3))
    cover = part.level(*coordinates(box, affine))
    cover *= np.float32(-1.0 / edge_mm)
    cover += np.float32(0.5)
    np.clip(cover, 0.0, 1.0, out=cover)
    view = values[box]
    cover *= np.float32(value) - view
    view += cover


def _turn(degrees: float) -> tuple[float, float]:
    return float(np.cos(np.deg2rad(degrees))), float(np.sin(np.deg2rad(degrees)))
