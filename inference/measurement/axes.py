"""Axes: the long and the short diameter of a region, as a reader would draw them."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from config.volume import Matrix

_EQUAL_MM = 1e-6


def axes_in_plane(region: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> tuple[float, float]:
    """The longest diameter in any slice, and the longest at right angles to it in the same slice, mm.

    In the planes of the acquisition, as RECIST 1.1 measures (Eisenhauer 2009). Diameters are chords of the convex
    hull of the slice's outline, which runs through the middle of the faces between voxels inside and outside (as a
    marching-squares contour does), so that a row of n voxels is n voxels long. Several regions in one slice are
    spanned together. Of equal longest diameters the one with the longest short axis counts.

    Parameters
    ----------
    region
        Shape (slices, rows, columns), at least one voxel.
    spacing_mm
        Distance between neighbouring rows and between neighbouring columns.
    """
    best = (0.0, 0.0)
    for plane in region[region.any(axis=(1, 2))]:
        outline = _outline(plane) * np.asarray(spacing_mm)
        if np.linalg.norm(np.ptp(outline, axis=0)) < best[0] - _EQUAL_MM:
            continue
        found = _axes_of_polygon(outline[ConvexHull(outline).vertices])
        if found[0] > best[0] + _EQUAL_MM or (found[0] > best[0] - _EQUAL_MM and found[1] > best[1]):
            best = found
    return best


def _outline(plane: NDArray[np.bool_]) -> Matrix:
    """Points (N, 2) in (row, column) whose convex hull is that of the outline: only the ends of rows can be on it."""
    rows = np.flatnonzero(plane.any(axis=1))
    first = plane[rows].argmax(axis=1)
    last = plane.shape[1] - 1 - plane[rows][:, ::-1].argmax(axis=1)
    points = [
        np.stack([rows + down, ends + across], axis=1)
        for ends, side in ((first, -0.5), (last, 0.5))
        for down, across in ((0.0, side), (0.5, 0.0), (-0.5, 0.0))
    ]
    return np.concatenate(points)


def _axes_of_polygon(corners: Matrix) -> tuple[float, float]:
    """Of a convex polygon, corners in order: the diameter and the longest chord at right angles to it."""
    between = corners[:, None] - corners[None]
    lengths = np.linalg.norm(between, axis=2)
    longest = float(lengths.max())
    short = 0.0
    for first, second in np.argwhere(np.triu(lengths >= longest - _EQUAL_MM)):
        short = max(short, _longest_chord_across(corners, between[first, second] / lengths[first, second]))
    return longest, short


def _longest_chord_across(corners: Matrix, direction: NDArray[np.float64]) -> float:
    """The longest chord perpendicular to a direction; over a convex polygon it starts at a corner."""
    along = corners @ direction
    across = corners @ np.array([-direction[1], direction[0]])
    next_along, next_across = np.roll(along, -1), np.roll(across, -1)
    heights = along[:, None]
    crossed = (np.minimum(along, next_along) <= heights) & (heights <= np.maximum(along, next_along))
    rise = next_along - along
    flat = rise == 0.0
    part = np.where(flat, 0.0, (heights - along) / np.where(flat, 1.0, rise))
    ends = across + part * (next_across - across)
    far_ends = np.where(flat, next_across, ends)
    highest = np.where(crossed, np.maximum(ends, far_ends), -np.inf).max(axis=1)
    lowest = np.where(crossed, np.minimum(ends, far_ends), np.inf).min(axis=1)
    return float((highest - lowest).max())
