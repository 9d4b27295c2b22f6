"""Resampling between two grids of the same directions, as nnU-Net v2 does it, slab by slab.

nnU-Net's splines (scikit-image's ``resize``, so SciPy's ``zoom``) are separable: one matrix for each axis, taken from
SciPy itself, does the same to rounding, works on any part of the result, and touches far fewer neighbours.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

from inference.bundles.specification import Alignment, Order, Resampling
from inference.engines.arrays import Array, Arrays, Weights

Range = tuple[int, int]
Triple = tuple[int, int, int]

_ANISOTROPY = 3.0  # nnunetv2.configuration.ANISO_THRESHOLD
_NEGLIGIBLE = 1e-9
_SLAB = 16


def grid_shape(
    shape: tuple[int, ...], spacing_mm: tuple[float, ...], target_mm: tuple[float, ...], alignment: Alignment
) -> Triple:
    """Voxels along each axis at another spacing, at least 1 (nnU-Net's compute_new_shape; MONAI's shape of Spacing)."""
    if alignment is Alignment.EDGES:
        sizes = [round(old / new * n) for n, old, new in zip(shape, spacing_mm, target_mm, strict=True)]
    else:
        sizes = [round((n - 1) * old / new + 1.0) for n, old, new in zip(shape, spacing_mm, target_mm, strict=True)]
    return max(1, int(sizes[0])), max(1, int(sizes[1])), max(1, int(sizes[2]))


@dataclass(frozen=True, eq=False)
class Line:
    """Interpolation along one axis.

    ``weights``: shape (voxels of the result, voxels of the source). ``first``, ``last``: for each voxel of the result
    the first source voxel that counts and the one after the last. ``identity``: nothing is to be done.
    """

    weights: Weights
    first: NDArray[np.intp]
    last: NDArray[np.intp]
    identity: bool

    @classmethod
    def of(cls, weights: NDArray[np.float64]) -> "Line":
        counts = np.abs(weights) > _NEGLIGIBLE
        last = weights.shape[1] - counts[:, ::-1].argmax(axis=1)
        identity = weights.shape[0] == weights.shape[1] and bool((weights == np.eye(len(weights))).all())
        return cls(sparse.csr_array(np.where(counts, weights, 0.0)), counts.argmax(axis=1), last, identity)

    @property
    def size(self) -> int:
        """Voxels of the result."""
        return len(self.first)

    @property
    def is_convex(self) -> bool:
        """Whether every voxel of the result lies between those of the source."""
        return bool((self.weights.data >= 0.0).all())

    def support(self, wanted: Range) -> Range:
        """The part of the source that a part of the result needs."""
        part = slice(*wanted)
        return int(self.first[part].min()), int(self.last[part].max())

    def reached_from(self, source: Range) -> Range:
        """The part of the result that a part of the source enters; empty if there is none."""
        reached = np.flatnonzero((self.first < source[1]) & (self.last > source[0]))
        return (int(reached[0]), int(reached[-1]) + 1) if len(reached) else (0, 0)


class Interpolation:
    """From one grid to another, where an engine's arrays are: a line for each axis, and what splines may not overshoot.

    ``thick_axis``: the axis that is resampled on its own, after the others. Splines of order above 1 overshoot; where
    ``clips``, they are clipped to the range of the source, or, with a thick axis, of the slice across it.
    """

    def __init__(self, lines: tuple[Line, Line, Line], thick_axis: int | None, clips: bool, arrays: Arrays) -> None:
        self.lines = lines
        self.thick_axis = thick_axis
        self.clips = clips
        self._arrays = arrays
        self._matrices = [arrays.matrix(line.weights) for line in lines]

    @property
    def shape(self) -> Triple:
        """Voxels of the result along each axis."""
        slices, rows, columns = (line.size for line in self.lines)
        return slices, rows, columns

    @property
    def is_convex(self) -> bool:
        """Whether a voxel of the result lies between those of the source around it."""
        return all(line.is_convex for line in self.lines)

    def limits(self, source: Array) -> "Limits | None":
        """What the whole source allows, for `part`."""
        if not self.clips:
            return None
        return Limits(*self._arrays.extremes(source, tuple(axis for axis in range(3) if axis != self.thick_axis)))

    def part(self, values: Array, start: Triple, wanted: tuple[Range, Range, Range], limits: "Limits | None") -> Array:
        """A part of the result from the part of the source that begins at voxel ``start``."""
        in_plane = [axis for axis in range(3) if axis != self.thick_axis]
        for axis in in_plane:
            values = self._along(values, axis, start[axis], wanted[axis])
        if limits is not None:
            values = limits.clip(values, self.thick_axis, 0 if self.thick_axis is None else start[self.thick_axis])
        if self.thick_axis is not None:
            axis = self.thick_axis
            values = self._along(values, axis, start[axis], wanted[axis])
        return values

    def resample(self, source: Array, result: Array) -> None:
        """Fill an array of `shape` from the whole source, in float64 for a few slices at a time."""
        slices, rows, columns = self.shape
        limits = self.limits(source)
        for begin in range(0, slices, _SLAB):
            wanted = (begin, min(begin + _SLAB, slices))
            low, high = self.lines[0].support(wanted)
            block = self._arrays.double(source[low:high])
            result[slice(*wanted)] = self.part(block, (low, 0, 0), (wanted, (0, rows), (0, columns)), limits)

    def _along(self, values: Array, axis: int, start: int, wanted: Range) -> Array:
        """The part ``wanted`` of the result along an axis of ``values``, which begin at source voxel ``start``."""
        line = self.lines[axis]
        low, high = line.support(wanted)
        source = values[(slice(None),) * axis + (slice(low - start, high - start),)]
        return source if line.identity else self._arrays.along(self._matrices[axis], source, axis, wanted, low)


@dataclass(frozen=True, eq=False)
class Limits:
    """Least and largest values: of the source, shape (1, 1, 1), or of each slice across the thick axis."""

    least: Array
    largest: Array

    def clip(self, values: Array, thick_axis: int | None, start: int) -> Array:
        part: tuple[slice, ...] = ()
        if thick_axis is not None:
            part = (slice(None),) * thick_axis + (slice(start, start + values.shape[thick_axis]),)
        return values.clip(self.least[part], self.largest[part])


def interpolation(
    shape: Triple,
    spacing_mm: tuple[float, ...],
    new_shape: Triple,
    new_spacing_mm: tuple[float, ...],
    resampling: Resampling,
    arrays: Arrays,
) -> Interpolation:
    """How to get from one grid to another (nnU-Net's resample_data_or_seg_to_shape)."""
    if resampling.alignment is Alignment.FIRST_VOXEL:
        steps = [new / old for old, new in zip(spacing_mm, new_spacing_mm, strict=True)]
        lines = [
            _sampled(n, m, step, resampling.order, resampling.alignment)
            for n, m, step in zip(shape, new_shape, steps, strict=True)
        ]
        return Interpolation((lines[0], lines[1], lines[2]), None, False, arrays)
    thick_axis = _thick_axis(resampling.separate_z, spacing_mm, new_spacing_mm)
    lines = [
        _zoomed(n, m, resampling.order)
        if axis != thick_axis
        else _sampled(n, m, n / m, resampling.order_z, resampling.alignment)
        for axis, (n, m) in enumerate(zip(shape, new_shape, strict=True))
    ]
    clips = resampling.order > 1 and shape != new_shape
    return Interpolation((lines[0], lines[1], lines[2]), thick_axis, clips, arrays)


def _thick_axis(separate: bool | None, spacing_mm: tuple[float, ...], new_spacing_mm: tuple[float, ...]) -> int | None:
    """nnU-Net's determine_do_sep_z_and_axis: the one axis with the largest spacing, if it is to be resampled apart."""
    if separate is False:
        return None
    if separate or _is_anisotropic(spacing_mm):
        deciding = spacing_mm
    elif _is_anisotropic(new_spacing_mm):
        deciding = new_spacing_mm
    else:
        return None
    thick = [axis for axis, spacing in enumerate(deciding) if max(deciding) / spacing == 1.0]
    return thick[0] if len(thick) == 1 else None


def _is_anisotropic(spacing_mm: tuple[float, ...]) -> bool:
    return max(spacing_mm) / min(spacing_mm) > _ANISOTROPY


@lru_cache(maxsize=32)
def _zoomed(size: int, new_size: int, order: Order) -> Line:
    """A spline between grids that share their edges; beyond them the outermost voxel goes on."""
    if size == new_size:
        return Line.of(np.eye(size))
    factor = 1.0 / (size / new_size)
    units = np.eye(size)
    columns = [ndimage.zoom(unit, factor, order=order, mode="nearest", grid_mode=True) for unit in units]
    return Line.of(np.stack(columns, axis=1))


@lru_cache(maxsize=32)
def _sampled(size: int, new_size: int, step: float, order: Order, alignment: Alignment) -> Line:
    """A spline at points ``step`` source voxels apart; beyond the ends the outermost voxel goes on."""
    if size == new_size and step == 1.0:
        return Line.of(np.eye(size))
    points = np.arange(new_size, dtype=np.float64)[None]
    places = step * (points + 0.5) - 0.5 if alignment is Alignment.EDGES else step * points
    columns = [ndimage.map_coordinates(unit, places, order=order, mode="nearest") for unit in np.eye(size)]
    return Line.of(np.stack(columns, axis=1))
