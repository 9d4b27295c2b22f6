"""The body map: a patient's organs on a coarse grid along the patient's own axes, to lay one examination on another."""

from dataclasses import dataclass

import numpy as np

from config.label_grid import labels_on_grid, whole
from config.organs import OrganMap
from config.volume import Matrix

SPACING_MM = 8.0


@dataclass(frozen=True, eq=False)
class BodyMap:
    """Organs on an isotropic grid of axes (inferior→superior, anterior→posterior, right→left) in LPS.

    ``organs`` has the shape (z, y, x); ``origin_mm`` is the (x, y, z) of its first voxel.
    """

    organs: OrganMap
    origin_mm: tuple[float, float, float]

    @classmethod
    def of(cls, organs: OrganMap, affine: Matrix) -> "BodyMap":
        """The body map of an organ map on any grid, cut to what it covers of the patient from side to side.

        All heights in view stay, patient or not: beyond them nothing is known.
        """
        corners = np.array(np.meshgrid(*((0, size - 1) for size in organs.shape), indexing="ij")).reshape(3, 8)
        points = affine[:3, :3] @ corners + affine[:3, 3:]
        low, high = points.min(axis=1), points.max(axis=1)
        shape = np.floor((high - low) / SPACING_MM).astype(int)[::-1] + 1
        origin = (low + high - (shape[::-1] - 1) * SPACING_MM) / 2.0
        made = cls(organs, (float(origin[0]), float(origin[1]), float(origin[2])))
        coarse = labels_on_grid(organs, affine, made.affine, whole((int(shape[0]), int(shape[1]), int(shape[2]))))
        return cls(coarse, made.origin_mm)

    @property
    def affine(self) -> Matrix:
        """Index (z, y, x, 1) to LPS millimetres."""
        affine = np.eye(4)
        affine[:3, :3] = np.eye(3)[::-1] * SPACING_MM
        affine[:3, 3] = self.origin_mm
        return affine
