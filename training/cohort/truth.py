"""Truth: what is known about a patient's lesions, measured on the PET that shows them."""

from typing import Any

import numpy as np

from training.cohort.patient import Patient


def truth_of(patient: Patient) -> dict[str, Any]:
    """The patient and each lesion with place, kind, and its figures on the PET's grid; ready for JSON."""
    return {
        "tracer": str(patient.tracer),
        "build": str(patient.habitus.build),
        "height_m": patient.habitus.height_m,
        "weight_kg": patient.habitus.weight_kg,
        "arms": "up" if patient.habitus.arms_up else "down",
        "lesions": [_lesion(patient, number) for number in range(1, len(patient.lesions) + 1)],
    }


def _lesion(patient: Patient, number: int) -> dict[str, Any]:
    lesion = patient.lesions[number - 1]
    indices = np.argwhere(patient.labels == number)
    values = patient.suv.values[tuple(indices.T)]
    centroid = patient.suv.points_mm(indices).mean(axis=0)
    return {
        "label": number,
        "leaf": lesion.leaf.id,
        "name": lesion.leaf.name,
        "coarse": lesion.leaf.coarse,
        "ct_finding": lesion.ct_finding,
        "suv_max": round(float(values.max()), 2),
        "suv_mean": round(float(values.mean()), 2),
        "volume_ml": round(len(indices) * patient.suv.voxel_volume_ml, 3),
        "axes_mm": [round(2.0 * radius, 1) for radius in sorted(lesion.radii_mm, reverse=True)],
        "centroid_mm": [round(float(value), 1) for value in centroid],
    }
