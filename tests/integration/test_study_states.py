"""The way of a study through the node's states, with real files, database and analysis."""

from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from sqlalchemy.exc import OperationalError

from config.reasons import Reason
from db.audit import verify_chain
from db.audit_actions import AuditAction
from db.states import DeliveryState, ReportOutcome, StudyState
from dicom_io.scanner.study import Distractor, StudyPlan, WrittenStudy

Write = Callable[..., WrittenStudy]


def test_a_proven_complete_study_is_analysed_at_once(node, write: Write) -> None:
    study = write()
    node.receive(study.files)
    node.run()
    found = node.study(study.study_uid)
    assert found.summary.state is StudyState.ENCODED
    assert found.reports[0].outcome is ReportOutcome.LESIONS
    wanted = [str(result.kind) for result in found.reports[0].results if result.deliveries]
    assert list(dict.fromkeys(wanted)) == ["SEG", "SR", "picture", "key images", "KOS"]


def test_every_step_is_in_the_audit_trail_and_the_chain_is_whole(node, write: Write) -> None:
    study = write()
    node.receive(study.files)
    node.run()
    actions = [entry.action for entry in node.audit()]
    for action in (
        AuditAction.ASSOCIATION_OPENED,
        AuditAction.STUDY_ARRIVED,
        AuditAction.ASSOCIATION_CLOSED,
        AuditAction.STUDY_COMPLETE,
        AuditAction.ANALYSIS_STARTED,
        AuditAction.REPORT_RECORDED,
    ):
        assert actions.count(action) == 1
    with node.database.reading() as session:
        assert verify_chain(session) is None


def test_the_audit_trail_counts_what_an_association_brought(node, write: Write) -> None:
    study = write()
    node.receive(study.files)
    node.run()
    (received,) = [entry for entry in node.audit() if entry.action is AuditAction.INSTANCES_RECEIVED]
    assert received.detail["accepted"] == len(study.files)


def test_a_study_in_two_associations_waits_for_the_second(node, write: Write) -> None:
    study = write()
    node.receive(study.ct_files)
    node.run()
    assert node.study(study.study_uid).summary.state is StudyState.RECEIVING
    node.receive(study.pet_files)
    node.run()
    assert node.study(study.study_uid).summary.state is StudyState.ENCODED


def test_a_study_that_comes_again_changes_nothing(node, write: Write) -> None:
    study = write()
    for _ in range(2):
        node.receive(study.files)
        node.run()
    found = node.study(study.study_uid)
    assert (found.summary.revision, len(found.reports)) == (1, 1)
    assert sum(arrival.duplicates for arrival in found.arrivals) == len(study.files)


def test_a_late_slice_makes_a_new_revision(node, write: Write) -> None:
    study = write()
    late = study.pet_files[-1]
    node.receive([file for file in study.files if file != late])
    node.run()
    assert node.study(study.study_uid).summary.state is StudyState.RECEIVING
    node.wait()
    assert node.study(study.study_uid).summary.reason is Reason.INCOMPLETE
    node.wait(3600.0)
    node.receive([late])
    node.run()
    found = node.study(study.study_uid)
    assert (found.summary.state, found.summary.revision) == (StudyState.ENCODED, 2)


def test_a_late_series_that_takes_no_part_changes_nothing(node, write: Write) -> None:
    study = write(plan=StudyPlan(distractors=frozenset({Distractor.SCOUT, Distractor.UNCORRECTED_PET})))
    node.receive([*study.ct_files, *study.pet_files])
    node.run()
    node.receive(study.other_files)
    node.run()
    found = node.study(study.study_uid)
    assert (found.summary.state, found.summary.revision, len(found.reports)) == (StudyState.ENCODED, 1, 1)
    assert [entry.action for entry in node.audit()].count(AuditAction.REPORT_STANDS) == 1
    deliveries = [delivery for result in found.reports[0].results for delivery in result.deliveries]
    assert {delivery.state for delivery in deliveries} == {DeliveryState.PENDING}


def test_the_same_uid_with_other_content_is_kept_aside(node, write: Write, tmp_path: Path) -> None:
    study = write()
    altered = pydicom.dcmread(study.pet_files[0])
    altered.PatientWeight = "12"
    altered.save_as(tmp_path / "altered.dcm")
    node.receive(study.files)
    node.run()
    node.receive([tmp_path / "altered.dcm"])
    node.run()
    found = node.study(study.study_uid)
    assert [instance.reason for instance in found.unused] == [Reason.UID_CONFLICT]
    assert (node.spool.folder / found.unused[0].path).exists()
    assert (found.summary.revision, found.summary.conflicts) == (1, 1)


def test_results_that_come_back_are_not_analysed(node, write: Write) -> None:
    study = write()
    node.receive(study.files)
    node.run()
    results = [node.spool.folder / result.path for result in node.study(study.study_uid).reports[0].results]
    node.receive(results)
    node.wait()
    found = node.study(study.study_uid)
    assert (found.summary.revision, found.summary.state) == (1, StudyState.ENCODED)


def test_two_interleaved_studies_are_both_analysed(node, write: Write) -> None:
    first, second = write(plan=StudyPlan(seed="a")), write(plan=StudyPlan(seed="b"))
    node.receive([file for both in zip(first.files, second.files, strict=True) for file in both])
    node.run()
    states = {node.study(study.study_uid).summary.state for study in (first, second)}
    assert states == {StudyState.ENCODED}


def test_a_study_whose_report_could_not_be_recorded_is_analysed_again_when_the_database_is_back(
    node, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write()
    node.receive(study.files)

    def away(*arguments: object, **named: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))

    with monkeypatch.context() as without_database:
        without_database.setattr("node.worker.record_report", away)
        without_database.setattr("node.worker.put_back", away)
        with pytest.raises(OperationalError):
            node.run()
    assert node.study(study.study_uid).summary.state is StudyState.ANALYSING
    node.run()
    summary = node.study(study.study_uid).summary
    assert (summary.state, summary.attempts) == (StudyState.ENCODED, 1)
