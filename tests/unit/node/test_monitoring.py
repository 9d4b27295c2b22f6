"""The node as its monitors see it, over a database of its own and processes that only pretend."""

import json
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.reasons import Reason, Remark, UptakeError
from config.settings import Compute, Destination, Monitoring, Settings
from db.audit import record
from db.audit_actions import AuditAction, AuditOutcome
from db.intake import InstanceRecord, record_instance
from db.nodes import join, lose, nodes
from db.session import Database
from db.upgrade import upgrade
from node.disk import Watermarks
from node.heartbeat import Heartbeat
from node.lacks import tell
from node.monitoring import Monitoring as Monitor
from node.spool import Spool
from node.supervisor import Child
from node.tally import Tally
from tests.unit.documents import DOCS

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def nothing() -> None:
    pass


@dataclass
class Watched:
    """A node whose parts the test breaks."""

    settings: Settings
    database: Database
    listener: socket.socket
    child: Child
    now_s: list[float]

    def get(self, path: str) -> tuple[int, str]:
        address = f"http://127.0.0.1:{self.settings.monitoring.port}{path}"
        try:
            with urllib.request.urlopen(address, timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def health(self) -> tuple[int, list[str], list[str]]:
        status, text = self.get("/health")
        document = json.loads(text)
        assert document["ready"] is (status == 200)
        return status, *([one["reason"] for one in document[name]] for name in ("problems", "warnings"))

    def value(self, metric: str, /, **labels: str) -> float | None:
        """A sample as Prometheus reads it; None if there is no such one."""
        for family in text_string_to_metric_families(self.get("/metrics")[1]):
            for sample in family.samples:
                if (sample.name, sample.labels) == (metric, labels):
                    return sample.value
        return None


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = Settings(
            listener={"port": listener.getsockname()[1]},
            spool={"folder": tmp_path},
            monitoring=Monitoring(port=free_port()),
            compute=Compute(workers=2),
            destinations=(Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=104),),
        )
        monkeypatch.setattr(Watermarks, "free_bytes", lambda self: 10**12)
        upgrade(settings.database_url)
        database = Database.open(settings.database_url)
        child = Child("worker", nothing, (), nothing, process=object())
        clerk = Child("clerk", nothing, (), nothing, process=object())
        child.process_id = clerk.process_id = os.getpid
        now_s = [0.0]
        monitor = Monitor(settings, database, [clerk, child], Heartbeat(lambda: now_s[0]))
        monitor.start()
        yield Watched(settings, database, listener, child, now_s)
        monitor.stop()
        database.close()


def test_a_node_that_can_do_its_work_is_ready(watched: Watched) -> None:
    assert watched.health() == (200, [], [])
    assert watched.value("uptake_ready") == 1.0


def test_a_supervisor_that_hangs_is_neither_live_nor_ready(watched: Watched) -> None:
    watched.now_s[0] = 1000.0
    assert watched.get("/health/live")[0] == 503
    assert watched.health() == (503, [Reason.SUPERVISOR_HANGS], [])


def test_a_process_that_waits_to_be_started_again_is_no_reason_to_restart_the_node(watched: Watched) -> None:
    watched.child.process, watched.child.deaths = None, 3
    assert watched.health() == (503, [Reason.PROCESS_NOT_RUNNING], [])
    assert watched.get("/health/live")[0] == 200
    assert watched.value("uptake_process_up", role="worker") == 0.0
    assert watched.value("uptake_process_deaths_total", role="worker") == 3.0


def test_what_workers_lack_to_analyse_with_is_a_warning_each_once(watched: Watched) -> None:
    spool, away = Spool.of(watched.settings), Remark(Reason.RAY_UNREACHABLE, "10.1.2.3:6379: Connection refused.")
    for number in (1, 2):
        tell(spool, number, away)
    tell(spool, 3, Remark(Reason.RAY_FULL, "of a worker that there is not any more"))
    assert watched.health() == (200, [], [Reason.RAY_UNREACHABLE])
    assert away.detail in watched.get("/health")[1]
    assert watched.value("uptake_problem", reason=Reason.RAY_UNREACHABLE) == 1.0
    for number in (1, 2):
        tell(spool, number, None)
    assert watched.health() == (200, [], [])
    tell(spool, 1, away)
    (spool.own / "lacks" / "1.json").write_text("")  # as a power cut may leave it
    assert watched.health() == (200, [], [])


def test_memory_and_processor_are_told_of_each_process(watched: Watched) -> None:
    for role in ("node", "clerk", "worker"):
        assert watched.value("uptake_process_resident_memory_bytes", role=role) > 1e6
        assert watched.value("uptake_process_cpu_seconds_total", role=role) > 0


def test_a_listener_that_takes_no_connections_is_noticed(watched: Watched) -> None:
    watched.listener.close()
    assert watched.health() == (503, [Reason.LISTENER_UNREACHABLE], [])


