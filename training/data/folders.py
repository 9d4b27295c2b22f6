"""Folders: one examination in a folder as NIfTI files, whoever wrote them.

PET, CT and masks may each have a grid and an orientation of their own; their affines say where they lie.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from config.finding import LabelMap
from config.volume import Unit, Volume
from inference.nifti import read_nifti
from training.data.problem import UnusableData, UnusablePatient

_PADDING_HU = -1500.0
_MOST_MEAN_SUV = 20.0
_AIR_HU = -200.0
_SAME_GRID_VOXELS = 0.1


@dataclass(frozen=True)
class Examinations:
    """The folders below ``folder``, at any depth, that hold an SUV image, in the order of their names."""

    folder: Path
    folders: tuple[Path, ...]

    def case(self, number: int) -> str:
        """The folder's path below ``folder``, as ``PETCT_01/2003-03-23``; its first part is the patient."""
        return self.folders[number].relative_to(self.folder).as_posix()

    def identifier(self, number: int) -> str:
        return self.case(number).replace("/", "--")


def find_examinations(folder: Path) -> Examinations:
    """``UnusableData`` if there are none."""
    folders = tuple(sorted({path.parent for path in folder.rglob("SUV.nii*") if path.parent != folder}))
    if not folders:
        raise UnusableData(f"{folder} has no folder with SUV.nii.gz in it; one for each patient is expected.")
    return Examinations(folder, folders)


def image_in(folder: Path, *names: str) -> Path:
    """The first of these images (names without ``.nii.gz`` or ``.nii``) that is there, else ``UnusablePatient``."""
    found = optional_image(folder, *names)
    if found is None:
        raise UnusablePatient(f"there is no {' or '.join(f'{name}.nii.gz' for name in names)}")
    return found


def optional_image(folder: Path, *names: str) -> Path | None:
    paths = (folder / f"{name}{ending}" for name in names for ending in (".nii.gz", ".nii"))
    return next((path for path in paths if path.is_file()), None)


def fingerprint(folder: Path, *more: str) -> str:
    """Of the names, sizes and times of a folder's files, and of what else the sample is made from."""
    stats = [(path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file()]
    parts = [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats]
    return hashlib.sha256("\n".join([*parts, *more]).encode()).hexdigest()


def read_suv(path: Path) -> Volume:
    """SUVbw; what is not a number is 0. ``UnusablePatient`` if it can't be SUV."""
    volume = read_nifti(path, Unit.SUVBW)
    finite = np.isfinite(volume.values)
    values = np.where(finite, volume.values, np.float32(0.0))
    mean = float(values.mean(dtype=np.float64))
    if not finite.any() or values.max() <= 0.0:
        raise UnusablePatient(f"{path.name} has no uptake")
    if mean > _MOST_MEAN_SUV:
        raise UnusablePatient(f"{path.name} has a mean of {mean:.0f}: SUVbw is expected, not Bq/ml or counts")
    return Volume(values, volume.affine, volume.unit)


def read_ct(path: Path, measured: Path | None = None) -> tuple[Volume, NDArray[np.bool_]]:
    """HU, and where it was measured: not in padding, and not where the mask ``measured`` is 0.

    ``UnusablePatient`` if it can't be a CT, or if the mask has another grid.
    """
    volume = read_nifti(path, Unit.HOUNSFIELD)
    valid = np.isfinite(volume.values) & (volume.values > _PADDING_HU)
    if measured is not None:
        mask = read_nifti(measured, Unit.RESCALED)
        if not _same_grid(mask, volume):
            raise UnusablePatient(f"{measured.name} has another grid than {path.name}")
        valid &= mask.values > 0.5
    values = np.where(np.isfinite(volume.values), volume.values, np.float32(_PADDING_HU))
    if not valid.any() or values[valid].min() > _AIR_HU:
        raise UnusablePatient(f"{path.name} shows no air: Hounsfield units are expected")
    return Volume(values, volume.affine, volume.unit), valid


def check_overlap(suv: Volume, ct: Volume) -> None:
    """``UnusablePatient`` if PET and CT lie beside each other."""
    low, high = zip(*(_box(volume) for volume in (suv, ct)), strict=True)
    if np.any(np.max(low, axis=0) >= np.min(high, axis=0)):
        raise UnusablePatient("PET and CT do not overlap: their affines put them in different places")


def read_labels(path: Path, suv: Volume) -> LabelMap:
    """Whole numbers on the grid of the PET, by the nearest voxel where the mask has another grid; no number is 0.

    ``UnusablePatient`` for values that are not whole numbers, and for a mask of which nothing lies in the PET.
    """
    mask = read_nifti(path, Unit.RESCALED)
    values = np.where(np.isfinite(mask.values), mask.values, np.float32(0.0))
    whole = np.rint(values)
    if not np.allclose(values, whole, atol=1e-3) or whole.min() < 0 or whole.max() >= 2**16:
        raise UnusablePatient(f"{path.name} has values that are no labels: whole numbers up to 65535 are expected")
    labels = whole.astype(np.uint16)
    if _same_grid(mask, suv):
        return labels
    step = np.linalg.inv(mask.affine) @ suv.affine
    moved: LabelMap = affine_transform(labels, step[:3, :3], step[:3, 3], suv.shape, order=0, output=np.uint16)
    if labels.any() and not moved.any():
        raise UnusablePatient(f"{path.name} has lesions, but none of them lies in the PET")
    return moved


def case_names(cases: Sequence[str]) -> dict[str, int]:
    """What a table may call each case: its path, or any folder of its path that is only its own."""
    names: dict[str, set[int]] = {}
    for number, case in enumerate(cases):
        for name in (case, *case.split("/")):
            names.setdefault(name, set()).add(number)
    return {name: min(numbers) for name, numbers in names.items() if len(numbers) == 1}


def _same_grid(one: Volume, other: Volume) -> bool:
    if one.shape != other.shape:
        return False
    apart = np.abs(_corners(one) - _corners(other))
    return bool(apart.max() < _SAME_GRID_VOXELS * one.spacing_mm.min())


def _box(volume: Volume) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and greatest coordinates of a volume's voxels, LPS mm."""
    return _corners(volume).min(axis=0), _corners(volume).max(axis=0)


def _corners(volume: Volume) -> NDArray[np.float64]:
    """Centres (8, 3) of the voxels in the corners, LPS mm."""
    return volume.points_mm(np.argwhere(np.ones((2, 2, 2))) * (np.asarray(volume.shape) - 1))
