"""A node whose parts run in this process, one step at a time."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pynetdicom import AE, evt

from config.settings import AnalysisSettings, Completeness, Destination, Settings
from db.detail import StudyDetail, study_detail
from db.queries import AuditEntry, audit_events
from db.session import Database
from db.states import AssociationOutcome
from db.upgrade import upgrade
from dicom_io.network.incoming import AssociationFolder
from dicom_io.network.probe import ASKED
from node import archive, completeness, intake, worker
from node.models import Models
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
        self.archives = archive.archives(self.settings, lambda: self.now)
        self.completeness = completeness.Completeness(
            self.database, self.spool, self.settings, lambda: self.now, self.archives
        )
        self.worker = worker.Worker(self.database, self.spool, self.settings, Models(self.settings), lambda: self.now)

    def receive(self, files: Sequence[Path], calling_ae: str = "SCANNER", *, released: bool = True) -> str:
        """As the listener does: into the journal, on one association that is then ``released``. It takes a second."""
        self.now += timedelta(seconds=1)
        association_id = f"association-{next(self._associations):04d}"
        sender = {"calling_ae": calling_ae, "called_ae": "UPTAKE", "address": "127.0.0.1", "port": 50000}
        folder = AssociationFolder(self.spool.folder, association_id, **sender)
        for file in files:
            content = dcmread(file)
            encoded = DicomBytesIO()
            syntax = content.file_meta.TransferSyntaxUID
            encoded.is_little_endian, encoded.is_implicit_VR = syntax.is_little_endian, syntax.is_implicit_VR
            write_dataset(encoded, content)
            folder.store(content.SOPClassUID, content.SOPInstanceUID, syntax, encoded.getvalue())
        if released:
            self.release(association_id)
        return association_id

    def release(self, association_id: str) -> None:
        self.spool.end_association(association_id, AssociationOutcome.RELEASED)

    def run(self) -> None:
        """Until nothing is left to do."""
        asking = [one.step for one in self.archives.values()]
        while any(step() for step in (self.intake.step, self.completeness.step, *asking, self.worker.step)):
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
def start_node(tmp_path: Path) -> Iterator[Callable[..., SteppedNode]]:
    """Start a node of its own; keyword arguments are sections of the settings that differ from the usual."""
    databases = []

    def start(**sections: object) -> SteppedNode:
        usual = {
            "spool": {"folder": tmp_path / f"spool{len(databases)}"},
            "completeness": Completeness(quiet_time_s=QUIET_TIME_S),
            "analysis": AnalysisSettings(timeout_s=100.0),
            "destinations": (Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=4242),),
        }
        settings = Settings(**(usual | sections))
        settings.spool.folder.mkdir()
        upgrade(settings.database_url)
        databases.append(Database.open(settings.database_url))
        return SteppedNode(settings, databases[-1])

    yield start
    for database in databases:
        database.close()


@pytest.fixture
def node(start_node: Callable[..., SteppedNode]) -> SteppedNode:
    return start_node()


class Peer:
    """A PACS that takes some SOP Classes and answers C-STORE with a status; it counts how often it was probed."""

    def __init__(self, sop_classes: tuple[str, ...], status: int, port: int) -> None:
        self._entity = AE("PACS")
        for uid in (*sop_classes, "1.2.840.10008.1.1"):
            self._entity.add_supported_context(uid)
        self.probed = 0
        self.stored: list[str] = []
        self._status = status
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_C_ECHO, self._echo)]
        self.server = self._entity.start_server(("127.0.0.1", port), block=False, evt_handlers=handlers)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    def stop(self) -> None:
        if self.server in self._entity._servers:
            self.server.shutdown()

    def destination(self, **settings: object) -> Destination:
        return Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=self.port, **settings)

    def _store(self, event: evt.Event) -> int:
        self.stored.append(str(event.request.AffectedSOPClassUID))
        return self._status

    def _echo(self, event: evt.Event) -> int:
        self.probed += 1
        return 0x0000


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """Start a PACS that takes the given SOP Classes."""
    peers = []

    def start(*sop_classes: str, status: int = 0x0000, port: int = 0) -> Peer:
        peers.append(Peer(sop_classes, status, port))
        return peers[-1]

    yield start
    for one in peers:
        one.stop()


@pytest.fixture
def everything() -> tuple[str, ...]:
    """Every SOP Class that a result may have."""
    return tuple(ASKED)
