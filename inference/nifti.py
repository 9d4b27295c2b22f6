"""Volumes as NIfTI files, for researchers and for training."""

import zlib
from pathlib import Path

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from config.finding import LabelMap
from config.reasons import UptakeError
from config.volume import Matrix, Unit, Volume

_COLUMN_ROW_SLICE = np.eye(4)[[2, 1, 0, 3]]
_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


class UnreadableNifti(UptakeError):
    """A file that is no NIfTI image of three dimensions."""


def read_nifti(path: Path, unit: Unit) -> Volume:
    """Read a NIfTI image of three dimensions as float32, with its scale factors applied.

    Raises
    ------
    UnreadableNifti
        If the file is absent, damaged, not NIfTI, not of three dimensions, or its affine can't be inverted.
    """
    try:
        image = nibabel.load(path)
        values = np.asarray(image.dataobj, dtype=np.float32)
    except (OSError, EOFError, ValueError, zlib.error, ImageFileError) as error:
        raise UnreadableNifti(f"{path} can't be read as NIfTI: {error}") from error
    while values.ndim > 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise UnreadableNifti(f"{path} has {values.ndim} dimensions; an image of 3 is expected.")
    affine = np.asarray(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise UnreadableNifti(f"{path} has no usable affine (sform or qform).")
    return Volume(np.ascontiguousarray(values.transpose(2, 1, 0)), _LPS_TO_RAS @ affine @ _COLUMN_ROW_SLICE, unit)


def write_nifti(volume: Volume, path: Path) -> None:
    """Write a volume with its affine; NIfTI counts (column, row, slice) and is RAS where DICOM is LPS."""
    write_array(volume.values, volume.affine, path, str(volume.unit))


def write_mask(labels: LabelMap, affine: Matrix, path: Path) -> None:
    """Write a label map as integers, in 8 bits where they suffice."""
    narrow = labels.max(initial=0) <= np.iinfo(np.uint8).max
    write_array(labels.astype(np.uint8 if narrow else np.uint16), affine, path, "labels")


def write_array(values: NDArray[np.generic], affine: Matrix, path: Path, description: str) -> None:
    """Write an array of any type with the affine of a volume."""
    image = nibabel.Nifti1Image(values.transpose(2, 1, 0), _LPS_TO_RAS @ affine @ _COLUMN_ROW_SLICE)
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = description.encode()
    nibabel.save(image, path)
