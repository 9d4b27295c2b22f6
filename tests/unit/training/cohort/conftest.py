"""The atlas of the anatomy that UPTAKE_TEST_ANATOMY names, and a patient of each split made from it."""

import os
import tempfile
from pathlib import Path

import pytest

from training.cohort.atlas import Atlas, load_atlases
from training.cohort.cohort import Cohort, Split
from training.cohort.patient import Patient
from training.cohort.pelvis import Build

OF_THE_TRUNK = {Split.TRAIN: 15, Split.VALIDATION: 0, Split.TEST: 4}
"""Small scans with lungs and liver in them: a woman with FDG, men with PSMA and with FDG."""


@pytest.fixture(scope="session")
def atlases() -> dict[Build, Atlas]:
    """All builds; made once per machine, as that takes minutes."""
    folder = os.environ.get("UPTAKE_TEST_ANATOMY")
    if folder is None:
        pytest.skip("UPTAKE_TEST_ANATOMY names no voxelised anatomy")
    return load_atlases(Path(folder), Path(tempfile.gettempdir()) / "uptake-atlas")


@pytest.fixture(scope="session")
def patients(atlases: dict[Build, Atlas]) -> dict[Split, Patient]:
    return {split: Cohort(atlases, split, 16).patient(number) for split, number in OF_THE_TRUNK.items()}


@pytest.fixture(scope="session")
def patient(patients: dict[Split, Patient]) -> Patient:
    """Number 4 of the test split."""
    return patients[Split.TEST]
