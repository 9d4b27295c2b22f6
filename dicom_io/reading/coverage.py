"""Coverage: how much of the body that a PET shows lies in a CT."""

import numpy as np

from dicom_io.reading.geometry import Stack

BODY_RADIUS_MM = 200.0
_SAMPLES = 33


def covered_fraction(pet: Stack, ct: Stack) -> float:
    """The fraction of the PET's body region that lies inside the CT, in [0, 1].

    The body region is what lies in the PET within ``BODY_RADIUS_MM`` of its central axis, so that the air at the edge
    of a wide PET field of view, which no CT covers, doesn't count. Every slice is sampled at up to 33 × 33 points.
    """
    slices, rows, columns = pet.shape
    row, column = (np.linspace(0, extent - 1, min(extent, _SAMPLES)) for extent in (rows, columns))
    grid = np.stack(np.meshgrid(np.arange(slices), row, column, indexing="ij"), axis=-1).reshape(-1, 3)
    centre = np.array([0.0, (rows - 1) / 2, (columns - 1) / 2])
    beside = (grid - centre) * np.array([0.0, *np.linalg.norm(pet.affine[:3, 1:3], axis=0)])
    points = grid[np.linalg.norm(beside, axis=1) <= BODY_RADIUS_MM] @ pet.affine[:3, :3].T + pet.affine[:3, 3]
    indices = (points - ct.affine[:3, 3]) @ np.linalg.inv(ct.affine[:3, :3]).T
    inside = np.all((indices >= -0.5) & (indices <= np.array(ct.shape) - 0.5), axis=1)
    return float(inside.mean()) if inside.size else 0.0
