"""A node whose parts run in this process, one step at a time, and digital studies to send to it."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from config.settings import AnalysisSettings, Completeness, Destination, Settings
from db.detail import StudyDetail, study_detail
from db.queries import AuditEntry, audit_events
from db.session import Database
from db.states import AssociationOutcome
from db.upgrade import upgrade
from dicom_io.incoming import AssociationFolder, Envelope
from dicom_io.scanner import StudyPlan, WrittenStudy, write_study
from dicom_io.scanner_examination import Examination, PatientIdentity
from dicom_io.vendors import SIEMENS, VendorHabits
from inference.patient import SMALL_CT_GRID, SMALL_PET_GRID, DigitalPatient
from node import completeness, intake, worker
from node.spool import Spool

QUIET_TIME_S = 60.0


@dataclass
class SteppedNode:
    """Intake, completeness and worker on a real database and spool; time passes when it is told to."""

    settings: Settings
    database: Database
    now: datetime = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
    _associations: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.spool = Spool(self.settings.spool.folder)
        self.spool.create()
        self.intake = intake.Intake(self.database, self.spool, "test", lambda: self.now)
        self.completeness = completeness.Completeness(self.database, self.spool, self.settings, lambda: self.now)
        self.worker = worker.Worker(self.database, self.spool, self.settings, lambda: self.now)

    def receive(self, files: Sequence[Path]) -> None:
        """As the listener does: into the journal, on one association that is then released."""
        association_id = f"association-{next(self._associations):04d}"
        envelope = Envelope("SCANNER", "UPTAKE", "127.0.0.1", 50000, association_id)
        folder = AssociationFolder(self.spool.folder, envelope)
        for file in files:
            content = dcmread(file)
            encoded = DicomBytesIO()
            syntax = content.file_meta.TransferSyntaxUID
            encoded.is_little_endian, encoded.is_implicit_VR = syntax.is_little_endian, syntax.is_implicit_VR
            write_dataset(encoded, content)
            folder.store(content.SOPClassUID, content.SOPInstanceUID, syntax, encoded.getvalue())
        self.spool.end_association(association_id, AssociationOutcome.RELEASED)

    def run(self) -> None:
        """Until nothing is left to do."""
        while self.intake.step() or self.completeness.step() or self.worker.step():
            pass

    def wait(self, seconds: float = QUIET_TIME_S + 1.0) -> None:
        self.now += timedelta(seconds=seconds)
        self.run()

    def study(self, study_uid: str) -> StudyDetail:
        with self.database.reading() as session:
            return study_detail(session, study_uid)

    def audit(self) -> tuple[AuditEntry, ...]:
        with self.database.reading() as session:
            return audit_events(session)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[SteppedNode]:
    settings = Settings(
        spool={"folder": tmp_path / "spool"},
        completeness=Completeness(quiet_time_s=QUIET_TIME_S),
        analysis=AnalysisSettings(timeout_s=100.0),
        destinations=(Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=4242),),
    )
    settings.spool.folder.mkdir()
    upgrade(settings.database_url)
    database = Database.open(settings.database_url)
    yield SteppedNode(settings, database)
    database.close()


PATIENT = DigitalPatient.default(seed=3)
IDENTITY = PatientIdentity(
    name="Patient^Digital",
    patient_id="DIGITAL-3",
    birth_date=datetime(1960, 2, 3).date(),
    sex=PATIENT.sex.value,
    weight_kg=PATIENT.weight_kg,
    size_m=PATIENT.height_m,
)


@pytest.fixture(scope="session")
def volumes() -> dict[str, object]:
    return {"ct": PATIENT.ct(SMALL_CT_GRID), "suv": PATIENT.suv(SMALL_PET_GRID)}


@pytest.fixture
def write(tmp_path: Path, volumes: dict[str, object]) -> Callable[..., WrittenStudy]:
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
