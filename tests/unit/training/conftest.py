"""Digital patients of geometry alone: a body, a spine with marks, coloured balls at places with names."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from config.vocabulary import vocabulary
from config.volume import Unit, Volume
from inference.nifti import write_mask, write_nifti
from training.sample import LesionTruth, Sample

if TYPE_CHECKING:
    from training.cache import CachedPatient

HEIGHTS = {"T3 vertebra": 0.8, "T9 vertebra": 0.55, "L3 vertebra": 0.3}
SIDES = {"right kidney": -1.0, "left kidney": 1.0}
FINDINGS = {"osteolytic": 50.0, "osteoblastic": 900.0, "mass": 40.0}


@dataclass(frozen=True)
class GeometricPatients:
    """Balls on a rod: five leaves, told by height or side; the finding is the density of the ball."""

    count: int
    seed: int
    remarks: tuple[str, ...] = ()

    def __len__(self) -> int:
        return self.count

    def identifier(self, number: int) -> str:
        return f"patient-{self.seed}-{number:03d}"

    def fingerprint(self, number: int) -> str:
        return ""

    def __getitem__(self, number: int) -> Sample:
        generator = np.random.default_rng((self.seed, number))
        shape = (int(generator.integers(70, 85)), 40, 56)
        slices, rows, columns = np.indices(shape).astype(np.float32)
        centre = np.asarray(shape) / 2.0
        width = 20.0 * generator.uniform(0.9, 1.1)
        inside = ((columns - centre[2]) / width) ** 2 + ((rows - centre[1]) / (0.6 * width)) ** 2 < 1.0
        hu = np.where(inside, 30.0, -1000.0)
        rod = (abs(columns - centre[2]) < 3) & (abs(rows - centre[1] - 6) < 3)
        hu[rod] = 300.0
        suv = np.where(inside, 1.0, 0.0)
        liver = inside & (abs(slices - 0.42 * shape[0]) < 6) & (columns < centre[2] - 4)
        suv[liver] = 2.5
        labels = np.zeros(shape, dtype=np.uint16)
        lesions = []
        for label, name in enumerate([*HEIGHTS, *SIDES], start=1):
            finding = "mass" if name in SIDES else str(generator.choice(["osteolytic", "osteoblastic"]))
            place = np.asarray(
                [
                    HEIGHTS.get(name, 0.33) * shape[0],
                    centre[1] + 6,
                    centre[2] + 10.0 * SIDES.get(name, 0.0),
                ]
            ) + generator.uniform(-1.0, 1.0, 3)
            ball = (slices - place[0]) ** 2 + (rows - place[1]) ** 2 + (columns - place[2]) ** 2 < 5.0
            labels[ball] = label
            hu[ball] = FINDINGS[finding]
            suv[ball] = generator.uniform(5.0, 12.0)
            lesions.append(LesionTruth(label, vocabulary().leaf(name).id, finding))
        hu += generator.normal(0.0, 15.0, shape)
        affine = np.zeros((4, 4))
        affine[[0, 1, 2], [2, 1, 0]] = 5.0
        affine[3, 3] = 1.0
        return Sample(
            identifier=self.identifier(number),
            suv=Volume(suv.astype(np.float32), affine, Unit.SUVBW),
            ct=Volume(hu.astype(np.float32), affine, Unit.HOUNSFIELD),
            valid=np.ones(shape, dtype=np.bool_),
            labels=labels,
            lesions=tuple(lesions),
        )


@pytest.fixture(scope="session")
def samples() -> GeometricPatients:
    """Twelve geometric patients."""
    return GeometricPatients(12, seed=1)


@pytest.fixture(scope="session")
def nifti_folder(samples: GeometricPatients, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first six as folders of NIfTI files with what is known of their lesions; read only."""
    folder = tmp_path_factory.mktemp("nifti")
    for number in range(6):
        sample = samples[number]
        patient = folder / sample.identifier
        patient.mkdir()
        write_nifti(sample.suv, patient / "SUV.nii.gz")
        write_nifti(sample.ct, patient / "CT.nii.gz")
        write_mask(sample.labels, sample.suv.affine, patient / "lesions.nii.gz")
        lesions = [{"label": each.label, "leaf": each.leaf, "ct_finding": each.ct_finding} for each in sample.lesions]
        (patient / "truth.json").write_text(json.dumps({"lesions": lesions}), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def patients(samples: GeometricPatients, tmp_path_factory: pytest.TempPathFactory) -> "tuple[CachedPatient, ...]":
    """The same in a cache."""
    from training.cache import write_patient

    folder: Path = tmp_path_factory.mktemp("cache")
    return tuple(write_patient(samples[number], folder) for number in range(len(samples)))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """Small networks are slower on several threads, and tests run side by side."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
