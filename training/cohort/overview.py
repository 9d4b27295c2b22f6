"""Overview: one picture of a patient: CT through the middle, projections of the PET, and his lesions in red."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from config.volume import Volume
from training.cohort.patient import Patient

_PIXEL_MM = 2.0
_CT_RANGE_HU = (-160.0, 260.0)
_PET_RANGE_SUV = (0.0, 8.0)


def draw_overview(patient: Patient) -> Image.Image:
    """Coronal and sagittal, CT on the left, PET on the right; the patient's right is on the left."""
    middles = [np.take(patient.ct.values, patient.ct.shape[axis] // 2, axis) for axis in (1, 2)]
    panels = [_panel(patient.ct, plane, axis, _CT_RANGE_HU) for axis, plane in enumerate(middles, start=1)]
    for axis in (1, 2):
        pet = 255 - _panel(patient.suv, patient.suv.values.max(axis=axis), axis, _PET_RANGE_SUV)
        lesions = (
            _panel(patient.suv, (patient.labels > 0).max(axis=axis).astype(np.float32), axis, (0.0, 1.0))[..., 0] > 127
        )
        pet[lesions] = pet[lesions] // 2 + np.array([127, 0, 0], dtype=np.uint8)
        panels.append(pet)
    tallest = max(len(panel) for panel in panels)
    return Image.fromarray(np.concatenate([np.pad(p, ((0, tallest - len(p)), (0, 4), (0, 0))) for p in panels], axis=1))


def _panel(volume: Volume, plane: NDArray[np.float32], axis: int, window: tuple[float, float]) -> NDArray[np.uint8]:
    spacing = np.delete(volume.spacing_mm, axis)
    grey = np.clip((plane[::-1] - window[0]) / (window[1] - window[0]) * 255.0, 0.0, 255.0).astype(np.uint8)
    height, width = (max(1, round(n * mm / _PIXEL_MM)) for n, mm in zip(grey.shape, spacing, strict=True))
    resized = np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.BILINEAR))
    return np.repeat(resized[..., None], 3, axis=2)
