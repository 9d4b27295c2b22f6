"""Tissue: one patient's organs on one grid, with the fat and skin around them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from config.volume import FloatArray
from inference.patient.patient import Grid
from training.cohort.field import axes_of
from training.cohort.habitus import ORIGIN_Z_MM, Habitus, fat_share, reference_points
from training.cohort.organs import NUMBERS
from training.cohort.pose import Posed

_SKIN_MM = 3.0
_LIMB_SHARE = 0.45


@dataclass(frozen=True, eq=False)
class TissueMap:
    """Organs (uint8, ``organs.NUMBERS``) and leaves (uint16, as in ``Atlas``) on a grid.

    ``outside_mm`` is the distance to the skin outside the body, 0 within it; ``heights`` are those of the slices in
    the reference body.
    """

    grid: Grid
    organs: NDArray[np.uint8]
    leaves: NDArray[np.uint16]
    outside_mm: FloatArray
    heights: FloatArray

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(self.grid.affine[:3, :3], axis=0))

    def smooth_noise(self, random: np.random.Generator, scale_mm: float) -> FloatArray:
        """Noise of variance 1 that changes over ``scale_mm``; made on a coarse grid."""
        step = np.maximum(1.0, scale_mm / 2.0 / self.spacing_mm)
        coarse = tuple(int(np.ceil(size / each)) + 3 for size, each in zip(self.grid.shape, step, strict=True))
        noise = gaussian_filter(random.standard_normal(coarse, dtype=np.float32), 1.0)
        noise /= max(float(noise.std()), 1e-6)
        if step.max() > 1.0:
            factors = [(size + 1) / each for size, each in zip(self.grid.shape, coarse, strict=True)]
            noise = zoom(noise, factors, order=1)
        slices, rows, columns = self.grid.shape
        return np.asarray(noise[:slices, :rows, :columns], dtype=np.float32)


def map_tissue(posed: Posed, habitus: Habitus, grid: Grid) -> TissueMap:
    """A posed atlas in one patient's shape, on a grid."""
    axes = axes_of(grid)
    flat = posed.indices(*reference_points(habitus, axes))
    organs = posed.organs.reshape(-1)[flat]
    depth = posed.depth_mm.reshape(-1)[flat].astype(np.float32)
    heights = (ORIGIN_Z_MM + axes[0] / habitus.height).astype(np.float32)
    thickness = (2.0 + habitus.fat_mm * fat_share(heights))[:, None, None].astype(np.float32)
    limb = posed.limb.reshape(-1)[flat]
    outside = depth - np.where(limb, np.minimum(thickness * _LIMB_SHARE, 14.0), thickness)
    empty = (organs == 0) & (depth > 0.0)
    organs[empty & (outside <= 0.0)] = NUMBERS["fat"]
    organs[empty & (outside > 0.0) & (outside <= _SKIN_MM)] = NUMBERS["skin"]
    leaves = posed.leaves.reshape(-1)[flat]
    # regions of the skin's fat end where this patient's skin does
    leaves[empty & (outside > _SKIN_MM)] = 0
    return TissueMap(grid, organs, leaves, np.maximum(outside - _SKIN_MM, 0.0), heights)
