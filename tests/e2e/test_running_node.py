"""A running node between a scanner and a PACS: real processes, real ports, and kill -9."""

import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from config.reasons import Reason
from db.audit import verify_chain
from db.audit_actions import AuditAction
from db.detail import StudyDetail, study_detail
from db.queries import audit_events
from db.session import Database
from db.states import StudyState
from dicom_io.network.sender import echo
from dicom_io.scanner.study import WrittenStudy
from node.rehearsal import Rehearsal, rehearse

TIMEOUT_S = 90.0


@pytest.fixture
def rehearsal(tmp_path: Path, port_base: int) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "rehearsal", port_base) as running:
        yield running


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def detail(rehearsal: Rehearsal, study: WrittenStudy) -> StudyDetail:
    database = Database.open(f"sqlite:///{rehearsal.folder}/spool/uptake.db")
    with database.reading() as session:
        assert verify_chain(session) is None
        found = study_detail(session, study.study_uid)
    database.close()
    return found


def state(rehearsal: Rehearsal) -> str:
    """State of the only study; empty before it arrives."""
    with sqlite3.connect(rehearsal.folder / "spool" / "uptake.db") as connection:
        row = connection.execute("SELECT state FROM studies").fetchone()
    return str(row[0]) if row else ""


def role(rehearsal: Rehearsal, name: str) -> int:
    """Process id of a role, as the node's log says."""
    lines = (rehearsal.folder / "node.log").read_text().splitlines()
    (*_, line) = [line for line in lines if "process started" in line and f"role={name}" in line]
    return int(line.split("process_id=")[1].split()[0])


def accepted(rehearsal: Rehearsal, study: WrittenStudy) -> bool:
    outcomes = rehearsal.send_study(study.files)
    return all(outcome.reason is None for outcome in outcomes)


def modalities(rehearsal: Rehearsal, study: WrittenStudy) -> list[str]:
    return sorted({result.modality for result in rehearsal.results(study.study_uid)})


def test_results_come_back_to_the_pacs(rehearsal: Rehearsal, write) -> None:
    study = write()
    assert accepted(rehearsal, study)
    wait_for(lambda: state(rehearsal) == StudyState.DELIVERED)
    assert modalities(rehearsal, study) == ["KO", "OT", "SEG", "SR"]


def test_a_worker_killed_in_the_middle_of_an_analysis_loses_nothing(rehearsal: Rehearsal, write) -> None:
    study = write()
    worker = role(rehearsal, "worker")
    assert accepted(rehearsal, study)
    wait_for(lambda: state(rehearsal) == StudyState.ANALYSING)
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: state(rehearsal) == StudyState.DELIVERED)
    found = detail(rehearsal, study)
    assert len(found.reports) == 1
    assert found.summary.attempts == 2
    assert modalities(rehearsal, study) == ["KO", "OT", "SEG", "SR"]


def test_a_clerk_killed_at_any_moment_loses_nothing(rehearsal: Rehearsal, write) -> None:
    study = write()
    clerk = role(rehearsal, "clerk")
    assert accepted(rehearsal, study)
    os.kill(clerk, signal.SIGKILL)
    wait_for(lambda: state(rehearsal) == StudyState.DELIVERED)
    assert detail(rehearsal, study).summary.instances == len(study.files)


def test_a_node_killed_after_its_last_acknowledgement_reports_when_it_is_back(rehearsal: Rehearsal, write) -> None:
    study = write()
    assert accepted(rehearsal, study)
    _, node = rehearsal.processes
    node.kill()
    node.wait()
    rehearsal.processes.remove(node)
    wait_for(lambda: not psutil.pid_exists(role(rehearsal, "worker")))
    rehearsal.start_node()
    wait_for(lambda: state(rehearsal) == StudyState.DELIVERED)
    found = detail(rehearsal, study)
    assert found.summary.instances == len(study.files)
    assert len(found.reports) == 1


def test_an_analysis_that_does_not_end_is_ended_and_the_study_fails_with_its_reason(
    tmp_path: Path, port_base: int, write
) -> None:
    settings = "[analysis]\ntimeout_s = 0.2\nmaximum_attempts = 2\n"
    with rehearse(tmp_path / "rehearsal", port_base, settings) as rehearsal:
        study = write()
        assert accepted(rehearsal, study)
        wait_for(lambda: state(rehearsal) == StudyState.FAILED)
        summary = detail(rehearsal, study).summary
        assert (summary.reason, summary.attempts) == (Reason.ANALYSIS_TIMEOUT, 2)
        assert echo(rehearsal.node, "SCANNER").is_success


def test_a_full_disk_refuses_instances_and_keeps_the_node_alive(tmp_path: Path, port_base: int, write) -> None:
    """The settings end in the spool's table, so this line sets ``spool.minimum_free_mb``."""
    with rehearse(tmp_path / "rehearsal", port_base, "minimum_free_mb = 1000000000\n") as rehearsal:
        (outcome,) = rehearsal.send_study(write().pet_files[:1])
        assert (outcome.reason, outcome.status) == (Reason.DESTINATION_REFUSED_OBJECT, 0xA700)
        assert echo(rehearsal.node, "SCANNER").is_success
        database = Database.open(f"sqlite:///{rehearsal.folder}/spool/uptake.db")

        def rejections() -> list:
            with database.reading() as session:
                return list(audit_events(session, action=AuditAction.INSTANCE_REJECTED))

        wait_for(lambda: bool(rejections()))
        (event,) = rejections()
        database.close()
    assert event.detail["reason"] == Reason.DISK_FULL


def test_hostile_bytes_leave_the_node_alive(rehearsal: Rehearsal, write) -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\x01\x00\xff\xff\xff\xff" + bytes(64)):
        with socket.create_connection((rehearsal.node.host, rehearsal.node.port), timeout=5) as connection:
            connection.sendall(garbage)
    study = write()
    assert accepted(rehearsal, study)
    wait_for(lambda: state(rehearsal) == StudyState.DELIVERED)


def test_a_node_ends_cleanly_when_asked_to(rehearsal: Rehearsal) -> None:
    _, node = rehearsal.processes
    children = [role(rehearsal, name) for name in ("clerk", "worker")]
    node.send_signal(signal.SIGTERM)
    assert node.wait(timeout=30) == 0
    assert not any(psutil.pid_exists(child) for child in children)
    assert "node stopped" in (rehearsal.folder / "node.log").read_text()
