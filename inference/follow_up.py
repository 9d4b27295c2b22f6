"""Follow-up: which lesions of an examination are those of a prior one of the same patient."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree

from config.vocabulary import Laterality
from config.volume import Matrix
from inference.alignment import align
from inference.body_map import BodyMap

TOLERANCE_MM = 15.0
"""How far a lesion may lie from where it lay: bodies breathe and bend, and were aligned as if they were rigid."""
MARGIN = 2.0
"""How many times farther away any other lesion must be."""
OVERLAPPING_MM = 2.0
"""Nearer than this lesions overlap, and the one with the larger overlap is the same, whatever else is near."""

_INSIDE_MM = 4.0
_OPPOSITE = {Laterality.RIGHT: Laterality.LEFT, Laterality.LEFT: Laterality.RIGHT}
_NEVER = 1e6

Name = TypeVar("Name")
PriorName = TypeVar("PriorName")


@dataclass(frozen=True, eq=False)
class LesionPlace:
    """The centres of a lesion's voxels, LPS mm, shape (N, 3) with N ≥ 1, and on which side it was located."""

    points_mm: Matrix
    side: Laterality


@dataclass(frozen=True, eq=False)
class Examination(Generic[Name]):
    """What one examination shows of a patient: the body, and the lesions by name."""

    body: BodyMap
    lesions: Mapping[Name, LesionPlace]


def same_lesions(prior: Examination[PriorName], current: Examination[Name]) -> dict[Name, PriorName]:
    """For each lesion that a prior examination shows, too, its name there. Each name is given once at most.

    Bodies are aligned first (``inference.alignment``); without that nothing is the same. Lesions are paired one to one
    so that they lie as near to one another as can be, and a pair counts if it is no farther apart than
    ``TOLERANCE_MM`` and unmistakable: any other lesion of either examination is ``MARGIN`` times as far away, or the
    two overlap. A lesion on the right is never one on the left. Of what fell apart or grew together the piece with the
    largest overlap goes on.
    """
    if not prior.lesions or not current.lesions:
        return {}
    motion = align(prior.body, current.body)
    if motion is None:
        return {}
    before = [_Shape.of(place, motion) for place in prior.lesions.values()]
    now = [_Shape.of(place, np.eye(4)) for place in current.lesions.values()]
    away, apart = _distances_mm(before, now)
    names, prior_names = list(current.lesions), list(prior.lesions)
    pairs = zip(*linear_sum_assignment(np.minimum(away, TOLERANCE_MM) + apart), strict=True)
    return {names[column]: prior_names[row] for row, column in pairs if _is_same(away, int(row), int(column))}


@dataclass(frozen=True, eq=False)
class _Shape:
    """A lesion's voxels in the current examination, and a tree of them."""

    points_mm: Matrix
    side: Laterality
    tree: cKDTree

    @classmethod
    def of(cls, place: LesionPlace, motion: Matrix) -> "_Shape":
        points = place.points_mm @ motion[:3, :3].T + motion[:3, 3]
        return cls(points, place.side, cKDTree(points))


def _distances_mm(before: list[_Shape], now: list[_Shape]) -> tuple[Matrix, Matrix]:
    """Shape (before, now): how far apart lesions are, and the share of them that does not overlap (0 to 1)."""
    away = np.full((len(before), len(now)), _NEVER)
    apart = np.ones_like(away)
    for row, column in np.argwhere(_boxes_apart_mm(before, now) <= MARGIN * TOLERANCE_MM).tolist():
        if _OPPOSITE.get(before[row].side) != now[column].side:
            away[row, column], apart[row, column] = _distance_mm(before[row], now[column])
    return away, apart


def _boxes_apart_mm(before: list[_Shape], now: list[_Shape]) -> Matrix:
    """Shape (before, now): how far apart the boxes are that lesions fill; no lesions are nearer."""
    (low, high), (new_low, new_high) = (
        [np.stack([end(shape.points_mm, axis=0) for shape in shapes]) for end in (np.min, np.max)]
        for shapes in (before, now)
    )
    gaps = np.maximum(low[:, None] - new_high, new_low - high[:, None])
    return np.asarray(np.linalg.norm(np.maximum(gaps, 0.0), axis=-1))


def _distance_mm(old: _Shape, new: _Shape) -> tuple[float, float]:
    """The mean distance of the smaller lesion's voxels from the larger one, and the share that does not overlap."""
    small, large = sorted((old, new), key=lambda shape: len(shape.points_mm))
    distances, _ = large.tree.query(small.points_mm)
    shared = 2.0 * np.count_nonzero(distances <= _INSIDE_MM) / (len(small.points_mm) + len(large.points_mm))
    return float(np.maximum(distances - _INSIDE_MM, 0.0).mean()), 1.0 - float(shared)


def _is_same(away: Matrix, row: int, column: int) -> bool:
    distance = away[row, column]
    others = np.concatenate([np.delete(away[row], column), np.delete(away[:, column], row)])
    if distance <= OVERLAPPING_MM:
        return True
    return bool(distance <= TOLERANCE_MM and others.min(initial=_NEVER) >= MARGIN * distance)
