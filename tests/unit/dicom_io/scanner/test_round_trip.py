"""The digital scanner's studies, in any vendor's habits, are read back as true SUV or refused for the right reason."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEGLSLossless

from config.reasons import Reason, Refused
from config.volume import Unit, Volume
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import choose_pair, group_series
from dicom_io.reading.volume import read_ct, read_pet
from dicom_io.scanner.examination import LUTETIUM_PSMA_617, Examination, PatientIdentity
from dicom_io.scanner.series import Flaws
from dicom_io.scanner.study import PLAIN_STUDY, Distractor, Storage, StudyPlan, write_study
from dicom_io.scanner.vendors import (
    GE,
    GE_REPROCESSED,
    PHILIPS,
    SIEMENS,
    UIH,
    DecayCorrection,
    DoseUnit,
    FrameReference,
    InjectionTimes,
    StoredUnits,
    VendorHabits,
)
from dicom_io.suv.quantify import quantify, to_suv

IDENTITY = PatientIdentity("Digital^Patient", "D-1", date(1961, 4, 2), "F", 81.0, 1.71)
MIDNIGHT = Examination(administered=datetime(2024, 3, 5, 23, 30), bed_slices=3)
USUAL = Examination(bed_slices=3)


def volume(unit: Unit, spacing_mm: tuple[float, float, float], shape: tuple[int, int, int], largest: float) -> Volume:
    values = np.random.default_rng(3).uniform(0.0, largest, shape).astype(np.float32)
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing_mm)[::-1]
    affine[:3, 3] = affine[:3, :3] @ (-(np.asarray(shape) - 1) / 2.0)
    return Volume(values, affine, unit)


SUV = volume(Unit.SUVBW, (30.0, 12.0, 12.0), (8, 40, 40), 25.0)
CT = volume(Unit.HOUNSFIELD, (30.0, 9.0, 9.0), (8, 56, 56), 900.0)


def read_back(folder: Path) -> tuple[Volume, Volume]:
    pair = choose_pair(group_series(find_instances(folder).headers))
    assert pair.ct is not None
    pet = read_pet(pair.pet)
    return read_ct(pair.ct).volume, to_suv(pet, quantify(pet.headers, pair.mappings))


def written(folder: Path, habits: VendorHabits, exam: Examination = USUAL, plan: StudyPlan = PLAIN_STUDY) -> Path:
    return write_study(folder, IDENTITY, CT, SUV, habits, examination=exam, plan=plan).folder


@pytest.mark.parametrize("exam", [USUAL, MIDNIGHT], ids=["day", "midnight"])
@pytest.mark.parametrize(
    "habits",
    [
        GE,
        GE_REPROCESSED,
        SIEMENS,
        PHILIPS,
        UIH,
        replace(UIH, decay_correction=DecayCorrection.ADMIN),
        replace(UIH, decay_correction=DecayCorrection.NONE),
        replace(SIEMENS, units=StoredUnits.GML),
        replace(SIEMENS, frame_reference=FrameReference.ABSENT),
        replace(GE, dose_unit=DoseUnit.MBQ),
        replace(SIEMENS, injection_times=InjectionTimes.TIME_ONLY),
        replace(SIEMENS, injection_times=InjectionTimes.DATE_TIME_ONLY),
        replace(GE, injection_shift_days=-4000),
        replace(SIEMENS, transfer_syntax=JPEGLSLossless, timezone="+0900", patient_position="FFS"),
    ],
    ids=lambda habits: f"{habits.manufacturer[:7]}-{habits.units}-{habits.decay_correction}",
)
def test_every_habit_reads_back_as_the_true_suv(tmp_path: Path, habits: VendorHabits, exam: Examination) -> None:
    distractors = frozenset(Distractor) - {Distractor.REAL_WORLD_VALUES}
    ct, suv = read_back(written(tmp_path, habits, exam, StudyPlan(distractors=distractors)))
    assert suv.unit is Unit.SUVBW
    assert suv.values.shape == SUV.values.shape
    assert suv.affine == pytest.approx(SUV.affine, abs=1e-6)
    assert np.abs(suv.values - SUV.values).max() < 1e-3
    assert np.abs(ct.values - CT.values).max() <= 0.51


def test_an_enhanced_pair_reads_back_as_the_true_suv(tmp_path: Path) -> None:
    ct, suv = read_back(written(tmp_path, SIEMENS, plan=StudyPlan(storage=Storage.ENHANCED)))
    assert suv.affine == pytest.approx(SUV.affine, abs=1e-6)
    assert np.abs(suv.values - SUV.values).max() < 1e-3
    assert np.abs(ct.values - CT.values).max() <= 0.51


@pytest.mark.parametrize(
    ("habits", "exam", "plan", "reason"),
    [
        (replace(GE, omitted=frozenset({"PatientWeight"})), USUAL, PLAIN_STUDY, Reason.NO_PATIENT_WEIGHT),
        (replace(GE, omitted=frozenset({"RadionuclideTotalDose"})), USUAL, PLAIN_STUDY, Reason.NO_DOSE),
        (replace(GE, corrections=("DECY", "SCAT")), USUAL, PLAIN_STUDY, Reason.NO_ATTENUATION_CORRECTION),
        (GE, replace(USUAL, radiopharmaceutical=LUTETIUM_PSMA_617), PLAIN_STUDY, Reason.NOT_A_POSITRON_EMITTER),
        (GE, USUAL, StudyPlan(pet_flaws=Flaws(missing=(3,))), Reason.SLICE_GAP),
        (GE, USUAL, StudyPlan(pet_frame_of_reference="other"), Reason.NO_COMMON_FRAME_OF_REFERENCE),
    ],
    ids=lambda value: str(value) if isinstance(value, Reason) else "",
)
def test_what_cannot_be_quantified_is_refused(
    tmp_path: Path, habits: VendorHabits, exam: Examination, plan: StudyPlan, reason: Reason
) -> None:
    with pytest.raises(Refused) as refusal:
        read_back(written(tmp_path, habits, exam, plan))
    assert refusal.value.reason is reason
