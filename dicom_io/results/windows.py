"""Windows: how SUV and Hounsfield units become grey levels and colours."""

import numpy as np
from numpy.typing import NDArray

from config.tracers import Tracer
from config.volume import FloatArray

Pixels = NDArray[np.uint8]
"""RGB, shape (rows, columns, 3)."""

CT_WINDOWS: dict[str, tuple[float, float]] = {
    "lung": (-600.0, 1500.0),
    "bone": (400.0, 1800.0),
    "soft tissue": (40.0, 400.0),
}
"""Centre and width in HU of ``Location.ct_window``."""

_STEPS = np.linspace(0.0, 1.0, 256)
_HOT = np.stack([np.clip(_STEPS * 8 / 3, 0, 1), np.clip(_STEPS * 8 / 3 - 1, 0, 1), np.clip(_STEPS * 4 - 3, 0, 1)], 1)
_OPACITY = 0.7 * np.clip(1.5 * _STEPS, 0.0, 1.0)
_FUSED = (255.0 * _HOT * _OPACITY[:, None]).astype(np.float32)


def highest_suv(tracer: Tracer) -> float:
    """SUVbw at the end of the scale: 7 g/ml for FDG, 10 for tracers of higher contrast."""
    return 7.0 if tracer is Tracer.FDG else 10.0


def inverse_grey(suv: FloatArray, highest: float) -> Pixels:
    """White at 0 g/ml to black."""
    return _grey(255.0 * (1.0 - np.clip(suv / highest, 0.0, 1.0)))


def windowed(hounsfield: FloatArray, window: str) -> Pixels:
    """Black to white over a window of ``CT_WINDOWS``."""
    centre, width = CT_WINDOWS[window]
    return _grey(255.0 * np.clip((hounsfield - centre) / width + 0.5, 0.0, 1.0))


def fused(grey: Pixels, suv: FloatArray, highest: float) -> Pixels:
    """A CT under the PET in black, red, yellow and white, which is the more opaque the hotter it is."""
    level = (255.0 * np.clip(suv / highest, 0.0, 1.0)).round().astype(np.uint8)
    transparency = (1.0 - _OPACITY).astype(np.float32)[level]
    return np.asarray((grey * transparency[..., None] + _FUSED[level]).round().astype(np.uint8))


def _grey(values: NDArray[np.floating]) -> Pixels:
    return np.repeat(values.round().astype(np.uint8)[..., np.newaxis], 3, axis=2)
