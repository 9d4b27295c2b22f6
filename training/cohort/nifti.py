"""A cohort patient as NIfTI, each volume on its own grid."""

from pathlib import Path

import numpy as np

from inference.nifti import write_array, write_nifti
from training.cohort.patient import Patient


def write_patient(patient: Patient, folder: Path) -> None:
    """SUV.nii.gz (SUVbw, float32), CT.nii.gz (HU, int16), valid.nii.gz and lesions.nii.gz (0 for none)."""
    write_nifti(patient.suv, folder / "SUV.nii.gz")
    ct, hu = patient.ct, np.rint(patient.ct.values).astype(np.int16)
    write_array(hu, ct.affine, folder / "CT.nii.gz", str(ct.unit))
    write_array(patient.valid.astype(np.uint8), ct.affine, folder / "valid.nii.gz", "measured")
    write_array(patient.labels, patient.suv.affine, folder / "lesions.nii.gz", "labels")
