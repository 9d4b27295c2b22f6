"""Volume: voxels with their place in the patient."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Matrix = NDArray[np.float64]


class Unit(StrEnum):
    """What a voxel's value means, as a UCUM code (PS3.16 CID 84, CID 85)."""

    HOUNSFIELD = "[hnsf'U]"
    BQML = "Bq/ml"
    RESCALED = "1"  # a PET's values in the unit its header names, which is not Bq/ml
    SUVBW = "g/ml{SUVbw}"


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels with their place in the patient.

    Parameters
    ----------
    values
        float32, shape (slices, rows, columns).
    affine
        float64, shape (4, 4): array index (slice, row, column, 1) to LPS millimetres, in the order of the array's
        axes. Slices are stacked along +axis 0; the determinant may have either sign.
    unit
        What a value means.
    """

    values: FloatArray
    affine: Matrix
    unit: Unit

    @property
    def shape(self) -> tuple[int, int, int]:
        slices, rows, columns = self.values.shape
        return slices, rows, columns

    @cached_property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Distance between neighbours along (slice, row, column), mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def voxel_volume_ml(self) -> float:
        return float(abs(np.linalg.det(self.affine[:3, :3])) / 1000.0)

    def points_mm(self, indices: NDArray[Any]) -> Matrix:
        """LPS points (N, 3) of array indices (N, 3) in (slice, row, column)."""
        return np.asarray(np.asarray(indices, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3])

    def indices(self, points_mm: NDArray[Any]) -> Matrix:
        """Fractional array indices (N, 3) in (slice, row, column) of LPS points (N, 3)."""
        offset = np.asarray(points_mm, dtype=np.float64) - self.affine[:3, 3]
        return np.asarray(offset @ np.linalg.inv(self.affine[:3, :3]).T)
