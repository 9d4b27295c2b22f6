"""Given lesions: a PET/CT and a label map from files, checked, for commands that are told where the lesions are."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.finding import LabelMap
from config.reasons import Reason, Refused
from config.volume import Unit, Volume
from inference.nifti import read_nifti

_LARGEST_LABEL = 2**16 - 1
_STRAY_VOXELS = 0.1
_NOT_MEASURED_HU = -2000.0


@dataclass(frozen=True, slots=True)
class Files:
    """SUVbw, HU on a grid of its own, and labels on the grid of the PET; NIfTI."""

    pet: Path
    ct: Path
    lesions: Path


@dataclass(frozen=True, slots=True)
class GivenLesion:
    """Its value in the label map, and its voxels, array indices (N, 3) on the grid of the PET, N ≥ 1."""

    label: int
    voxels: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class GivenLesions:
    """A pair with the lesions of its label map, in the order of their labels."""

    suv: Volume
    ct: Volume
    labels: LabelMap
    lesions: tuple[GivenLesion, ...]


def read_given_lesions(files: Files) -> GivenLesions:
    """Read and check. What is not a number in the CT was not measured.

    Raises
    ------
    UnreadableNifti
        If a file can't be read.
    Refused
        IMPLAUSIBLE_VALUES, if the PET holds what is not a number; LABELS_UNUSABLE, if the label map lies on another
        grid than the PET, or holds what is not a whole number from 0 to 65535.
    """
    suv, ct = read_nifti(files.pet, Unit.SUVBW), read_nifti(files.ct, Unit.HOUNSFIELD)
    unknown = int(np.count_nonzero(~np.isfinite(suv.values)))
    if unknown:
        raise Refused(Reason.IMPLAUSIBLE_VALUES, f"{files.pet} has {unknown} voxels that are not finite numbers.")
    labels = _labels(files.lesions, suv)
    measured = np.where(np.isfinite(ct.values), ct.values, np.float32(_NOT_MEASURED_HU))
    boxes = enumerate(ndimage.find_objects(labels), start=1)
    lesions = tuple(
        GivenLesion(label, np.argwhere(labels[box] == label) + [side.start for side in box])
        for label, box in boxes
        if box is not None
    )
    return GivenLesions(suv, Volume(measured, ct.affine, ct.unit), labels, lesions)


def _labels(path: Path, suv: Volume) -> LabelMap:
    given = read_nifti(path, Unit.RESCALED)
    if given.shape != suv.shape:
        raise Refused(Reason.LABELS_UNUSABLE, f"{path} has the shape {given.shape}, the PET {suv.shape}.")
    if _farthest_voxels(given, suv) > _STRAY_VOXELS:
        raise Refused(Reason.LABELS_UNUSABLE, f"{path} has another origin, spacing or orientation than the PET.")
    values = given.values
    if not np.isfinite(values).all() or np.any(values != np.rint(values)):
        raise Refused(Reason.LABELS_UNUSABLE, f"{path} holds values that are not whole numbers.")
    if values.min(initial=0.0) < 0 or values.max(initial=0.0) > _LARGEST_LABEL:
        found = f"{path} holds values from {values.min():g} to {values.max():g}, expected 0 to {_LARGEST_LABEL}."
        raise Refused(Reason.LABELS_UNUSABLE, found)
    return values.astype(np.uint16)


def _farthest_voxels(one: Volume, other: Volume) -> float:
    """How many voxels the corners of two arrays of one shape lie apart, at most."""
    corners = np.stack(np.meshgrid(*[(0, size - 1) for size in one.shape], indexing="ij"), axis=-1).reshape(-1, 3)
    return float(np.abs(other.indices(one.points_mm(corners)) - corners).max())
