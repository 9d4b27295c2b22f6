"""Basins: which peak of uptake each voxel belongs to."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
NEIGHBOURS = tuple(offset for offset in product((-1, 0, 1), repeat=3) if any(offset))


@dataclass(frozen=True, eq=False)
class Basins:
    """``voxels``: flat indices of the domain, ascending; ``basin``: for each, its basin from 0 to ``len(peaks) - 1``;
    ``peaks``: for each basin the flat index of its highest voxel; ``touching``: pairs of basins that touch, shape
    (pairs, 2), from the highest saddle between them to the lowest."""

    voxels: IntArray
    basin: IntArray
    peaks: IntArray
    touching: IntArray


def find_basins(
    values: NDArray[np.float32],
    domain: NDArray[np.bool_],
    spacing_mm: NDArray[np.float64],
    *,
    lowest_peak: float,
    prominence: float,
    relative_prominence: float,
    peak_distance_mm: float,
    apart: NDArray[np.bool_] | None = None,
) -> Basins:
    """Divide a domain into the basins of attraction of its peaks.

    A watershed by steepest ascent: every voxel belongs to the local maximum that it climbs to through its 26
    neighbours. Two basins that meet at a saddle are one if the lower of their peaks is below ``lowest_peak``, rises
    above the saddle by less than ``max(prominence, relative_prominence × peak)``, or lies within ``peak_distance_mm``
    of the other. The highest saddles are taken first, so this is an h-maxima transform whose h grows with the peak.
    Ties are broken by array order; the result depends on nothing but the arguments.

    Parameters
    ----------
    values, domain
        Shape (slices, rows, columns).
    spacing_mm
        Distance between neighbours along each axis.
    apart
        Voxels that share no basin with the others.
    """
    shape = (values.shape[0] + 2, values.shape[1] + 2, values.shape[2] + 2)
    inside = np.flatnonzero(domain)
    padded = np.ravel_multi_index(tuple(axis + 1 for axis in np.unravel_index(inside, values.shape)), shape)
    place = np.full(shape, -1, dtype=np.int32).reshape(-1)
    place[padded] = np.arange(inside.size, dtype=np.int32)
    heights = np.append(values.reshape(-1)[inside], -np.inf).astype(np.float32)
    steps = [(down * shape[1] + back) * shape[2] + across for down, back, across in NEIGHBOURS]

    kind = np.zeros(inside.size, dtype=np.bool_) if apart is None else apart.reshape(-1)[inside]
    tops = _climb(place, padded, heights, steps, kind)
    summits, basin = np.unique(tops, return_inverse=True)
    lower, higher, saddles = _saddles(place, padded, heights, steps, basin.astype(np.int64))
    points = np.stack(np.unravel_index(inside[summits], values.shape), axis=1) * spacing_mm
    parents = _merge(
        heights[summits].astype(np.float64),
        points,
        kind[summits],
        zip(lower.tolist(), higher.tolist(), saddles.tolist(), strict=True),
        lowest_peak=lowest_peak,
        prominence=prominence,
        relative_prominence=relative_prominence,
        peak_distance_mm=peak_distance_mm,
    )
    roots, numbers = np.unique(parents, return_inverse=True)
    merged = numbers[basin].astype(np.int64)
    first, second, _ = _saddles(place, padded, heights, steps, merged)
    return Basins(voxels=inside, basin=merged, peaks=inside[summits[roots]], touching=np.stack([first, second], axis=1))


def _climb(
    place: NDArray[np.int32],
    padded: IntArray,
    heights: NDArray[np.float32],
    steps: list[int],
    kind: NDArray[np.bool_],
) -> NDArray[np.int32]:
    """For each voxel of the domain the place of the local maximum above it."""
    target = np.arange(padded.size, dtype=np.int32)
    height = heights[:-1].copy()
    for step in steps:
        neighbour = place[padded + step]
        risen = heights[neighbour]
        better = (risen > height) | ((risen == height) & (neighbour > target))
        better &= kind[neighbour] == kind
        target[better] = neighbour[better]
        height[better] = risen[better]
    while True:
        further = target[target]
        if np.array_equal(further, target):
            return target
        target = further


def _saddles(
    place: NDArray[np.int32],
    padded: IntArray,
    heights: NDArray[np.float32],
    steps: list[int],
    basin: IntArray,
) -> tuple[IntArray, IntArray, NDArray[np.float32]]:
    """The highest pass between each two basins that touch, from the highest to the lowest."""
    pairs: list[IntArray] = []
    passes: list[NDArray[np.float32]] = []
    count = int(basin.max(initial=-1)) + 1
    for step in steps[len(steps) // 2 :]:
        neighbour = place[padded + step]
        here = np.flatnonzero((neighbour >= 0) & (basin != basin[neighbour]))
        there = neighbour[here]
        first, second = basin[here], basin[there]
        pairs.append(np.minimum(first, second) * count + np.maximum(first, second))
        passes.append(np.minimum(heights[here], heights[there]))
    pair, height = np.concatenate(pairs), np.concatenate(passes)
    order = np.lexsort((-height, pair))
    pair, height = pair[order], height[order]
    first_of_pair = np.flatnonzero(np.diff(pair, prepend=-1))
    pair, height = pair[first_of_pair], height[first_of_pair]
    order = np.lexsort((pair, -height))
    return pair[order] // count, pair[order] % count, height[order]


def _merge(
    heights: NDArray[np.float64],
    points_mm: NDArray[np.float64],
    kind: NDArray[np.bool_],
    saddles: "zip[tuple[int, int, float]]",
    *,
    lowest_peak: float,
    prominence: float,
    relative_prominence: float,
    peak_distance_mm: float,
) -> IntArray:
    """For each basin the one with the highest peak among those it is merged with."""
    parents = list(range(len(heights)))

    def root(basin: int) -> int:
        while parents[basin] != basin:
            parents[basin] = parents[parents[basin]]
            basin = parents[basin]
        return basin

    for first, second, saddle in saddles:
        low, high = sorted((root(first), root(second)), key=lambda basin: (heights[basin], basin))
        if low == high or kind[low] != kind[high]:
            continue
        peak = heights[low]
        if (
            peak < lowest_peak
            or peak - saddle < max(prominence, relative_prominence * peak)
            or np.linalg.norm(points_mm[low] - points_mm[high]) < peak_distance_mm
        ):
            parents[low] = high
    return np.array([root(basin) for basin in range(len(heights))], dtype=np.int64)
