"""Comparison: how fast an engine is, and how closely two agree."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from config.volume import FloatArray
from inference.engines.engine import Engine, Precision, WindowShape

_SEED = 20260101


@dataclass(frozen=True, slots=True)
class Agreement:
    """How two engines' logits differ.

    ``largest_difference``: the largest absolute difference of a logit, in standard deviations of the reference's
    logits. ``same_label``: the share of voxels whose largest logit is of the same class.
    """

    largest_difference: float
    same_label: float

    def within(self, tolerance: "Agreement") -> bool:
        return self.largest_difference <= tolerance.largest_difference and self.same_label >= tolerance.same_label


TOLERANCES = {
    Precision.FP32: Agreement(largest_difference=1e-2, same_label=0.9999),
    Precision.FP16: Agreement(largest_difference=1e-1, same_label=0.999),
    Precision.BF16: Agreement(largest_difference=5e-1, same_label=0.995),
}
"""What an engine of each precision may differ from torch in float32 before it counts as wrong.

FP32 leaves room for TF32 and for another order of summation.
"""


def noise_windows(shape: WindowShape, count: int = 1) -> FloatArray:
    """Windows of smooth and fine noise, the same for everybody: what a normalised image looks like to a network."""
    random = np.random.default_rng(_SEED)
    fine = random.standard_normal(shape.inputs(count), dtype=np.float32)
    ramps = [np.sin(np.linspace(0.0, 6.0, size, dtype=np.float32)) for size in shape.patch]
    smooth = ramps[0][:, None, None] + ramps[1][None, :, None] + ramps[2][None, None, :]
    return np.asarray(0.3 * fine + smooth, dtype=np.float32)


def logits_of(engine: Engine, windows: FloatArray) -> FloatArray:
    """Logits on the host of windows on the host."""
    return engine.arrays.fetch(engine(engine.arrays.place(windows)))


def agreement(reference: FloatArray, found: FloatArray, *, regions: bool = False) -> Agreement:
    """How closely logits (N, classes, \\*patch) agree with a reference's; nothing agrees with what is not finite.

    ``regions``: outputs are regions that overlap (sigmoid), and each has a label where its logit is over 0.
    """
    if not np.isfinite(found).all():
        return Agreement(float("inf"), 0.0)
    scale = float(reference.std()) or 1.0
    same = (reference > 0.0) == (found > 0.0) if regions else reference.argmax(axis=1) == found.argmax(axis=1)
    return Agreement(float(np.abs(reference - found).max()) / scale, float(same.mean()))


def seconds_per_window(engine: Engine, clock: Callable[[], float], *, rounds: int = 5) -> float:
    """Median wall-clock seconds of one window among ``engine.batch`` at a time, with logits on the host."""
    windows = engine.arrays.place(noise_windows(engine.shape, engine.batch))
    engine.arrays.fetch(engine(windows))
    measured = []
    for _ in range(rounds):
        begin = clock()
        engine.arrays.fetch(engine(windows))
        measured.append((clock() - begin) / engine.batch)
    return statistics.median(measured)
