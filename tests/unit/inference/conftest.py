"""A phantom of a few solids: enough of a patient for rules on anatomy, on any grid."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pytest
from numpy.typing import NDArray

from config.volume import Unit, Volume
from inference.anatomy.describe import Anatomy, describe

Point = tuple[float, float, float]


def ellipsoid(points: NDArray[np.float64], centre: Point, radii: Point) -> NDArray[np.bool_]:
    return np.asarray((((points - centre) / radii) ** 2).sum(axis=-1) <= 1.0)


def column(points: NDArray[np.float64], centre: tuple[float, float], radii: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray((((points[..., :2] - centre) / radii) ** 2).sum(axis=-1) <= 1.0)


def paint(points: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """HU and SUV at LPS points: a trunk from neck to thighs with its organs, lying on a table."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    hounsfield = np.full(x.shape, -1000.0, dtype=np.float32)
    suv = np.zeros(x.shape, dtype=np.float32)

    def put(where: NDArray[np.bool_], hu: float, uptake: float) -> None:
        hounsfield[where], suv[where] = hu, uptake

    put((np.abs(x) < 180.0) & (y > 140.0) & (y < 155.0), 100.0, 0.0)
    put(column(points, (0.0, 0.0), (170.0, 110.0)) & (z > -380.0) & (z <= 255.0), 40.0, 0.7)
    put(column(points, (0.0, 20.0), (60.0, 65.0)) & (z > 255.0), 40.0, 0.7)
    for side in (-1.0, 1.0):
        put(column(points, (side * 85.0, 0.0), (78.0, 90.0)) & (z <= -380.0), 40.0, 0.7)
        put(column(points, (side * 85.0, 0.0), (15.0, 15.0)) & (z <= -370.0), 700.0, 0.7)
        put(ellipsoid(points, (side * 75.0, 0.0, 130.0), (55.0, 80.0, 125.0)), -830.0, 0.4)
        wing = (np.abs(x - side * 85.0) < 28.0) & (np.abs(y - 45.0) < 25.0) & (z > -330.0) & (z < -135.0)
        put(wing, 500.0, 0.7)
        put(ellipsoid(points, (side * 60.0, 45.0, -100.0), (25.0, 20.0, 45.0)), 35.0, 12.0)
    put(column(points, (0.0, -5.0), (10.0, 10.0)) & (z > 180.0), -1000.0, 0.3)
    put(column(points, (0.0, 62.0), (19.0, 22.0)) & (z > -330.0), 350.0, 0.8)
    put(ellipsoid(points, (-75.0, -10.0, -30.0), (75.0, 75.0, 60.0)), 55.0, 2.0)
    put(ellipsoid(points, (32.0, -35.0, 90.0), (42.0, 40.0, 45.0)), 40.0, 1.5)
    put(ellipsoid(points, (0.0, -30.0, -325.0), (35.0, 30.0, 30.0)), 5.0, 25.0)
    return hounsfield, suv


@dataclass(frozen=True, eq=False)
class Phantom:
    """The phantom on one grid, with hot balls that can be put into it."""

    suv: Volume
    ct: Volume

    @cached_property
    def points(self) -> NDArray[np.float64]:
        """LPS of every voxel, in the order of the array."""
        return self.suv.points_mm(np.moveaxis(np.indices(self.suv.shape), 0, -1).reshape(-1, 3))

    def ball(self, centre: Point, radius_mm: float = 10.0) -> NDArray[np.intp]:
        """Array indices of the voxels of a ball, in the order of the array."""
        box = np.flatnonzero(np.abs(self.points[:, 2] - centre[2]) <= radius_mm)
        inside = box[((self.points[box] - centre) ** 2).sum(axis=1) <= radius_mm**2]
        return np.column_stack(np.unravel_index(inside, self.suv.shape))

    def with_ball(self, centre: Point, uptake: float, hu: float = 45.0, radius_mm: float = 12.0) -> "Phantom":
        voxels = tuple(self.ball(centre, radius_mm).T)
        suv, ct = self.suv.values.copy(), self.ct.values.copy()
        suv[voxels], ct[voxels] = uptake, hu
        return Phantom(Volume(suv, self.suv.affine, Unit.SUVBW), Volume(ct, self.ct.affine, Unit.HOUNSFIELD))

    def describe(self) -> Anatomy:
        return describe(self.suv, self.ct)


def axial(
    bottom_mm: float = -500.0, top_mm: float = 300.0, spacing_mm: float = 6.0
) -> tuple[NDArray[np.float64], Point]:
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[::-1] * spacing_mm
    affine[:3, 3] = (-210.0, -150.0, bottom_mm)
    return affine, (round((top_mm - bottom_mm) / spacing_mm), round(330.0 / spacing_mm), round(420.0 / spacing_mm))


@pytest.fixture(scope="session")
def make_phantom() -> Callable[..., Phantom]:
    """A phantom on the grid of an affine and a shape, or between two heights on an axial grid."""

    def make(bottom_mm: float = -500.0, top_mm: float = 300.0, turn: NDArray[np.float64] | None = None) -> Phantom:
        affine, shape = axial(bottom_mm, top_mm)
        if turn is not None:
            affine, shape = turned(affine, shape, turn)
        points = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
        hounsfield, suv = paint(points)
        return Phantom(Volume(suv, affine, Unit.SUVBW), Volume(hounsfield, affine.copy(), Unit.HOUNSFIELD))

    return make


def turned(
    affine: NDArray[np.float64], shape: Point, turn: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[int, ...]]:
    """A grid turned about its middle by a rotation in array coordinates, or with its axes flipped and exchanged."""
    turn = np.asarray(turn, dtype=np.float64)
    extent = np.rint(np.abs(np.linalg.inv(turn)) @ np.asarray(shape, dtype=np.float64)).astype(int)
    new = np.eye(4)
    new[:3, :3] = affine[:3, :3] @ turn
    middle = affine[:3, :3] @ ((np.asarray(shape) - 1) / 2.0) + affine[:3, 3]
    new[:3, 3] = middle - new[:3, :3] @ ((extent - 1) / 2.0)
    return new, tuple(int(n) for n in extent)


@pytest.fixture(scope="session")
def phantom(make_phantom: Callable[..., Phantom]) -> Phantom:
    return make_phantom()


@pytest.fixture(scope="session")
def anatomy(phantom: Phantom) -> Anatomy:
    return phantom.describe()
