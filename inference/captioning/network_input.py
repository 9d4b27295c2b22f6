"""Network input: a patch in the units of the captioner."""

import numpy as np
from numpy.typing import NDArray

from config.volume import FloatArray
from inference.captioning.guidance import WINDOWS, Window
from inference.captioning.patch import HU, LESION, SUV

CHANNELS = ("PET", "CT", "CT window", "lesion")

_HIGHEST_SUV = 20.0
_WIDE = Window(0.0, 2000.0)


def network_input(patch: NDArray[np.floating], window: Window | None) -> FloatArray:
    """Channels (4, 32, 32, 32) in [0, 1] of a patch: SUV, CT, CT in the location's window, lesion.

    SUV as the square root of its share of 20, CT from −1000 to 1000 HU. Without a window, that of soft tissue.
    """
    chosen = window or WINDOWS["soft tissue"]
    hu = patch[HU].astype(np.float32)
    return np.stack(
        [
            np.sqrt(np.clip(patch[SUV].astype(np.float32) / np.float32(_HIGHEST_SUV), 0.0, 1.0)),
            _windowed(hu, _WIDE),
            _windowed(hu, chosen),
            patch[LESION].astype(np.float32),
        ]
    )


def _windowed(hu: FloatArray, window: Window) -> FloatArray:
    share = (hu - np.float32(window.lowest_hu)) / np.float32(window.width_hu)
    result: FloatArray = np.clip(share, 0.0, 1.0)
    return result
