"""Windows of the digital patient, as a bundle's network sees a patient."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from config.tracers import Tracer
from config.volume import FloatArray
from inference.bundles.specification import Bundle
from inference.engines.arrays import HostArrays
from inference.network.preprocess import prepare
from inference.network.segment import as_prepared
from inference.network.windows import Triple, padding
from inference.patient.patient import DigitalPatient, Grid

CHANNELS = ("PET", "CT")
"""What the digital patient has: SUVbw and HU."""
_SEED = 1
_GRID = Grid.axial((168, 100, 100), (6.0, 4.5, 4.5), (0.0, 0.0, 33.5))


def patient_windows(bundle: Bundle) -> FloatArray:
    """Windows (N, channels, \\*patch) in which lie all lesions of a digital patient, with what is around them.

    Each is centred on a lesion that lies in no window before it: four windows for FDG at 96³ and 3 × 2 × 2 mm. The
    patient is that of the bundle's tracer, by default FDG, and prepared as any other. Same bundle, same values.

    Raises
    ------
    Refused
        BUNDLE_CHANNELS, if the bundle reads other channels than ``CHANNELS``.
    """
    patient = DigitalPatient.default(_SEED, tracer=bundle.tracer or Tracer.FDG)
    prepared = prepare(
        {"PET": patient.suv(_GRID), "CT": patient.ct(_GRID)}, bundle.channels, bundle.network, HostArrays()
    )
    truth = patient.truth(_GRID)
    lesions = np.stack([as_prepared(truth == number, prepared) for number in range(1, len(patient.lesions) + 1)])
    around = padding(_spatial(lesions), bundle.network.patch)
    lesions, values = (np.pad(array, ((0, 0), *around)) for array in (lesions, prepared.values))
    return np.stack([values[(slice(None), *window)] for window in _windows(lesions, bundle.network.patch)])


def _windows(lesions: NDArray[np.bool_], patch: Triple) -> Iterator[tuple[slice, ...]]:
    unseen = lesions.copy()
    for lesion in unseen:
        places = np.argwhere(lesion)
        if not len(places):
            continue
        centre = places.mean(axis=0).round().astype(int)
        starts = np.clip(centre - np.array(patch) // 2, 0, np.array(lesion.shape) - patch)
        window = tuple(slice(int(start), int(start) + size) for start, size in zip(starts, patch, strict=True))
        for other in unseen:
            if np.count_nonzero(other) == np.count_nonzero(other[window]):
                other[...] = False
        yield window


def _spatial(array: NDArray[np.bool_]) -> Triple:
    _, slices, rows, columns = array.shape
    return slices, rows, columns
