"""The audit trail arrives at a real rsyslog, whatever dies on the way."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from config.settings import AuditCollector, Settings, Spool
from db.audit import AuditAction, AuditOutcome, record
from db.audit_export import CollectorState, collector_states
from db.queries import audit_events
from db.session import Database
from db.upgrade import upgrade
from node.audit_export import AuditExport
from tests.unit.audit_schema import validated

RSYSLOG = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/sbin")
DRIVER = next((name for name in ("ossl", "gtls") if any(Path("/usr/lib").glob(f"*/rsyslog/lmnsd_{name}.so"))), None)

pytestmark = pytest.mark.skipif(RSYSLOG is None or DRIVER is None, reason="needs rsyslog with a TLS driver")

CONFIGURATION = """
global(workDirectory="{folder}" maxMessageSize="128k" defaultNetstreamDriverCAFile="{folder}/ca.pem"
       defaultNetstreamDriverCertFile="{folder}/server.pem" defaultNetstreamDriverKeyFile="{folder}/server.key")
module(load="imtcp" streamDriver.name="{driver}" streamDriver.mode="1" streamDriver.authMode="x509/certvalid")
module(load="imudp")
input(type="imtcp" address="127.0.0.1" port="{port}")
input(type="imudp" address="127.0.0.1" port="{port}" rcvbufSize="4m")
template(name="plain" type="string" string="%pri% %app-name% %msgid% %msg%\\n")
action(type="omfile" file="{folder}/received" template="plain")
"""


class Rsyslog:
    """An rsyslog that trusts the bearers of certificates of its authority."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        for name, certificate in (("server", "127.0.0.1"), ("node", "node.example")):
            issued = authority.issue_cert(certificate)
            issued.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
            issued.private_key_pem.write_to_path(folder / f"{name}.key")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        configuration = CONFIGURATION.format(folder=folder, driver=DRIVER, port=self.port)
        (folder / "rsyslog.conf").write_text(configuration)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(RSYSLOG), "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "pid")]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_for(self._listens)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def received(self) -> list[bytes]:
        file = self.folder / "received"
        return file.read_bytes().splitlines() if file.exists() else []

    def collector(self, **settings: object) -> AuditCollector:
        named = {"name": "siem", "host": "127.0.0.1", "port": self.port, "network_timeout_s": 5.0}
        identity = {
            "ca_file": self.folder / "ca.pem",
            "certificate_file": self.folder / "node.pem",
            "key_file": self.folder / "node.key",
        }
        return AuditCollector(**(named | identity | settings))  # type: ignore[arg-type]

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@pytest.fixture
def rsyslog(tmp_path: Path) -> Iterator[Rsyslog]:
    folder = tmp_path / "rsyslog"
    folder.mkdir()
    collector = Rsyslog(folder)
    try:
        collector.start()
        yield collector
    finally:
        collector.stop()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(spool=Spool(folder=tmp_path))


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    upgrade(settings.database_url)
    database = Database.open(settings.database_url)
    yield database
    database.close()


@pytest.fixture
def happen(database: Database) -> Callable[[int], None]:
    """So many studies arrive."""

    def happens(count: int) -> None:
        with database.transaction() as session:
            for number in range(count):
                record(
                    session,
                    AuditAction.STUDY_ARRIVED,
                    AuditOutcome.SUCCESS,
                    datetime.now(UTC),
                    who="SCANNER",
                    study_uid=f"1.2.{number}",
                    detail={"name": "山田^太郎\n\x1b"},
                )

    return happens


@pytest.fixture
def export(database: Database, settings: Settings) -> Callable[[AuditCollector], AuditExport]:
    """A node's export, as it is after a start."""
    return lambda collector: AuditExport(collector, database, settings, lambda: datetime.now(UTC))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 20 s"
        time.sleep(0.05)


def run(export: AuditExport) -> None:
    while export.step():
        pass


def told(lines: Sequence[bytes]) -> list[int]:
    """The sequence numbers of messages, each of which the schema allows."""
    numbers = []
    for line in lines:
        _, application, message_id, content = line.split(b" ", 3)
        assert (application, message_id) == (b"uptake", b"DICOM+RFC3881")
        message = validated(content.removeprefix(b"\xef\xbb\xbf"))
        event = message.find("ParticipantObjectIdentification")
        numbers.append(int(event.get("ParticipantObjectID")))
    return numbers


def state(database: Database) -> CollectorState:
    with database.reading() as session:
        (found,) = collector_states(session)
    return found


@pytest.mark.parametrize("transport", ["tls", "udp"])
def test_every_event_arrives_once_in_order_and_valid(
    rsyslog: Rsyslog,
    database: Database,
    happen: Callable[[int], None],
    export: Callable[[AuditCollector], AuditExport],
    transport: str,
) -> None:
    happen(700)
    run(export(rsyslog.collector(transport=transport)))
    wait_for(lambda: len(rsyslog.received()) == 700)
    assert told(rsyslog.received()) == list(range(1, 701))
    assert (state(database).sequence, state(database).behind) == (700, 0)


def test_a_node_that_starts_again_goes_on_where_it_stood(
    rsyslog: Rsyslog, happen: Callable[[int], None], export: Callable[[AuditCollector], AuditExport]
) -> None:
    for _ in range(3):
        happen(2)
        run(export(rsyslog.collector()))
    wait_for(lambda: len(rsyslog.received()) == 6)
    assert told(rsyslog.received()) == [1, 2, 3, 4, 5, 6]


def test_nothing_is_lost_while_the_collector_is_dead(
    rsyslog: Rsyslog,
    database: Database,
    happen: Callable[[int], None],
    export: Callable[[AuditCollector], AuditExport],
) -> None:
    happen(2)
    run(export(rsyslog.collector()))
    rsyslog.stop()
    happen(3)
    assert not export(rsyslog.collector()).step()
    assert (state(database).sequence, state(database).failing_since is not None) == (2, True)
    rsyslog.start()
    run(export(rsyslog.collector()))
    wait_for(lambda: len(rsyslog.received()) >= 7)
    assert told(rsyslog.received()) == [1, 2, 3, 4, 5, 6, 7]
    with database.reading() as session:
        actions = [event.action for event in audit_events(session)]
    assert actions[-2:] == [AuditAction.AUDIT_EXPORT_FAILED, AuditAction.AUDIT_EXPORT_RESUMED]


def test_a_collector_that_does_not_trust_the_node_was_not_told(
    rsyslog: Rsyslog,
    database: Database,
    happen: Callable[[int], None],
    export: Callable[[AuditCollector], AuditExport],
) -> None:
    happen(1)
    for _ in range(5):
        assert not export(rsyslog.collector(certificate_file=None, key_file=None)).step()
    assert state(database).sequence == 0
    assert rsyslog.received() == []


def test_after_a_failure_the_export_waits_before_it_tries_again(
    rsyslog: Rsyslog,
    happen: Callable[[int], None],
    export: Callable[[AuditCollector], AuditExport],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("node.audit_export._FIRST_RETRY_S", 5.0)
    rsyslog.stop()
    happen(1)
    waiting = export(rsyslog.collector())
    assert not waiting.step()
    rsyslog.start()
    assert not waiting.step()
    assert rsyslog.received() == []
    wait_for(waiting.step)
    wait_for(lambda: len(rsyslog.received()) >= 1)
