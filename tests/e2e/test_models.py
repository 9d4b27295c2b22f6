"""A running node whose network is killed, hangs, has no room or loses its files: noticed in seconds, and coded."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.reasons import Reason
from db.audit import verify_chain
from db.audit_actions import AuditAction
from db.detail import StudyDetail, study_detail
from db.queries import AuditEntry, audit_events
from db.session import Database
from db.states import StudyState
from db.studies import UnknownStudy
from dicom_io.network.sender import echo
from dicom_io.scanner.examination import PSMA_1007, Examination
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from inference.bundles.specification import Network, Resampling
from node.rehearsal import Rehearsal, rehearse

MakeBundle = Callable[..., Path]
Write = Callable[..., WrittenStudy]

TIMEOUT_S = 90.0
NOTICED_S = 5.0
SLOW_ROUNDS = 1_500
"""Some seconds for all windows of a small study."""


@dataclass(frozen=True)
class Running:
    """A node whose FDG studies are segmented by the bundle ``toy``."""

    rehearsal: Rehearsal

    def send(self, study: WrittenStudy) -> None:
        assert all(outcome.reason is None for outcome in self.rehearsal.send_study(study.files))

    def detail(self, study: WrittenStudy) -> StudyDetail | None:
        """None before it arrives."""
        database = Database.open(f"sqlite:///{self.rehearsal.folder}/spool/uptake.db")
        try:
            with database.reading() as session:
                return study_detail(session, study.study_uid)
        except UnknownStudy:
            return None
        finally:
            database.close()

    def wait_for(self, study: WrittenStudy, state: StudyState) -> StudyDetail:
        deadline = time.monotonic() + TIMEOUT_S
        while (found := self.detail(study)) is None or found.summary.state is not state:
            assert time.monotonic() < deadline, f"not {state} in time: {found and found.summary}"
            time.sleep(0.05)
        return found

    def audit(self, study: WrittenStudy, action: AuditAction) -> tuple[AuditEntry, ...]:
        database = Database.open(f"sqlite:///{self.rehearsal.folder}/spool/uptake.db")
        with database.reading() as session:
            assert verify_chain(session) is None
            events = audit_events(session, study=study.study_uid, action=action)
        database.close()
        return events

    def failures(self, study: WrittenStudy) -> list[object]:
        """The reasons of its analyses that failed, as the audit trail has them."""
        return [event.detail["reason"] for event in self.audit(study, AuditAction.ANALYSIS_FAILED)]

    @property
    def log(self) -> str:
        return (self.rehearsal.folder / "node.log").read_text()

    @property
    def worker(self) -> int:
        """Its process id, as the node says in its log."""
        (*_, line) = [line for line in self.log.splitlines() if "process started" in line and "role=worker" in line]
        return int(line.split("process_id=")[1].split()[0])


@pytest.fixture
def start(tmp_path: Path, port_base: int) -> Iterator[Callable[..., Running]]:
    """Starts a node that is stopped at the end; ``analysis`` is TOML of that table."""
    with ExitStack() as running:

        def started(analysis: str = "") -> Running:
            models = f'[models]\nfolder = "{tmp_path}/models"\nprecision = "fp32"\nlesion_segmentation.FDG = "toy"\n'
            settings = f"{models}[analysis]\n{analysis}\n"
            return Running(running.enter_context(rehearse(tmp_path / "rehearsal", port_base, settings)))

        yield started


def test_a_worker_killed_while_the_network_runs_is_noticed_in_seconds_and_the_study_reported(
    start: Callable[..., Running], make_bundle: MakeBundle, write: Write, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy", rounds=SLOW_ROUNDS)
    node, study = start(), write()
    node.send(study)
    node.wait_for(study, StudyState.ANALYSING)
    time.sleep(2.0)
    killed_at = datetime.now(UTC)
    os.kill(node.worker, signal.SIGKILL)
    found = node.wait_for(study, StudyState.DELIVERED)
    (failure,) = node.audit(study, AuditAction.ANALYSIS_FAILED)
    assert failure.detail["reason"] == Reason.WORKER_DIED
    assert (failure.at - killed_at).total_seconds() < NOTICED_S
    assert found.summary.attempts == 2
    assert {finding.reason for finding in found.reports[0].findings} == {"Segmented as lesion by toy 1.0."}


def test_a_network_that_hangs_is_ended_where_it_hangs(
    start: Callable[..., Running], make_bundle: MakeBundle, write: Write, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy", rounds=-1)
    node, study = start("timeout_s = 12\nmaximum_attempts = 1"), write()
    node.send(study)
    node.wait_for(study, StudyState.FAILED)
    assert node.failures(study) == [Reason.ANALYSIS_TIMEOUT]
    assert "openvino.py" in node.log.partition("Timeout (0:00:12)!")[2]
    assert echo(node.rehearsal.node, "SCANNER").is_success


def test_a_network_without_room_fails_with_its_reason_and_the_worker_goes_on(
    start: Callable[..., Running], make_bundle: MakeBundle, write: Write, tmp_path: Path
) -> None:
    """At 0.7 mm the study is an image of 2.7 GB; the other study has a tracer without a network."""
    fine = Network(("fold_0.xml",), (16, 32, 32), (0.7, 0.7, 0.7), Resampling(order=1), Resampling(order=1))
    make_bundle(tmp_path / "models" / "toy", network=fine)
    node = start("memory_budget_mb = 1536\nmaximum_attempts = 1")
    study, other = write(), write(examination=Examination(radiopharmaceutical=PSMA_1007), plan=StudyPlan(seed="b"))
    worker = node.worker
    node.send(study)
    node.wait_for(study, StudyState.FAILED)
    assert node.failures(study) == [Reason.OUT_OF_MEMORY]
    node.send(other)
    node.wait_for(other, StudyState.DELIVERED)
    assert node.worker == worker


def test_a_bundle_that_is_spoilt_under_a_running_node_stays_as_it_was_also_for_a_new_worker(
    start: Callable[..., Running], make_bundle: MakeBundle, write: Write, tmp_path: Path
) -> None:
    folder = make_bundle(tmp_path / "models" / "toy")
    node, study = start(), write()
    (folder / "fold_0.bin").write_bytes(b"spoilt")
    os.kill(node.worker, signal.SIGKILL)
    node.send(study)
    found = node.wait_for(study, StudyState.DELIVERED)
    assert {finding.reason for finding in found.reports[0].findings} == {"Segmented as lesion by toy 1.0."}
