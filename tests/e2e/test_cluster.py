"""Two nodes under one AE title, with one database and one spool: what becomes of the work of the one that ends.

The spool is one local folder, or what two clients of a file server see of one: ``UPTAKE_TEST_SHARED_FOLDERS`` then
names the folder of each, with a colon between them.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt
from sqlalchemy import create_engine, make_url, select, text

from config.settings import Destination
from db.audit import verify_chain
from db.audit_actions import AuditAction
from db.detail import study_detail
from db.nodes import nodes
from db.queries import AuditEntry, audit_events
from db.session import Database
from db.states import NodeState, StudyState
from db.tables import Instance, Study
from db.upgrade import upgrade
from dicom_io.digest import dataset_digest
from dicom_io.network.sender import echo, send
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from dicom_io.sop_classes import ACCEPTED
from node.rehearsal import rehearse
from tests.e2e.conftest import free_port
from tests.postgresql import SERVER, postgresql_database

DEAD_AFTER_S = float(os.environ.get("UPTAKE_TEST_DEAD_AFTER_S", "10"))
STARTED_WITHIN_S = 90.0
TAKEN_OVER_WITHIN_S = 60.0
SHARED_FOLDERS = [Path(folder) for folder in os.environ.get("UPTAKE_TEST_SHARED_FOLDERS", "").split(":") if folder]

SETTINGS = """\
[listener]
ae_title = "UPTAKE"
port = {port}

[database]
url = "{database_url}"

[cluster]
enabled = true
node = "{name}"
dead_after_s = {dead_after_s}

[completeness]
quiet_time_s = 3600

[monitoring]
enabled = false

[[destinations]]
name = "pacs"
ae_title = "PACS"
host = "127.0.0.1"
port = {pacs_port}
storage_commitment = false

[spool]
folder = "{spool}"
"""

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.timeout(600),
    pytest.mark.skipif(SERVER is None, reason="UPTAKE_TEST_POSTGRESQL_URL names no PostgreSQL server"),
]


class Pacs:
    """Takes everything, and keeps what came by SOP Instance UID."""

    def __init__(self) -> None:
        self.received: dict[str, bytes] = {}
        entity = AE("PACS")
        entity.supported_contexts = []
        for uid in (*sorted(ACCEPTED), "1.2.840.10008.1.1"):
            entity.add_supported_context(uid)
        self._server: Any = entity.start_server(
            ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)]
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def stop(self) -> None:
        self._server.shutdown()

    def _store(self, event: evt.Event) -> int:
        self.received[str(event.request.AffectedSOPInstanceUID)] = event.encoded_dataset()
        return 0x0000


@dataclass
class Running:
    """A node of the cluster, with all its processes."""

    name: str
    address: Destination
    process: subprocess.Popen[bytes]
    log: Path

    def processes(self) -> list[psutil.Process]:
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def role(self, name: str) -> psutil.Process:
        """The process of a role, as the log says."""
        (*_, line) = [
            line for line in self.log.read_text().splitlines() if "process started" in line and f"role={name}" in line
        ]
        return psutil.Process(int(line.split("process_id=")[1].split()[0]))

    def signal(self, number: int) -> None:
        """All its processes at once, as when its host dies or stands still."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


