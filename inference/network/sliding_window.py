"""Sliding window: one network, or the mean of several, over a whole volume in bounded memory.

Gives what nnU-Net v2's ``predict_sliding_window_return_logits`` gives (Isensee et al., Nat Methods 18, 203, 2021), in
float32 where that accumulates in float16, without ever holding the logits of the whole volume.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from inference.engines.arrays import Array, Arrays
from inference.engines.engine import Engine
from inference.network.windows import Triple, Windowing, importance, padding, positions

Finish = Callable[[int, int, Array], None]
Progress = Callable[[int, int], None]

_HANDED_OVER = 16


def predict(
    image: Array,
    engines: Sequence[Engine],
    windowing: Windowing,
    background: Sequence[float],
    finish: Finish,
    *,
    body: NDArray[np.bool_] | None = None,
    progress: Progress | None = None,
) -> None:
    """Hand over a volume's logits, slab by slab from the first slice to the last.

    Windows without a voxel of the body are not computed. No voxel of the body lies in such a window, so inside the body
    the logits are the same as if every window were computed. Outside it a voxel has the mean over the windows that were
    computed, or ``background`` if there is none: the result can only differ where the network would have called
    something a structure that lies outside the body and a whole window away from it.

    Parameters
    ----------
    image
        Prepared channels where the engines read them, shape (channels, slices, rows, columns). Padded with 0 where
        smaller than the patch.
    engines
        One a fold, on one device; their logits are averaged.
    windowing
        Patch, step and mirroring.
    background
        For each class, the logit of a voxel that no window looked at.
    finish
        Called as ``finish(first, last, logits)`` with float32 logits (classes, last - first, rows, columns) of slices
        ``first`` to ``last - 1``, which are then final, where the engines left them. Every slice comes once, in order.
    body
        Shape (slices, rows, columns); None computes every window.
    progress
        Called as ``progress(done, total)`` windows.

    Raises
    ------
    MemoryError
        If not even one window at a time fits.
    """
    arrays = engines[0].arrays
    around = padding(_spatial(image), windowing.patch)
    inside = tuple(slice(low, low + size) for (low, _), size in zip(around, _spatial(image), strict=True))
    padded = image
    if any(map(any, around)):
        padded = arrays.zeros((len(image), *(side.stop + high for side, (_, high) in zip(inside, around, strict=True))))
        padded[(slice(None), *inside)] = image
    seen = None if body is None else np.pad(body, around)
    starts = [
        start
        for start in positions(_spatial(padded), windowing.patch, windowing.step)
        if seen is None or seen[_window(start, windowing.patch)].any()
    ]
    del seen
    slabs = _Slabs(arrays, _spatial(padded), inside, windowing.patch, tuple(background), finish)
    network = _Ensemble(tuple(engines), windowing.mirror_axes)
    batch = max(engine.batch for engine in engines)
    done = 0
    while done < len(starts):
        chosen = starts[done : done + batch]
        try:
            logits = network(
                arrays.stack([padded[(slice(None), *_window(start, windowing.patch))] for start in chosen])
            )
        except MemoryError:
            if len(chosen) == 1:
                raise
            batch = len(chosen) // 2
            continue
        for start, one in zip(chosen, logits, strict=True):
            slabs.add(start, one)
        done += len(chosen)
        if progress is not None:
            progress(done, len(starts))
    slabs.close()


@dataclass(frozen=True)
class _Ensemble:
    """The mean of the folds, each the mean over the mirrored views of a window."""

    engines: tuple[Engine, ...]
    mirror_axes: tuple[int, ...]

    def __call__(self, windows: Array) -> Array:
        total = None
        for view in self._views():
            seen = self.engines[0].arrays.flip(windows, view) if view else windows
            for engine in self.engines:
                logits = engine(seen)
                if view:
                    logits = engine.arrays.flip(logits, view)
                if total is None:
                    total = logits
                else:
                    total += logits
        evaluations = len(self.engines) * 2 ** len(self.mirror_axes)
        if evaluations > 1:
            total /= evaluations
        return total

    def _views(self) -> Iterator[tuple[int, ...]]:
        """Axes of (N, channels, slices, rows, columns) to flip: none, one, two, …"""
        axes = [axis + 2 for axis in self.mirror_axes]
        for count in range(len(axes) + 1):
            yield from combinations(axes, count)


class _Slabs:
    """Weighted sums of logits for as many slices as the patch has, moved along the first axis.

    Windows arrive in the order of their first slice, so the slices before it are final.
    """

    def __init__(
        self,
        arrays: Arrays,
        shape: Triple,
        inside: tuple[slice, ...],
        patch: Triple,
        background: tuple[float, ...],
        finish: Finish,
    ) -> None:
        self._slices = shape[0]
        self._inside = inside
        self._patch = patch
        self._finish = finish
        self._background = arrays.place(np.asarray(background, dtype=np.float32).reshape(-1, 1, 1, 1))
        self._importance = arrays.place(np.array(importance(patch)))
        self._logits = arrays.zeros((len(background), patch[0], *shape[1:]))
        self._weights = arrays.zeros((patch[0], *shape[1:]))
        self._first = 0

    def add(self, start: Triple, logits: Array) -> None:
        """Add one window's logits (classes, \\*patch), which are used up."""
        self._move(start[0])
        _, rows, columns = _window(start, self._patch)
        logits *= self._importance
        self._logits[:, :, rows, columns] += logits
        self._weights[:, rows, columns] += self._importance

    def close(self) -> None:
        self._move(self._slices)

    def _move(self, first: int) -> None:
        """Let the slab begin at slice ``first``; what it leaves is final."""
        while self._first < first:
            leaving = min(first - self._first, self._patch[0], self._slices - self._first)
            self._hand_over(leaving)
            kept = self._patch[0] - leaving
            for sums in (self._logits.swapaxes(0, 1), self._weights):
                for index in range(kept):
                    sums[index] = sums[index + leaving]
                sums[kept:] = 0.0
            self._first += leaving

    def _hand_over(self, leaving: int) -> None:
        """Give the caller the first slices of the slab, without the padding, a few at a time."""
        bounds, rows, columns = self._inside
        low, high = max(bounds.start, self._first), min(bounds.stop, self._first + leaving)
        for first in range(low, high, _HANDED_OVER):
            last = min(first + _HANDED_OVER, high)
            chosen = slice(first - self._first, last - self._first)
            weights = self._weights[chosen, rows, columns]
            unseen = weights == 0.0
            logits = self._logits[:, chosen, rows, columns] + self._background * unseen
            logits /= weights + unseen
            self._finish(first - bounds.start, last - bounds.start, logits)


def _window(start: Triple, patch: Triple) -> tuple[slice, slice, slice]:
    first, second, third = (slice(low, low + size) for low, size in zip(start, patch, strict=True))
    return first, second, third


def _spatial(image: Array) -> Triple:
    _, slices, rows, columns = image.shape
    return slices, rows, columns
