"""Windows: where a network looks, and how much each of its voxels counts (nnU-Net v2's sliding window)."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from scipy.ndimage import gaussian_filter

from config.volume import FloatArray

Triple = tuple[int, int, int]

_SIGMA_OF_PATCH = 1.0 / 8.0
_PEAK = 10.0


@dataclass(frozen=True, slots=True)
class Windowing:
    """How a volume is covered.

    ``patch`` is the window's size in voxels along the prepared array's axes; ``step`` the largest distance between
    neighbouring windows as a share of the patch; ``mirror_axes`` the axes along which every window is also seen
    mirrored, in all combinations (8 evaluations for three axes).
    """

    patch: Triple
    step: float = 0.5
    mirror_axes: tuple[int, ...] = ()


def positions(shape: Triple, patch: Triple, step: float) -> list[Triple]:
    """First voxels of the windows that cover a volume at least as large as the patch, in the array's order.

    Evenly spread, at most ``step`` × patch apart; rounded half to even (nnU-Net's compute_steps_for_sliding_window).
    """
    if any(size < window for size, window in zip(shape, patch, strict=True)) or not 0.0 < step <= 1.0:
        raise ValueError(f"no windows of {patch} at step {step} in a volume of {shape}")
    first, second, third = (_starts(size, window, step) for size, window in zip(shape, patch, strict=True))
    return list(product(first, second, third))


def _starts(size: int, window: int, step: float) -> list[int]:
    count = math.ceil((size - window) / (window * step)) + 1
    spacing = (size - window) / (count - 1) if count > 1 else 0.0
    return [round(spacing * index) for index in range(count)]


@lru_cache(maxsize=4)
def importance(patch: Triple) -> FloatArray:
    """Weight of each voxel of a window: a Gaussian with σ = patch / 8 whose peak is 10.

    Rounded to float16 as nnU-Net does (compute_gaussian with value_scaling_factor 10); what that makes 0 in the corners
    gets the smallest weight that is not 0, so that every voxel has a mean.
    """
    impulse = np.zeros(patch)
    impulse[tuple(size // 2 for size in patch)] = 1.0
    weights = gaussian_filter(impulse, [size * _SIGMA_OF_PATCH for size in patch], mode="constant", cval=0.0)
    rounded = (weights / (weights.max() / _PEAK)).astype(np.float16)
    rounded[rounded == 0] = rounded[rounded > 0].min()
    result: FloatArray = rounded.astype(np.float32)
    result.setflags(write=False)
    return result


def padding(shape: Triple, patch: Triple) -> tuple[tuple[int, int], ...]:
    """Voxels to add before and after each axis so that the patch fits; the odd one goes after."""
    missing = [max(0, window - size) for size, window in zip(shape, patch, strict=True)]
    return tuple((total // 2, total - total // 2) for total in missing)
