"""Habitus: how one patient's body differs from the reference body, and where each of its points lies in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from config.volume import FloatArray
from training.cohort.pelvis import Build

REFERENCE_HEIGHT_M = 1.75
ORIGIN_Z_MM = 1050.0
"""Height in the reference body that lies at z = 0 of a patient."""

_KNOT_MM = 70.0
"""Distance between the knots of the random deformation in the reference body."""
_STEP_MM = 16.0


@dataclass(frozen=True, eq=False)
class Habitus:
    """One body.

    Parameters
    ----------
    width, depth, height
        Size relative to the reference body; ``belly`` and ``chest`` multiply width and depth there once more.
    fat_mm
        Thickness of the fat under the skin of the belly.
    kyphosis_mm, scoliosis_mm, lean_mm
        Bending of the trunk backwards between neck and loin, sideways, and over the whole height.
    arm_degrees, elbow_degrees
        Turn of right and left upper arm away from the trunk (0 is beside it, 180 overhead) and of the forearm to the
        middle, beside the trunk to the front as well.
    knots
        Random displacement, mm, shape (3, slices, rows, columns), in the order x, y, z.
    """

    build: Build
    height_m: float
    weight_kg: float
    width: float
    depth: float
    height: float
    belly: float
    chest: float
    fat_mm: float
    kyphosis_mm: float
    scoliosis_mm: float
    lean_mm: float
    arms_up: bool
    arm_degrees: tuple[float, float]
    elbow_degrees: tuple[float, float]
    knots: FloatArray


def draw_habitus(random: np.random.Generator, build: Build) -> Habitus:
    """A body at random: thin and fat, tall and short, straight and bent."""
    male = build is not Build.FEMALE
    height_m = float(np.clip(random.normal(1.75 if male else 1.63, 0.075), 1.42, 2.02))
    body_mass_index = float(np.clip(random.lognormal(np.log(25.5), 0.19), 16.0, 45.0))
    fat_mm = float(np.clip((body_mass_index - 15.0) * random.uniform(0.9, 2.1) * (1.0 if male else 1.25), 3.0, 70.0))
    tall = height_m / REFERENCE_HEIGHT_M
    stout = (body_mass_index / 25.0) ** 0.28
    arms_up = bool(random.random() < 0.62)
    arm = tuple(float(angle) for angle in random.uniform(*((148.0, 176.0) if arms_up else (-8.0, 10.0)), size=2))
    elbow = tuple(float(angle) for angle in random.uniform(*((0.0, 75.0) if arms_up else (0.0, 38.0)), size=2))
    knots = random.standard_normal((3, 29, 7, 11)).astype(np.float32)
    size_mm = np.array([random.uniform(2.0, 7.5), random.uniform(2.0, 6.5), random.uniform(2.5, 9.0)], dtype=np.float32)
    return Habitus(
        build=build,
        height_m=round(height_m, 2),
        weight_kg=round(body_mass_index * height_m**2, 1),
        width=tall**0.6 * stout**0.7 * float(random.normal(1.0, 0.045)),
        depth=tall**0.5 * stout * float(random.normal(1.0, 0.055)),
        height=tall,
        belly=float(np.clip((body_mass_index / 25.0) ** 0.45 * random.normal(1.0, 0.05), 0.82, 1.45)),
        chest=float(random.normal(1.0, 0.045)),
        fat_mm=fat_mm,
        kyphosis_mm=float(random.normal(0.0, 13.0)),
        scoliosis_mm=float(random.normal(0.0, 7.0)),
        lean_mm=float(random.normal(0.0, 9.0)),
        arms_up=arms_up,
        arm_degrees=(arm[0], arm[1]),
        elbow_degrees=(elbow[0], elbow[1]),
        knots=knots * size_mm[:, None, None, None],
    )


def reference_points(habitus: Habitus, axes: tuple[FloatArray, FloatArray, FloatArray]) -> tuple[FloatArray, ...]:
    """Where the points of a patient's grid lie in the reference body.

    Parameters
    ----------
    axes
        LPS z, y and x of the grid's slices, rows and columns, mm.

    Returns
    -------
    tuple
        z, y and x in the reference body, mm, each float32 of shape (slices, rows, columns).
    """
    coarse = tuple(
        np.arange(axis.min() - 1.0, axis.max() + _STEP_MM + 1.0, _STEP_MM, dtype=np.float32) for axis in axes
    )
    moved = _moved(habitus, *coarse)
    weights = [_linear(axis, knots) for axis, knots in zip(axes, coarse, strict=True)]
    return tuple(_spread(field, weights) for field in moved)


def _moved(habitus: Habitus, z: FloatArray, y: FloatArray, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    high = ORIGIN_Z_MM + z[:, None, None] / habitus.height
    trunk = np.exp(-(((high - 1180.0) / 330.0) ** 4))
    belly = 1.0 + (habitus.belly - 1.0) * np.exp(-(((high - 1060.0) / 120.0) ** 2))
    chest = 1.0 + (habitus.chest - 1.0) * np.exp(-(((high - 1330.0) / 90.0) ** 2))
    across = x[None, None, :] / (habitus.width * np.sqrt(belly) * chest)
    deep = y[None, :, None] / (habitus.depth * belly * chest)
    bend = np.clip((high - 900.0) / 600.0, 0.0, 1.3)
    deep = deep - habitus.kyphosis_mm * np.sin(np.pi * np.clip(bend, 0.0, 1.0)) - habitus.lean_mm * (bend - 0.5)
    # a belly grows to the front, as the back lies on the couch
    deep = deep + 55.0 * (habitus.belly - 1.0) * np.exp(-(((high - 1060.0) / 120.0) ** 2))
    across = across - habitus.scoliosis_mm * np.sin(2.0 * np.pi * bend) * trunk
    shape = np.broadcast_shapes(high.shape, across.shape, deep.shape)
    found = [np.broadcast_to(field, shape).astype(np.float32) for field in (high, deep, across)]
    shift = _random_shift(habitus.knots, *found)
    return found[0] + shift[2], found[1] + shift[1], found[2] + shift[0]


def _random_shift(knots: FloatArray, z: FloatArray, y: FloatArray, x: FloatArray) -> list[NDArray[np.float32]]:
    places = np.stack([z / _KNOT_MM, (y + 210.0) / _KNOT_MM, (x + 350.0) / _KNOT_MM])
    return [map_coordinates(field, places, order=3, mode="nearest").astype(np.float32) for field in knots]


def _linear(targets: FloatArray, knots: FloatArray) -> FloatArray:
    """Weights (targets, knots) of linear interpolation between evenly spaced knots."""
    share = (targets[:, None] - knots[None]) / (knots[1] - knots[0])
    return np.asarray(np.maximum(0.0, 1.0 - abs(share)).astype(np.float32))


def _spread(field: FloatArray, weights: list[FloatArray]) -> FloatArray:
    columns = field @ weights[2].T
    rows = np.matmul(weights[1][None], columns)
    return np.asarray(np.tensordot(weights[0], rows, axes=(1, 0)), dtype=np.float32)


def fat_share(z: FloatArray) -> FloatArray:
    """Thickness of the subcutaneous fat at heights of the reference body, relative to that of the belly."""
    heights = [0.0, 300.0, 500.0, 800.0, 860.0, 950.0, 1080.0, 1200.0, 1350.0, 1430.0, 1470.0, 1530.0, 1700.0]
    shares = [0.12, 0.3, 0.45, 0.8, 0.95, 1.1, 1.0, 0.75, 0.6, 0.45, 0.35, 0.2, 0.12]
    return np.interp(z, heights, shares).astype(np.float32)
