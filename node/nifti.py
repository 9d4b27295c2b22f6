"""Volumes as NIfTI files, for researchers."""

from pathlib import Path

import nibabel
import numpy as np

from config.volume import Volume


def write_nifti(volume: Volume, path: Path) -> None:
    """Write a volume with its affine; NIfTI counts (column, row, slice) and is RAS where DICOM is LPS."""
    reorder = np.zeros((4, 4))
    reorder[[0, 1, 2, 3], [2, 1, 0, 3]] = 1.0
    lps_to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    image = nibabel.Nifti1Image(volume.values.transpose(2, 1, 0), lps_to_ras @ volume.affine @ reorder)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = str(volume.unit).encode()
    nibabel.save(image, path)
