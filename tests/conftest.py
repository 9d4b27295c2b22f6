"""Digital studies, small enough for every kind of test."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from config.volume import Volume
from dicom_io.scanner.examination import Examination, PatientIdentity
from dicom_io.scanner.study import StudyPlan, WrittenStudy, write_study
from dicom_io.scanner.vendors import SIEMENS, VendorHabits
from inference.patient.patient import DigitalPatient, Grid

CT_GRID = Grid.axial((72, 96, 96), (6.0, 5.2083, 5.2083), (0.0, 0.0, 40.0))
PET_GRID = Grid.axial((72, 96, 96), (6.0, 5.4, 5.4), (0.0, 0.0, 40.0))
"""From neck to kidneys, coarse: small enough to be written, sent and analysed in seconds."""

PATIENT = DigitalPatient.default(seed=3)
IDENTITY = PatientIdentity(
    name="Patient^Digital",
    patient_id="DIGITAL-3",
    birth_date=date(1960, 2, 3),
    sex=PATIENT.sex.value,
    weight_kg=PATIENT.weight_kg,
    size_m=PATIENT.height_m,
)


@pytest.fixture(scope="session")
def volumes() -> dict[str, Volume]:
    return {"ct": PATIENT.ct(CT_GRID), "suv": PATIENT.suv(PET_GRID)}


@pytest.fixture
def write(tmp_path: Path, volumes: dict[str, Volume]) -> Callable[..., WrittenStudy]:
    """Write a small study; keyword arguments say how it differs from a good one."""
    numbers = itertools.count()

    def write_small(
        *,
        identity: PatientIdentity = IDENTITY,
        habits: VendorHabits = SIEMENS,
        examination: Examination = Examination(),
        plan: StudyPlan = StudyPlan(),
        ct: bool = True,
        pet: bool = True,
        **changes: object,
    ) -> WrittenStudy:
        return write_study(
            tmp_path / f"study{next(numbers)}",
            identity,
            volumes["ct"] if ct else None,
            volumes["suv"] if pet else None,
            replace(habits, **changes),
            examination=examination,
            plan=plan,
        )

    return write_small


@pytest.fixture
def identity() -> PatientIdentity:
    return IDENTITY
