"""Engine: what executes the graph of one fold, and what is asked of it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from config.reasons import Remark
from inference.engines.arrays import Array, Arrays


class Precision(StrEnum):
    """What a network computes in; weights, inputs and logits are float32 at its ends."""

    FP32 = "fp32"
    FP16 = "fp16"
    BF16 = "bf16"


@dataclass(frozen=True, slots=True)
class WindowShape:
    """What one window has: channels in, classes out, and its patch in voxels (slices, rows, columns)."""

    channels: int
    classes: int
    patch: tuple[int, int, int]

    def inputs(self, windows: int) -> tuple[int, ...]:
        return (windows, self.channels, *self.patch)

    def outputs(self, windows: int) -> tuple[int, ...]:
        return (windows, self.classes, *self.patch)


class Engine(Protocol):
    """A graph ready to run.

    ``batch`` is the number of windows that it runs best at once; any number is accepted. ``remarks`` say where it
    differs from what was asked for.
    """

    @property
    def name(self) -> str:
        """The software, its version and the precision, as reported with the results."""
        ...

    @property
    def device(self) -> str: ...

    @property
    def shape(self) -> WindowShape: ...

    @property
    def batch(self) -> int: ...

    @property
    def remarks(self) -> tuple[Remark, ...]: ...

    @property
    def arrays(self) -> Arrays: ...

    def __call__(self, windows: Array) -> Array:
        """Logits (N, classes, \\*patch) of windows (N, channels, \\*patch), both as ``arrays`` makes them.

        The logits belong to the caller. Raises MemoryError if there is no room for so many windows.
        """
        ...
