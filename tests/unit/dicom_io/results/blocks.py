"""A patient of blocks of uptake, scanned along any axes: where everything lies is known in the patient's own space."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from config.finding import Analysis, Finding, FindingKind, LocationAnswer, Measurements, Totals
from config.tracers import Tracer
from config.vocabulary import vocabulary
from config.volume import Unit, Volume
from dicom_io.identity import Provenance
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import choose_pair, group_series
from dicom_io.reading.volume import read_ct, read_pet
from dicom_io.results.result import ResultContext
from dicom_io.scanner.examination import PatientIdentity
from dicom_io.scanner.study import Storage, StudyPlan, write_study
from dicom_io.scanner.vendors import SIEMENS, VendorHabits
from dicom_io.suv.quantify import quantify, to_suv
from tests.unit.dicom_io.results.conftest import PATIENT

Points = NDArray[np.float64]
"""LPS, mm, shape (..., 3)."""

EXTENT_MM = np.array((192.0, 160.0, 96.0))
PET_PITCH_MM, CT_PITCH_MM = 4.0, 3.2


@dataclass(frozen=True)
class Block:
    """A block of uptake along the axes of the patient; its one hotter voxel lies in its centre."""

    centre_mm: tuple[float, float, float]
    half_sides_mm: tuple[float, float, float]
    suv: float
    location: str

    def holds(self, points: Points) -> NDArray[np.bool_]:
        return (np.abs(points - self.centre_mm) < self.half_sides_mm).all(axis=-1)


BLOCKS = (
    Block((-50.0, -22.0, 18.0), (10.0, 14.0, 6.0), 12.0, "right lower lobe medial basal segment (S7)"),
    Block((34.0, 30.0, -14.0), (14.0, 6.0, 10.0), 9.0, "subcarinal node (station 7)"),
    Block((2.0, -46.0, -30.0), (2.0, 2.0, 2.0), 6.0, "left pubic bone"),
)
"""The third is a single voxel. Their faces are faces of voxels, where the axes of the scan are the patient's."""

R, L, A, P, F, H = (sign * axis for axis in np.eye(3) for sign in (-1.0, 1.0))
_TILT = np.radians(20.0)
_TILTED = np.array([(1, 0, 0), (0, np.cos(_TILT), -np.sin(_TILT)), (0, np.sin(_TILT), np.cos(_TILT))])

ORIENTATIONS = {
    "head first": (H, P, L),
    "feet first": (F, P, R),
    "prone": (H, A, R),
    "sagittal": (R, F, P),
    "coronal": (P, F, L),
    "oblique": tuple(_TILTED @ axis for axis in (H, P, L)),
}
"""Where slices, rows and columns go to."""
UPRIGHT = tuple(name for name in ORIENTATIONS if name != "oblique")


def soft_tissue(points: Points) -> NDArray[np.float64]:
    return np.full(points.shape[:-1], 40.0)


def scan(
    folder: Path,
    orientation: str = "head first",
    *,
    hounsfield: Callable[[Points], NDArray[np.float64]] | None = soft_tissue,
    lesions: int = len(BLOCKS),
    storage: Storage = Storage.CLASSIC,
    habits: VendorHabits = SIEMENS,
    patient: PatientIdentity = PATIENT,
) -> ResultContext:
    """The analysis of a scan that was written and read; without ``hounsfield`` there is no CT."""
    axes = ORIENTATIONS[orientation]
    pet = _volume(axes, PET_PITCH_MM, _suv, Unit.SUVBW)
    ct = None if hounsfield is None else _volume(axes, CT_PITCH_MM, hounsfield, Unit.HOUNSFIELD)
    write_study(folder, patient, ct, pet, habits, plan=StudyPlan(storage=storage))
    pair = choose_pair(group_series(find_instances(folder).headers), pet_only=ct is None)
    acquisition = read_pet(pair.pet)
    quantification = quantify(acquisition.headers)
    suv = to_suv(acquisition, quantification)
    provenance = Provenance("1.2.3", "RESEARCH", "A hospital", "a" * 64, "b" * 64, 1, 9000)
    return ResultContext(
        acquisition, suv, read_ct(pair.ct) if pair.ct else None, quantification, analysed(suv, lesions), provenance
    )


def analysed(suv: Volume, lesions: int) -> Analysis:
    """The first blocks as findings, with figures that nobody has measured."""
    points = _points(suv.affine, suv.shape)
    labels = np.zeros(suv.shape, np.uint16)
    findings = []
    for number, block in enumerate(BLOCKS[:lesions], start=1):
        labels[block.holds(points)] = number
        hottest = np.unravel_index(np.where(labels == number, suv.values, -1.0).argmax(), suv.shape)
        sides = (8.0, 5.0, 4.0, 3.84, 19.68, 20.0, 16.0)
        place = tuple(int(index) for index in hottest)
        measured = Measurements(*sides, block.centre_mm, place, (place[0], place[0]), int((labels == number).sum()))
        location = vocabulary().leaf(block.location)
        answer = LocationAnswer(location, 0.8, ((location, 0.8),))
        caption = f"{block.location.capitalize()}: 2.0 × 1.6 cm mass, intense uptake (SUVmax 8.0)."
        findings.append(Finding(number, FindingKind.LESION, "hot", 4.0, measured, answer, caption))
    totals = Totals(len(findings), 3.84 * len(findings), 19.68 * len(findings), None, None)
    return Analysis(Tracer.FDG, tuple(findings), labels, totals, (), (), {}, {})


def _suv(points: Points) -> NDArray[np.float64]:
    values = np.ones(points.shape[:-1])
    for block in BLOCKS:
        values[block.holds(points)] = block.suv
        hottest = np.abs(points - block.centre_mm).sum(axis=-1)
        values.flat[hottest.argmin()] = block.suv + 2.0
    return values


def _volume(
    axes: tuple[Points, ...], pitch_mm: float, values: Callable[[Points], NDArray[np.float64]], unit: Unit
) -> Volume:
    """The patient's box, along its own axes or tilted with the scan."""
    shape = tuple(round(EXTENT_MM[np.abs(axis).argmax()] / pitch_mm) for axis in axes)
    affine = np.eye(4)
    affine[:3, :3] = np.stack(axes, axis=1) * pitch_mm
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape) - 1) / 2.0)
    return Volume(values(_points(affine, shape)).astype(np.float32), affine, unit)


def _points(affine: NDArray[np.float64], shape: tuple[int, ...]) -> Points:
    indices = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return indices @ affine[:3, :3].T + affine[:3, 3]
