"""A cohort patient as NIfTI, each volume on its own grid."""

from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from config.volume import Matrix
from training.cohort.patient import Patient


def write_nifti(patient: Patient, folder: Path) -> None:
    """SUV.nii.gz (SUVbw, float32), CT.nii.gz (HU, int16), valid.nii.gz and lesions.nii.gz (0 for none)."""
    _save(patient.suv.values, patient.suv.affine, folder / "SUV.nii.gz")
    _save(np.rint(patient.ct.values).astype(np.int16), patient.ct.affine, folder / "CT.nii.gz")
    _save(patient.valid.astype(np.uint8), patient.ct.affine, folder / "valid.nii.gz")
    _save(patient.labels, patient.suv.affine, folder / "lesions.nii.gz")


def _save(values: NDArray[np.generic], affine: Matrix, path: Path) -> None:
    """NIfTI wants (x, y, z) and RAS."""
    ras = np.diag((-1.0, -1.0, 1.0, 1.0)) @ affine @ np.eye(4)[:, [2, 1, 0, 3]]
    nibabel.save(nibabel.Nifti1Image(values.transpose(2, 1, 0), ras), path)
