"""Contours: the outer and inner borders of a mask as closed polylines along the edges of its pixels."""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]


def contours(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Closed polylines (N, 2) in (column, row), the last point the first again; none of an empty mask.

    The upper left corner of the first pixel is (0, 0), its lower right corner (1, 1) (PS3.3 C.10.5, PIXEL). What is
    set lies to the right of the way, so holes are gone round the other way.
    """
    following = _edges(mask)
    found = []
    while following:
        start = min(following)
        line, point = [start], _step(following, start)
        while point != start:
            line.append(point)
            point = _step(following, point)
        found.append(_corners(np.array(line, dtype=np.float64)))
    return found


def _edges(mask: NDArray[np.bool_]) -> dict[Point, list[Point]]:
    """Ends of the edges between set and unset pixels, by where they start."""
    padded = np.pad(mask, 1).astype(np.int8)
    downwards, rightwards = np.diff(padded, axis=0)[:, 1:-1], np.diff(padded, axis=1)[1:-1]
    following: dict[Point, list[Point]] = defaultdict(list)
    for change, (dx, dy), (ex, ey), steps in (
        (downwards, (0, 0), (1, 0), 1),
        (downwards, (1, 0), (0, 0), -1),
        (rightwards, (0, 1), (0, 0), 1),
        (rightwards, (0, 0), (0, 1), -1),
    ):
        for row, column in np.argwhere(change == steps).tolist():
            following[column + dx, row + dy].append((column + ex, row + ey))
    return following


def _step(following: dict[Point, list[Point]], point: Point) -> Point:
    ends = following[point]
    end = ends.pop()
    if not ends:
        del following[point]
    return end


def _corners(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """A closed line without the points at which it goes straight on."""
    before, behind = line - np.roll(line, 1, axis=0), np.roll(line, -1, axis=0) - line
    corners = line[(before != behind).any(axis=1)]
    return np.vstack([corners, corners[:1]])
