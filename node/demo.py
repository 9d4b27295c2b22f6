"""The demonstration: a digital patient's study goes to a node, and what a PACS gets back."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from PIL import Image
from pydicom import dcmread

from config.reasons import UptakeError
from config.result_kind import ResultKind
from config.settings import load
from db.detail import FindingDetail, StudyDetail, study_detail
from db.session import Database
from db.states import StudyState
from db.studies import UnknownStudy
from dicom_io.scanner.examination import PatientIdentity
from dicom_io.scanner.study import Distractor, StudyPlan, WrittenStudy, write_study
from dicom_io.scanner.vendors import SIEMENS
from inference.patient.patient import CT_GRID, PET_GRID, DigitalPatient
from node.rehearsal import Rehearsal, StoredResult, rehearse

PICTURE_FILE = "picture.png"
_TIMEOUT_S = 300.0
_EXPECTED_MODALITIES = frozenset({"SEG", "SR", "OT", "KO"})
_SETTLED = frozenset({StudyState.DELIVERED, StudyState.COMMITTED, StudyState.REJECTED, StudyState.FAILED})


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What the demonstration showed; ``turnaround_s`` from the last C-STORE response to the last delivery."""

    instances: int
    turnaround_s: float
    findings: tuple[FindingDetail, ...]
    results: tuple[StoredResult, ...]
    config_file: Path

    @property
    def is_complete(self) -> bool:
        """Whether SEG, SR, pictures and key objects are in the PACS."""
        return {result.modality for result in self.results} >= _EXPECTED_MODALITIES


def write_demo_study(folder: Path) -> WrittenStudy:
    """A digital patient's whole-body PET/CT, 512² CT, with what else a real study holds."""
    patient = DigitalPatient.default(seed=1)
    identity = PatientIdentity(
        name="Demo^Digital Patient",
        patient_id="DEMO-0001",
        birth_date=date(1961, 4, 12),
        sex=patient.sex.value,
        weight_kg=patient.weight_kg,
        size_m=patient.height_m,
    )
    plan = StudyPlan(distractors=frozenset({Distractor.SCOUT, Distractor.UNCORRECTED_PET}))
    return write_study(folder, identity, patient.ct(CT_GRID), patient.suv(PET_GRID), SIEMENS, plan=plan)


def run_demo(folder: Path, port_base: int, progress: Callable[[str], None]) -> DemoOutcome:
    """Run the demonstration in an empty folder; everything stays there, only the processes end.

    Raises
    ------
    UptakeError
        If a process does not start, an instance is refused, or the study does not come to its end.
    """
    progress("making a digital patient")
    study = write_demo_study(folder / "study")
    progress("starting a PACS and a node")
    with rehearse(folder, port_base) as rehearsal:
        progress(f"sending {len(study.files)} instances")
        refused = [outcome for outcome in rehearsal.send_study(study.files) if outcome.reason is not None]
        if refused:
            raise UptakeError(f"{len(refused)} instances were refused, first: {refused[0].reason} {refused[0].detail}")
        acknowledged = time.monotonic()
        detail = _settled(rehearsal, study.study_uid, progress)
        turnaround_s = time.monotonic() - acknowledged
        results = rehearsal.results(study.study_uid)
    if not detail.reports:
        raise UptakeError(f"The study is {detail.summary.state}: {detail.summary.reason} {detail.summary.detail}")
    report = detail.reports[-1]
    picture = next(result.sop_instance_uid for result in report.results if result.kind is ResultKind.PICTURE)
    Image.fromarray(dcmread(rehearsal.pacs_folder / picture).pixel_array).save(folder / PICTURE_FILE)
    return DemoOutcome(
        instances=len(study.files),
        turnaround_s=turnaround_s,
        findings=report.findings,
        results=tuple(results),
        config_file=rehearsal.config_file,
    )


def _settled(rehearsal: Rehearsal, study_uid: str, progress: Callable[[str], None]) -> StudyDetail:
    database = Database.open(load(rehearsal.config_file).database_url)
    try:
        deadline = time.monotonic() + _TIMEOUT_S
        while time.monotonic() < deadline:
            with database.reading() as session:
                try:
                    found = study_detail(session, study_uid)
                except UnknownStudy:
                    found = None
            if found is not None:
                progress(str(found.summary.state))
                if found.summary.state in _SETTLED:
                    return found
            time.sleep(0.1)
    finally:
        database.close()
    raise UptakeError(f"The study did not come to its end within {_TIMEOUT_S:.0f} s; see {rehearsal.folder}/node.log.")