def test_a_database_that_fails_is_noticed_and_the_rest_is_still_told(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = Database.open(f"sqlite:///{watched.settings.spool.folder}/no/such/folder/uptake.db")
    monkeypatch.setattr(watched.database, "reading", missing.reading)
    assert watched.health() == (503, [Reason.DATABASE_UNREACHABLE], [])
    assert watched.value("uptake_database_up") == 0.0
    assert watched.value("uptake_process_up", role="worker") == 1.0
    assert watched.value("uptake_studies", state="failed") is None


def test_a_database_that_does_not_answer_delays_nobody_for_long(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.health._ANSWER_S", 0.05)
    monkeypatch.setattr(watched.database, "reading", lambda: time.sleep(1.0))
    assert watched.health() == (503, [Reason.DATABASE_UNREACHABLE], [])


def test_a_disk_that_fills_is_a_warning_and_then_a_problem(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watermarks, "free_bytes", lambda self: 5 * 2**30)
    assert watched.health() == (200, [], [Reason.DISK_LOW])
    assert watched.value("uptake_problem", reason="disk-low") == 1.0
    monkeypatch.setattr(Watermarks, "free_bytes", lambda self: 2**20)
    assert watched.health() == (503, [Reason.DISK_FULL], [])


def test_another_node_that_is_lost_is_a_warning(watched: Watched) -> None:
    with watched.database.transaction() as session:
        join(session, "b", "UPTAKE on b", [], NOW)
    assert watched.health() == (200, [], [])
    assert watched.value("uptake_nodes", node="b", state="up") == 1.0
    with watched.database.transaction() as session:
        (seen,) = nodes(session)
        lose(session, seen, "UPTAKE on a", NOW, maximum_attempts=3, journal=())
    assert watched.health() == (200, [], [Reason.NODE_LOST])
    assert watched.value("uptake_nodes", node="b", state="up") == 0.0
    assert watched.value("uptake_nodes", node="b", state="lost") == 1.0


def test_the_way_of_a_study_is_measured_from_the_trail(watched: Watched) -> None:
    def happened(action: AuditAction, seconds: float, **detail: object) -> None:
        at = NOW + timedelta(seconds=seconds)
        with watched.database.transaction() as session:
            record(session, action, AuditOutcome.SUCCESS, at, who="test", study_uid="1.2.3", detail=detail)

    model = {"name": "fdg", "version": "2", "digest": "d", "engine": "OpenVINO"}
    happened(AuditAction.STUDY_ARRIVED, 0)
    happened(AuditAction.STUDY_COMPLETE, 10)
    happened(AuditAction.ANALYSIS_STARTED, 13)
    assert watched.value("uptake_step_seconds_sum", step="waiting") == 3.0
    happened(AuditAction.REPORT_RECORDED, 33, outcome="lesions", models={"lesion segmentation": model})
    happened(AuditAction.STUDY_DELIVERED, 40)
    steps = {"receiving": 10.0, "waiting": 3.0, "analysis": 20.0, "delivery": 7.0}
    assert {name: watched.value("uptake_step_seconds_sum", step=name) for name in steps} == steps
    assert watched.value("uptake_turnaround_seconds_sum") == 30.0
    assert watched.value("uptake_turnaround_seconds_count") == 1.0
    assert watched.value("uptake_analyses_total", outcome="lesions") == 1.0
    engine = {"task": "lesion segmentation", "name": "fdg", "version": "2", "engine": "OpenVINO"}
    assert watched.value("uptake_model_runs_total", **engine) == 1.0


def test_a_study_that_is_given_up_is_no_analysis(watched: Watched) -> None:
    actions = (
        AuditAction.STUDY_COMPLETE,
        AuditAction.ANALYSIS_STARTED,
        AuditAction.STUDY_REJECTED,
        AuditAction.REPORT_RECORDED,
    )
    for seconds, action in enumerate(actions):
        detail = {"outcome": "not-analysed", "models": {}} if action is AuditAction.REPORT_RECORDED else {}
        with watched.database.transaction() as session:
            at = NOW + timedelta(seconds=seconds)
            record(session, action, AuditOutcome.SUCCESS, at, who="test", study_uid="1.2.3", detail=detail)
    assert watched.value("uptake_step_seconds_count", step="waiting") == 1.0
    assert watched.value("uptake_step_seconds_count", step="analysis") is None


def test_failures_are_counted_by_their_reason_and_each_once(watched: Watched) -> None:
    for _ in range(2):
        with watched.database.transaction() as session:
            record(
                session,
                AuditAction.ASSOCIATION_REFUSED,
                AuditOutcome.FAILURE,
                NOW,
                who="X",
                detail={"reason": Reason.ADDRESS_NOT_ALLOWED},
            )
        watched.get("/metrics")
    labels = {"action": "association-refused", "reason": "address-not-allowed"}
    assert watched.value("uptake_failures_total", **labels) == 2.0


def test_what_is_told_names_no_patient_and_no_study(watched: Watched) -> None:
    with watched.database.transaction() as session:
        record_instance(session, patient_instance(), NOW)
    assert watched.value("uptake_studies", state="receiving") == 1.0
    told = watched.get("/metrics")[1] + watched.get("/health")[1]
    assert not [word for word in ("1.2.3", "Yamada", "P-4711", "A-1") if word in told]


def patient_instance() -> InstanceRecord:
    return InstanceRecord(
        association_id=None,
        study_uid="1.2.3",
        series_uid="1.2.3.1",
        sop_instance_uid="1.2.3.1.1",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.128",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        digest="d",
        path="p",
        size_bytes=1,
        relevant=True,
        patient_id="P-4711",
        patient_name="Yamada^Tarou",
        accession_number="A-1",
    )


def test_instances_that_intake_has_yet_to_take_are_counted_with_the_age_of_the_oldest(watched: Watched) -> None:
    folder = watched.settings.spool.folder / "incoming" / "association"
    folder.mkdir(parents=True)
    for name in ("000001.dcm", "000002.dcm", "000003.part"):
        (folder / name).touch()
    os.utime(folder / "000001.dcm", (time.time() - 500, time.time() - 500))
    assert watched.value("uptake_journal_instances") == 2.0
    assert 499 < (watched.value("uptake_journal_oldest_seconds") or 0) < 560


@pytest.mark.parametrize("name", ["monitoring.rules.yml", "monitoring.dashboard.json", "monitoring.md"])
def test_nothing_is_asked_for_that_the_node_does_not_say(watched: Watched, name: str) -> None:
    said = set(re.findall(r"^# TYPE (\w+)", watched.get("/metrics")[1], re.MULTILINE))
    asked = set(re.findall(r"\buptake_[a-z_]+[a-z]\b", (DOCS / name).read_text(encoding="utf-8")))
    plain = {re.sub(r"_(bucket|sum|count)$", "", one) if "_seconds_" in one else one for one in asked}
    assert asked
    assert plain <= said, plain - said


@pytest.mark.parametrize("path", ["/", "/metric", "/health/../metrics", "/health/dead"])
def test_other_addresses_are_not_found(watched: Watched, path: str) -> None:
    assert watched.get(path)[0] == 404


@pytest.mark.parametrize(
    "request_bytes", [b"POST /health HTTP/1.0\r\n\r\n", b"DELETE /metrics HTTP/1.0\r\n\r\n", b"HEAD / HTTP/1.0\r\n\r\n"]
)
def test_only_reading_is_answered(watched: Watched, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", watched.settings.monitoring.port), timeout=10) as connection:
        connection.sendall(request_bytes)
        assert b" 405 " in connection.recv(1000)


def test_silent_and_garbled_connections_do_not_keep_others_waiting(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.monitoring._Handler.timeout", 0.3)
    address = ("127.0.0.1", watched.settings.monitoring.port)
    silent = [socket.create_connection(address) for _ in range(40)]
    with socket.create_connection(address) as garbled:
        garbled.sendall(bytes(range(256)) * 1000)
    deadline = time.monotonic() + 20
    while True:
        try:
            assert watched.get("/health/live")[0] == 200
            break
        except OSError:
            assert time.monotonic() < deadline
    for connection in silent:
        connection.close()


def test_a_port_that_is_taken_ends_the_start_with_a_clear_message(watched: Watched) -> None:
    second = Monitor(watched.settings, watched.database, [], Heartbeat())
    with pytest.raises(UptakeError, match=r"can't be monitored on 127\.0\.0\.1"):
        second.start()


def test_monitoring_can_be_switched_off(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(spool={"folder": tmp_path}, monitoring=Monitoring(enabled=False, port=port))
    upgrade(settings.database_url)
    database = Database.open(settings.database_url)
    monitor = Monitor(settings, database, [], Heartbeat())
    monitor.start()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    monitor.stop()
    database.close()


def test_who_asks_while_a_long_trail_is_read_is_told_the_rest(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, read = threading.Event(), threading.Event()

    def read_slowly(tally: Tally, session: object) -> None:
        reading.set()
        read.wait(20.0)

    monkeypatch.setattr(Tally, "update", read_slowly)
    monkeypatch.setattr("node.metrics._TURN_S", 0.1)
    first = threading.Thread(target=watched.get, args=("/metrics",))
    first.start()
    assert reading.wait(20.0)
    assert watched.value("uptake_studies", state="failed") == 0.0
    assert watched.value("uptake_turnaround_seconds_count") is None
    read.set()
    first.join()
