"""Field of view: which part of a patient is scanned, on which grids, and how sharply."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.volume import FloatArray
from inference.patient.patient import Grid
from training.cohort.habitus import ORIGIN_Z_MM, Habitus

_PET_VOXELS = ((2.0, 4.07), (3.0, 4.07), (5.0, 4.07), (3.27, 5.47), (2.79, 3.65), (4.0, 4.0), (2.68, 2.34), (3.0, 3.0))
"""Slice thickness and pixel size of common scanners, mm."""
_CT_SLICES_MM = (2.5, 3.0, 3.27, 4.0, 5.0)


@dataclass(frozen=True, eq=False)
class Field:
    """A scan of one patient.

    Parameters
    ----------
    pet, ct
        Their grids.
    point_spread_mm
        Full width at half maximum of the PET's point spread.
    pet_noise
        Standard deviation of the PET's noise at SUV 1.
    ct_noise_hu, ct_blur_mm
        Noise in water at the middle of a slim body, and the width of the reconstruction kernel.
    breathing_mm
        How far the diaphragm moves.
    enhancement
        Share of a full portal venous phase; 0 is an unenhanced CT.
    ct_radius_mm
        Beyond this distance from its axis the CT measures nothing.
    """

    pet: Grid
    ct: Grid
    point_spread_mm: float
    pet_noise: float
    ct_noise_hu: float
    ct_blur_mm: float
    breathing_mm: float
    enhancement: float
    ct_radius_mm: float


def draw_field(random: np.random.Generator, habitus: Habitus) -> Field:
    """A field of view at random: the usual ones, and any other from time to time."""
    top, bottom = _heights(random)
    heights = [(level - ORIGIN_Z_MM) * habitus.height for level in (bottom, top)]
    slice_mm, pixel_mm = _PET_VOXELS[int(random.integers(len(_PET_VOXELS)))]
    ct_slice_mm = float(random.choice(_CT_SLICES_MM))
    centre = (float(random.normal(0.0, 9.0)), float(random.normal(-5.0, 14.0)))
    wide = float(random.choice([550.0, 600.0, 700.0], p=[0.2, 0.4, 0.4]))
    wide_ct = float(random.choice([500.0, 650.0, 700.0], p=[0.5, 0.2, 0.3]))
    pixel_ct = float(random.uniform(2.0, 2.7))
    enhanced = random.random() < 0.4
    return Field(
        pet=_grid(heights, slice_mm, pixel_mm, wide, centre),
        ct=_grid(
            [heights[0] - random.uniform(0, 12), heights[1] + random.uniform(0, 12)],
            ct_slice_mm,
            pixel_ct,
            min(wide_ct, 660.0),
            centre,
        ),
        point_spread_mm=float(random.uniform(4.0, 7.0)),
        pet_noise=float(random.lognormal(np.log(0.09), 0.5)),
        ct_noise_hu=float(random.lognormal(np.log(14.0), 0.45)),
        ct_blur_mm=float(random.uniform(1.5, 4.0)),
        breathing_mm=float(random.uniform(0.0, 18.0)),
        enhancement=float(random.uniform(0.35, 1.15)) if enhanced else 0.0,
        ct_radius_mm=wide_ct / 2.0,
    )


def axes_of(grid: Grid) -> tuple[FloatArray, FloatArray, FloatArray]:
    """LPS z of the slices, y of the rows and x of the columns of a transverse grid, mm."""
    z, y, x = (
        (grid.affine[2 - axis, 3] + grid.affine[2 - axis, axis] * np.arange(grid.shape[axis])).astype(np.float32)
        for axis in range(3)
    )
    return z, y, x


def measured(field: Field) -> NDArray[np.bool_]:
    """Shape of the CT: within its circle."""
    _, y, x = axes_of(field.ct)
    middle = field.ct.affine[:3, :3] @ (np.asarray(field.ct.shape) - 1) / 2.0 + field.ct.affine[:3, 3]
    circle = (x[None, :] - middle[0]) ** 2 + (y[:, None] - middle[1]) ** 2 <= field.ct_radius_mm**2
    return np.broadcast_to(circle, field.ct.shape).copy()


def _heights(random: np.random.Generator) -> tuple[float, float]:
    """Upper and lower end in the reference body: the usual ones or anywhere."""
    top = {
        "vertex": random.uniform(1755.0, 1790.0),
        "eyes": random.uniform(1580.0, 1640.0),
        "skull base": random.uniform(1530.0, 1580.0),
    }
    usual = str(random.choice(["vertex", "eyes", "skull base", "any"], p=[0.4, 0.15, 0.2, 0.25]))
    high = top.get(usual, float(random.uniform(950.0, 1760.0)))
    below = str(random.choice(["thigh", "knee", "toes", "any"], p=[0.6, 0.08, 0.12, 0.2]))
    low = {"thigh": random.uniform(600.0, 780.0), "knee": random.uniform(380.0, 480.0), "toes": -15.0}.get(below)
    if low is None:
        low = random.uniform(700.0, 1450.0)
    low = min(float(low), high - 260.0)
    return float(high), max(low, -15.0)


def _grid(heights: list[float], slice_mm: float, pixel_mm: float, wide_mm: float, centre: tuple[float, float]) -> Grid:
    slices = max(24, round((heights[1] - heights[0]) / slice_mm))
    pixels = int(wide_mm / pixel_mm) // 2 * 2
    middle = (centre[0], centre[1], (heights[0] + heights[1]) / 2.0)
    return Grid.axial((slices, pixels, pixels), (slice_mm, pixel_mm, pixel_mm), middle)