@dataclass
class Site:
    """A database, a spool and a PACS, and nodes that share them; ``spools``: where each node sees the spool."""

    folder: Path
    spools: Mapping[str, Path]
    database_url: str
    pacs: Pacs
    database: Database
    ports: dict[str, int] = field(default_factory=dict)
    running: list[Running] = field(default_factory=list)

    def start(self, name: str) -> Running:
        port = self.ports.setdefault(name, free_port())
        configuration = self.folder / f"{name}.toml"
        configuration.write_text(
            SETTINGS.format(
                port=port,
                database_url=make_url(self.database_url).set(username=self.role(name)).render_as_string(False),
                name=name,
                dead_after_s=DEAD_AFTER_S,
                pacs_port=self.pacs.port,
                spool=self.spools[name],
            ),
            encoding="utf-8",
        )
        environment = {key: value for key, value in os.environ.items() if not key.startswith("UPTAKE_")}
        environment["PYTHONPATH"] = str(Path(__file__).parents[2])
        command = [sys.executable, "-m", "node", "serve", "--config", str(configuration)]
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=self.folder, env=environment)
        address = Destination(name=name, ae_title="UPTAKE", host="127.0.0.1", port=port)
        node = Running(name, address, process, log)
        self.running.append(node)
        wait_for(lambda: echo(address, "SCANNER").is_success, STARTED_WITHIN_S, log)
        wait_for(lambda: "role=worker" in log.read_text(), STARTED_WITHIN_S, log)
        return node

    def stop(self) -> None:
        for node in self.running:
            if node.process.poll() is None:
                node.signal(signal.SIGCONT)
                node.process.terminate()
        for node in self.running:
            try:
                node.process.wait(60)
            except subprocess.TimeoutExpired:
                node.signal(signal.SIGKILL)
                node.process.wait()

    def role(self, name: str) -> str:
        """As whom a node connects to the database."""
        return f"{make_url(self.database_url).database}_{name}"

    @contextmanager
    def database_away(self, *names: str) -> Iterator[None]:
        """Cut nodes off from the database."""
        engine = create_engine(self.database_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for role in map(self.role, names):
                connection.execute(text(f'ALTER ROLE "{role}" NOLOGIN'))
                connection.execute(
                    text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :role"), {"role": role}
                )
            yield
            for role in map(self.role, names):
                connection.execute(text(f'ALTER ROLE "{role}" LOGIN'))
        engine.dispose()

    @property
    def journal(self) -> Path:
        """That of node a, as node b sees it."""
        return self.spools["b"] / "nodes" / "a" / "incoming"

    def states(self) -> dict[str, tuple[StudyState, str | None]]:
        """State and lease owner of every study."""
        with self.database.reading() as session:
            rows = session.execute(select(Study.study_instance_uid, Study.state, Study.lease_owner)).all()
        return {uid: (state, owner) for uid, state, owner in rows}

    def is_analysed_by(self, node: Running, study: WrittenStudy) -> bool:
        state, owner = self.states().get(study.study_uid, (None, None))
        return state is StudyState.ANALYSING and owner == f"worker 1 of UPTAKE on {node.name}"

    def are_delivered(self, studies: Sequence[WrittenStudy]) -> bool:
        states = self.states()
        return all(states.get(study.study_uid, (None,))[0] is StudyState.DELIVERED for study in studies)

    def node_states(self) -> dict[str, NodeState]:
        with self.database.reading() as session:
            return {one.name: one.state for one in nodes(session)}

    def events(self, action: AuditAction) -> tuple[AuditEntry, ...]:
        with self.database.reading() as session:
            return audit_events(session, action=action)

    def results(self, study: WrittenStudy) -> Mapping[str, bytes]:
        """The result objects that are for the PACS, of the only report of a study."""
        with self.database.reading() as session:
            (report,) = study_detail(session, study.study_uid).reports
        return {
            one.sop_instance_uid: (self.spools["b"] / one.path).read_bytes() for one in report.results if one.deliveries
        }

    def assert_whole(self, studies: Sequence[WrittenStudy]) -> None:
        """Every instance is on record once and lies where it says; the PACS has every result; the trail has no gap."""
        with self.database.reading() as session:
            assert verify_chain(session) is None
            kept = session.execute(select(Instance.digest, Instance.path)).all()
        sent = {dataset_digest(file) for study in studies for file in study.files}
        assert {digest for digest, _ in kept} == sent
        assert len(kept) == len(sent)
        assert all(dataset_digest(self.spools["b"] / path) == digest for digest, path in kept)
        assert set(self.pacs.received) == {uid for study in studies for uid in self.results(study)}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    pacs = Pacs()
    folder, name = tmp_path / "site", uuid.uuid4().hex
    folders = [shared / name for shared in SHARED_FOLDERS] or [folder, folder]
    with postgresql_database(str(SERVER)) as url, roles(url):
        upgrade(url)
        database = Database.open(url)
        folder.mkdir()
        folders[0].mkdir(exist_ok=True)
        site = Site(
            folder, {node: shared / "spool" for node, shared in zip("ab", folders, strict=True)}, url, pacs, database
        )
        try:
            yield site
        finally:
            site.stop()
            pacs.stop()
            database.close()


@contextmanager
def roles(url: str) -> Iterator[None]:
    """A role for each node, named after the database, dropped afterwards."""
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    names = [f"{make_url(url).database}_{node}" for node in "ab"]
    with engine.connect() as connection:
        for name in names:
            connection.execute(text(f'CREATE ROLE "{name}" LOGIN SUPERUSER'))
        try:
            yield
        finally:
            for name in names:
                connection.execute(text(f'DROP ROLE "{name}"'))
    engine.dispose()


def wait_for(condition: Callable[[], bool], within_s: float, *logs: Path) -> float:
    """Wait until it is so; the seconds that it took."""
    began = time.monotonic()
    while not condition():
        told = "\n".join(log.read_text(errors="replace")[-3000:] for log in logs)
        assert time.monotonic() - began < within_s, f"it did not happen within {within_s:.0f} s\n{told}"
        time.sleep(0.05)
    return time.monotonic() - began


def stored(node: Running, files: Sequence[Path]) -> bool:
    return all(outcome.reason is None for outcome in send(node.address, files, "SCANNER"))


def associated(node: Running, files: Sequence[Path]) -> Any:
    """An open association on which these files can be sent."""
    entity = AE("SCANNER")
    entity.dimse_timeout = entity.network_timeout = 120
    for uid in sorted({str(dcmread(file, stop_before_pixels=True).SOPClassUID) for file in files}):
        entity.add_requested_context(uid)
    association = entity.associate("127.0.0.1", node.address.port, ae_title="UPTAKE")
    assert association.is_established
    return association


def answer(association: Any, file: Path) -> int | None:
    """The status of a C-STORE; None if there was none."""
    try:
        said: Dataset = association.send_c_store(dcmread(file))
    except RuntimeError:
        return None
    return said.get("Status")


def reported_alone(folder: Path, port_base: int, studies: Sequence[WrittenStudy]) -> list[dict[str, bytes]]:
    """What a node reports of each study that has nobody beside it."""
    with rehearse(folder, port_base) as alone:
        for study in studies:
            assert all(outcome.reason is None for outcome in alone.send_study(study.files))
        database = Database.open(f"sqlite:///{folder}/spool/uptake.db")

        def are_delivered() -> bool:
            with database.reading() as session:
                states = session.scalars(select(Study.state)).all()
            return states == [StudyState.DELIVERED] * len(studies)

        wait_for(are_delivered, 120, folder / "node.log")
        found = []
        for study in studies:
            with database.reading() as session:
                (report,) = study_detail(session, study.study_uid).reports
            results = [one for one in report.results if one.deliveries]
            found.append({one.sop_instance_uid: (folder / "spool" / one.path).read_bytes() for one in results})
        database.close()
    shutil.rmtree(folder)
    return found


def test_when_a_host_dies_the_other_does_its_work_and_nothing_is_lost_or_done_twice(
    site: Site, tmp_path: Path, port_base: int, write: Callable[..., WrittenStudy], capsys: pytest.CaptureFixture[str]
) -> None:
    under_analysis, split, open_still = studies = [write(plan=StudyPlan(seed=str(number))) for number in range(3)]
    expected = reported_alone(tmp_path / "alone", port_base, studies)
    a, b = site.start("a"), site.start("b")
    a.role("clerk").suspend()
    b.role("worker").suspend()

    assert stored(a, split.files[::2])
    assert stored(b, split.files[1::2])
    first, *others = open_still.pet_files
    association = associated(a, [first])
    assert answer(association, first) == 0x0000
    assert stored(b, under_analysis.files)
    wait_for(lambda: site.is_analysed_by(a, under_analysis), 60, a.log, b.log)
    died_at = time.monotonic()
    a.signal(signal.SIGKILL)
    a.process.wait()
    b.role("worker").resume()
    association.abort()
    assert any(site.journal.glob("*/*.dcm"))
    assert stored(b, [*open_still.ct_files, *others])

    wait_for(lambda: site.node_states()["a"] is NodeState.LOST, TAKEN_OVER_WITHIN_S, b.log)
    found_after_s = time.monotonic() - died_at
    wait_for(lambda: site.are_delivered(studies), TAKEN_OVER_WITHIN_S - found_after_s, b.log)
    with capsys.disabled():
        sys.stdout.write(
            f"\nfound lost after {found_after_s:.1f} s, all delivered after {time.monotonic() - died_at:.1f} s\n"
        )
    assert [site.results(study) for study in studies] == expected
    site.assert_whole(studies)
    (lost,) = site.events(AuditAction.NODE_LOST)
    assert (lost.who, lost.detail["node"], lost.detail["studies"]) == (
        "UPTAKE on b",
        "a",
        [under_analysis.study_uid],
    )
    site.start("a")
    assert site.node_states() == {"a": NodeState.UP, "b": NodeState.UP}


def test_a_host_that_stood_still_finds_that_others_took_over_and_does_no_harm(
    site: Site, write: Callable[..., WrittenStudy]
) -> None:
    under_analysis, interrupted = studies = [write(plan=StudyPlan(seed=str(number))) for number in range(2)]
    a, b = site.start("a"), site.start("b")
    b.role("worker").suspend()
    first, second, *others = interrupted.pet_files
    association = associated(a, [first])
    assert answer(association, first) == 0x0000
    assert stored(b, under_analysis.files)
    wait_for(lambda: site.is_analysed_by(a, under_analysis), 60, a.log, b.log)
    a.signal(signal.SIGSTOP)
    b.role("worker").resume()
    wait_for(lambda: not any(site.journal.iterdir()), TAKEN_OVER_WITHIN_S, b.log)
    wait_for(lambda: site.are_delivered([under_analysis]), TAKEN_OVER_WITHIN_S, b.log)
    a.signal(signal.SIGCONT)

    assert answer(association, second) != 0x0000
    assert a.process.wait(60) == 1
    assert "found no sign of life" in a.log.read_text().replace("\n", " ")
    a = site.start("a")
    assert stored(a, [*interrupted.ct_files, second, *others])
    wait_for(lambda: site.are_delivered(studies), 60, a.log, b.log)
    site.assert_whole(studies)
    assert len(site.events(AuditAction.NODE_LOST)) == 1
    assert site.node_states() == {"a": NodeState.UP, "b": NodeState.UP}


def test_a_node_that_stops_in_order_leaves_its_journal_to_the_others(
    site: Site, write: Callable[..., WrittenStudy]
) -> None:
    study = write()
    a, b = site.start("a"), site.start("b")
    clerk = a.role("clerk")
    clerk.suspend()
    assert stored(a, study.files)
    clerk.kill()
    a.process.terminate()
    assert a.process.wait(60) == 0
    wait_for(lambda: site.are_delivered([study]), 60, b.log)
    site.assert_whole([study])
    assert site.events(AuditAction.NODE_LOST) == ()
    assert site.node_states() == {"a": NodeState.STOPPED, "b": NodeState.UP}


def test_when_nobody_reaches_the_database_nobody_is_lost_and_what_comes_meanwhile_is_kept(
    site: Site, write: Callable[..., WrittenStudy]
) -> None:
    study = write()
    a, b = site.start("a"), site.start("b")
    association = associated(a, study.files)
    with site.database_away("a", "b"):
        assert {answer(association, file) for file in study.files[::2]} == {0x0000}
        time.sleep(DEAD_AFTER_S + 10.0)
        assert {node.process.poll() for node in (a, b)} == {None}
        assert not echo(a.address, "SCANNER").is_success
    association.release()
    wait_for(lambda: echo(b.address, "SCANNER").is_success, 60, b.log)
    assert stored(b, study.files[1::2])
    wait_for(lambda: site.are_delivered([study]), 60, a.log, b.log)
    site.assert_whole([study])
    assert site.events(AuditAction.NODE_LOST) == ()


def test_a_node_that_alone_does_not_reach_the_database_is_taken_over_and_ends_when_it_finds_so(
    site: Site, write: Callable[..., WrittenStudy]
) -> None:
    study = write()
    a, b = site.start("a"), site.start("b")
    association = associated(a, study.files)
    with site.database_away("a"):
        assert {answer(association, file) for file in study.files[::2]} == {0x0000}
        wait_for(lambda: site.node_states()["a"] is NodeState.LOST, TAKEN_OVER_WITHIN_S, b.log)
        assert not echo(a.address, "SCANNER").is_success
        wait_for(lambda: not any(site.journal.iterdir()), 30, b.log)
        assert answer(association, study.files[1]) != 0x0000
        assert stored(b, study.files[1::2])
        wait_for(lambda: site.are_delivered([study]), 60, b.log)
        assert a.process.poll() is None
    assert a.process.wait(60) == 1
    site.assert_whole([study])
