"""Label agreement: whether a network marks the same in reduced precision as in float32."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray

from config.volume import FloatArray

Marks = NDArray[np.uint16] | NDArray[np.bool_]

LEAST_DICE = 0.999
LARGEST_VOLUME_DIFFERENCE = 0.01
LEAST_MARKED = 1000
"""Voxels. With fewer, one voxel is more than 0.999 can tell."""
_TRIFLE = 10
"""Voxels by which a volume may always differ, and up to which a component may be in one only."""


@dataclass(frozen=True, slots=True)
class OutputAgreement:
    """What one output marks, in voxels: in float32, in reduced precision, in both.

    ``unmatched``: connected components of more than ten voxels of one that the other doesn't touch.
    """

    reference: int
    reduced: int
    common: int
    unmatched: int

    def __add__(self, other: "OutputAgreement") -> "OutputAgreement":
        return OutputAgreement(
            self.reference + other.reference,
            self.reduced + other.reduced,
            self.common + other.common,
            self.unmatched + other.unmatched,
        )

    @property
    def same_volume(self) -> bool:
        """Within one percent, or ten voxels."""
        return abs(self.reduced - self.reference) <= max(LARGEST_VOLUME_DIFFERENCE * self.reference, _TRIFLE)


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """How labels agree over some windows, for each output but the background."""

    windows: int
    outputs: tuple[OutputAgreement, ...]

    @property
    def dice(self) -> float:
        """Of all outputs together: a voxel counts where it has the same label in both."""
        marked = sum(output.reference + output.reduced for output in self.outputs)
        return 2.0 * sum(output.common for output in self.outputs) / marked if marked else 0.0

    @property
    def objection(self) -> str:
        """Why the reduced precision may not stand for float32; empty if it may."""
        if max(sum(one.reference for one in self.outputs), sum(one.reduced for one in self.outputs)) < LEAST_MARKED:
            return f"fewer than {LEAST_MARKED} voxels are marked"
        if self.dice < LEAST_DICE:
            return f"it must reach {LEAST_DICE}"
        if unmatched := sum(one.unmatched for one in self.outputs):
            return f"{unmatched} components are marked in one precision only"
        if not all(output.same_volume for output in self.outputs):
            return f"a volume differs by more than {LARGEST_VOLUME_DIFFERENCE:.0%}"
        return ""

    def __str__(self) -> str:
        found = f"Dice with fp32 {self.dice:.5f} in {self.windows} windows of the digital patient"
        return f"{found}, but {self.objection}" if self.objection else found


def marks_of(logits: FloatArray, *, regions: bool) -> Marks:
    """What one window's logits (outputs, \\*patch) mark, in as little memory as says it; nothing if they aren't finite.

    For classes the label of each voxel; for ``regions`` whether each output is over 0 there.
    """
    finite = bool(np.isfinite(logits).all())
    if regions:
        return np.asarray((logits > 0.0) & finite)
    return np.asarray(logits.argmax(axis=0) * finite, dtype=np.uint16)


def label_agreement(pairs: Iterable[tuple[Marks, Marks]], outputs: int, *, regions: bool) -> LabelAgreement:
    """How pairs of marks (float32's, the reduced precision's), one a window, agree."""
    totals = [OutputAgreement(0, 0, 0, 0)] * (outputs if regions else outputs - 1)
    windows = 0
    for reference, reduced in pairs:
        windows += 1
        masks = zip(_masks(reference, outputs, regions), _masks(reduced, outputs, regions), strict=True)
        totals = [total + _compare(*pair) for total, pair in zip(totals, masks, strict=True)]
    return LabelAgreement(windows, tuple(totals))


def _masks(marks: Marks, outputs: int, regions: bool) -> Iterator[NDArray[np.bool_]]:
    if regions:
        yield from (np.asarray(one, dtype=np.bool_) for one in marks)
    else:
        yield from (np.asarray(marks == value) for value in range(1, outputs))


def _compare(reference: NDArray[np.bool_], reduced: NDArray[np.bool_]) -> OutputAgreement:
    return OutputAgreement(
        int(np.count_nonzero(reference)),
        int(np.count_nonzero(reduced)),
        int(np.count_nonzero(reference & reduced)),
        _untouched(reference, reduced) + _untouched(reduced, reference),
    )


def _untouched(components: NDArray[np.bool_], other: NDArray[np.bool_]) -> int:
    """Components of more than ten voxels in which the other has none."""
    if not components.any():
        return 0
    numbered = cc3d.connected_components(np.ascontiguousarray(components))
    sizes = np.bincount(numbered.ravel())
    touched = np.bincount(numbered[other], minlength=len(sizes))
    return int(np.count_nonzero((sizes[1:] > _TRIFLE) & (touched[1:] == 0)))
