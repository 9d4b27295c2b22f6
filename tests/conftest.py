"""Digital studies, small enough for every kind of test."""

import itertools
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import openvino
import openvino.opset13
import pytest
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback

from config.vocabulary import vocabulary
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
    WordsSpecification,
)
from inference.bundles.store import write_bundle
from inference.captioning.guidance import MOST_PROMPTS
from inference.captioning.network_input import CHANNELS as CAPTION_CHANNELS
from inference.captioning.patch import SIZE as PATCH_SIZE
from inference.captioning.tokens import PROMPT_LENGTH, Words, token_table
from inference.patient.patient import DigitalPatient, Grid
from inference.retrieval.field_of_view import CHANNELS as LOCATION_CHANNELS
from inference.retrieval.field_of_view import SHAPE as FIELD_OF_VIEW

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


@pytest.fixture(scope="session", autouse=True)
def _plain_log() -> None:
    """Without the local variables of every traceback, which structlog shows by default: of data sets in seconds."""
    structlog.configure(
        processors=[structlog.processors.add_log_level, ConsoleRenderer(exception_formatter=plain_traceback)]
    )


@pytest.fixture(scope="session")
def volumes() -> dict[str, Volume]:
    return {"ct": PATIENT.ct(CT_GRID), "suv": PATIENT.suv(PET_GRID)}


@pytest.fixture
def port_base() -> int:
    """The first of three neighbouring ports that are free."""
    while True:
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
                third.bind(("127.0.0.1", port + 2))
            except (OSError, OverflowError):
                continue
            return port


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
def make_location_bundle() -> Callable[..., Path]:
    """Make a bundle that locates every lesion at one leaf, the surer the lower its ``temperature``."""

    def make(folder: Path, *, location: str = "right kidney", temperature: float = 0.05) -> Path:
        folder.mkdir(parents=True)
        known = vocabulary()
        leaf = known.leaf(location)
        here = [each is leaf for each in known.leaves] + [name == leaf.coarse for name in known.coarse_names]
        np.save(folder / "index.npy", np.where(np.reshape(here, (-1, 1)), (1.0, 0.0), (0.0, 1.0)).astype(np.float32))
        seen = openvino.opset13.parameter([1, 2 * len(LOCATION_CHANNELS), *FIELD_OF_VIEW], np.float32)
        write_graph(folder / "image.onnx", [seen], [with_nothing_of(seen, np.array([[1.0, 0.0]], np.float32))])
        numbers = openvino.opset13.parameter([-1, 4], np.float32)
        write_graph(folder / "text.onnx", [numbers], [with_nothing_of(numbers, np.array([[1.0, 0.0]], np.float32))])
        facts = {
            "leaves": [each.id for each in known],
            "coarse": list(known.coarse_names),
            "temperatures": {"coarse": temperature, "leaf": temperature},
            "text_length": 4,
            "words": ["kidney"],
        }
        (folder / "retrieval.json").write_text(json.dumps(facts))
        write_bundle(WordsSpecification(folder.name, "2.0", Task.LOCATION_RETRIEVAL), folder)
        return folder

    return make


@pytest.fixture
def make_caption_bundle() -> Callable[..., Path]:
    """Make a bundle that has the same words for every lesion, none of them twice."""

    def make(folder: Path, *, location: str = "right kidney", finding: str = "low density lesion") -> Path:
        folder.mkdir(parents=True)
        table = token_table()
        said = table.caption(Words(location, finding))
        patch = openvino.opset13.parameter([1, len(CAPTION_CHANNELS), *[PATCH_SIZE] * 3], np.float32)
        prompts = openvino.opset13.parameter([1, MOST_PROMPTS * PROMPT_LENGTH], np.int64)
        memory, present = np.zeros((1, 1, 1), np.float32), np.ones((1, 1), np.float32)
        remembered = [with_nothing_of(patch, memory), with_nothing_of(prompts, present)]
        write_graph(folder / "memory.onnx", [patch, prompts], remembered)
        following = np.zeros((len(table), len(table)), dtype=np.float32)
        following[said[:-1], said[1:]] = 1.0
        tokens = openvino.opset13.parameter([1, -1], np.int64)
        inputs = [tokens, *(openvino.opset13.parameter(each.shape, np.float32) for each in (memory, present))]
        last = openvino.opset13.gather(tokens, np.array(-1), np.array(1))
        write_graph(folder / "next_word.onnx", inputs, [openvino.opset13.gather(following, last, np.array(0))])
        facts = {"words": list(table.words), "longest": 24, "windows": True}
        (folder / "caption.json").write_text(json.dumps(facts))
        write_bundle(WordsSpecification(folder.name, "3.0", Task.CAPTIONING), folder)
        return folder

    return make


def with_nothing_of(values: openvino.Node, constant: np.ndarray) -> openvino.Node:
    """The constant, as a function of the values."""
    every_axis = np.arange(values.output(0).partial_shape.rank.get_length())
    sum_of_all = openvino.opset13.reduce_sum(values, every_axis)
    nothing = openvino.opset13.multiply(openvino.opset13.convert(sum_of_all, "f32"), np.float32(0.0))
    return openvino.opset13.add(openvino.opset13.constant(constant), nothing)


def write_graph(path: Path, inputs: list[openvino.Node], outputs: list[openvino.Node]) -> None:
    """Write OpenVINO's own format under the name of an ONNX file, which it is read by just the same."""
    written = path.with_suffix(".xml")
    openvino.save_model(openvino.Model(outputs, inputs), written, compress_to_fp16=False)
    written.rename(path)


@pytest.fixture
def identity() -> PatientIdentity:
    return IDENTITY
