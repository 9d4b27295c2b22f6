"""A study from its files to the result objects on disk, timed stage by stage, and digital patients to do it with."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from config.settings import Settings
from config.volume import Volume
from dicom_io.reading.files import find_instances
from dicom_io.results.picture import encode_picture
from dicom_io.results.report import encode_report
from dicom_io.results.segmentation import encode_segmentations
from dicom_io.scanner.examination import PatientIdentity
from dicom_io.scanner.study import write_study
from dicom_io.scanner.vendors import SIEMENS
from inference.patient.patient import DigitalPatient, Grid
from node.analysis import Outcome, analyse_inputs, choose_inputs
from node.models import Models
from node.result_files import write_objects

SLICES, SLICE_MM, WIDTH_MM, CT_WIDTH_MM = 336, 3.0, 815.0, 500.0
CENTRE_MM = (0.0, 0.0, 33.5)

Made = TypeVar("Made")


@dataclass(frozen=True)
class Timed:
    """One way through: seconds of each stage in the order in which they run, and what came out."""

    seconds: Mapping[str, float]
    outcome: Outcome

    @property
    def total_s(self) -> float:
        return sum(self.seconds.values())


def pet_grid(columns: int) -> Grid:
    """From the vertex to the thighs in slices of 3 mm, as wide as a scanner's bore."""
    return _grid(columns, WIDTH_MM)


def ct_grid(columns: int) -> Grid:
    return _grid(columns, CT_WIDTH_MM)


def write_patient(folder: Path, patient: DigitalPatient, suv: Volume, ct: Volume) -> Path:
    """A patient's study, one file a slice."""
    identity = PatientIdentity(
        name="Bench^Digital Patient",
        patient_id="BENCH",
        birth_date=date(1960, 1, 1),
        sex=patient.sex.value,
        weight_kg=patient.weight_kg,
        size_m=patient.height_m,
    )
    return write_study(folder, identity, ct, suv, SIEMENS).folder


def run_study(study: Path, settings: Settings, models: Models, rounds: int) -> Timed:
    """A study taken through everything that a node does with it but to receive and to send.

    Of each stage the least of the rounds: what else the machine does only adds to it. The files are in the machine's
    cache, as they are in a node that has just received them.
    """
    runs = [_run_once(study, settings, models) for _ in range(rounds)]
    least = {stage: min(run.seconds[stage] for run in runs) for stage in runs[0].seconds}
    return Timed(least, runs[-1].outcome)


def _run_once(study: Path, settings: Settings, models: Models) -> Timed:
    seconds: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], Made]) -> Made:
        begin = time.perf_counter()
        made = work()
        seconds[stage] = time.perf_counter() - begin
        return made

    headers = timed("find instances", lambda: find_instances(study).headers)
    inputs = timed("choose and digest", lambda: choose_inputs(headers, settings))
    outcome = analyse_inputs(inputs, settings, models)
    seconds |= {stage: spent for stage, spent in outcome.timings_s.items() if stage not in ("encode", "load models")}
    # Encoded once more, object by object, for what each of them costs.
    segmentations = timed("SEG", lambda: encode_segmentations(outcome.context))
    timed("SR", lambda: encode_report(outcome.context, segmentations))
    timed("picture", lambda: encode_picture(outcome.context))
    with TemporaryDirectory() as folder:
        timed("write", lambda: write_objects(outcome.objects, Path(folder)))
    return Timed(seconds, outcome)


def grouped(seconds: Mapping[str, float], groups: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Seconds of groups of stages; a stage that a study did not need counts as 0."""
    return {group: sum(seconds.get(stage, 0.0) for stage in stages) for group, stages in groups.items()}


def _grid(columns: int, width_mm: float) -> Grid:
    return Grid.axial((SLICES, columns, columns), (SLICE_MM, width_mm / columns, width_mm / columns), CENTRE_MM)
