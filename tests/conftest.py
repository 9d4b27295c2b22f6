"""Digital studies, small enough for every kind of test."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import openvino
import openvino.opset13
import pytest

from config.volume import Volume
from dicom_io.scanner.examination import Examination, PatientIdentity
from dicom_io.scanner.study import StudyPlan, WrittenStudy, write_study
from dicom_io.scanner.vendors import SIEMENS, VendorHabits
from inference.bundles.specification import (
    Channel,
    Label,
    Labels,
    Network,
    Normalisation,
    Resampling,
    Specification,
    Task,
)
from inference.bundles.store import write_bundle
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
def make_bundle() -> Callable[..., Path]:
    """Make a bundle whose network calls a lesion what is hotter than ``threshold`` SUV, less so the denser it is.

    It looks at its windows in so many ``rounds`` before, in vain: thousands make it slow, -1 is for ever.
    """

    def make(
        folder: Path,
        *,
        channels: tuple[str, ...] = ("PET", "CT"),
        threshold: float = 4.0,
        per_hounsfield: float = 0.0,
        rounds: int = 0,
        patch: tuple[int, int, int] = (16, 32, 32),
        names: tuple[str, ...] = ("background", "lesion"),
        **changes: object,
    ) -> Path:
        folder.mkdir(parents=True)
        write_threshold_graph(folder / "fold_0.xml", channels, threshold, per_hounsfield, rounds, patch)
        specification = Specification(
            name=folder.name,
            version="1.0",
            task=Task.LESION_SEGMENTATION,
            channels=tuple(Channel(name, Normalisation.NONE) for name in channels),
            labels=Labels(tuple(Label(name) for name in names)),
            network=Network(
                graphs=("fold_0.xml",),
                patch=patch,
                spacing_mm=(6.0, 5.4, 5.4),
                resample_data=Resampling(order=3),
                resample_logits=Resampling(order=1),
            ),
        )
        write_bundle(replace(specification, **changes), folder)
        return folder

    return make


def write_threshold_graph(
    path: Path,
    channels: tuple[str, ...],
    threshold: float,
    per_hounsfield: float,
    rounds: int,
    patch: tuple[int, int, int],
) -> None:
    """An OpenVINO graph with logits 0 for background and (SUV − threshold + weight × HU) for lesion."""
    weights = np.zeros((2, len(channels), 1, 1, 1), dtype=np.float32)
    weights[1] = np.reshape([{"PET": 1.0, "CT": per_hounsfield}.get(name, 0.0) for name in channels], (-1, 1, 1, 1))
    image = openvino.opset13.parameter([1, len(channels), *patch], np.float32)
    ones, zeros = [1, 1, 1], [0, 0, 0]
    seen = looked_at_in_vain(image, rounds) if rounds else image
    convolved = openvino.opset13.convolution(seen, openvino.opset13.constant(weights), ones, zeros, zeros, ones)
    offset = np.reshape(np.array([0.0, -threshold], dtype=np.float32), (1, 2, 1, 1, 1))
    logits = openvino.opset13.add(convolved, openvino.opset13.constant(offset))
    openvino.save_model(openvino.Model([logits], [image]), path, compress_to_fp16=False)


def looked_at_in_vain(image: openvino.Node, rounds: int) -> openvino.Output:
    """The same values after so many rounds of a loop (ONNX and OpenVINO: Loop); -1 never ends."""
    inner = openvino.opset13.parameter(image.shape, np.float32)
    unchanged = openvino.opset13.maximum(inner, openvino.opset13.constant(np.float32(-1e30)))
    body = openvino.Model([unchanged, openvino.opset13.constant(True)], [inner])
    loop = openvino.opset13.loop(openvino.opset13.constant(np.int64(rounds)), openvino.opset13.constant(True))
    loop.set_function(body)
    loop.set_special_body_ports([-1, 1])
    loop.set_merged_input(inner, image.output(0), body.results[0].output(0))
    return loop.get_iter_value(body.results[0].output(0), -1)


@pytest.fixture
def identity() -> PatientIdentity:
    return IDENTITY
