"""Trouble of the machine is never held against a study: it waits, and is judged and analysed when it is over."""

import errno
import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pydicom
import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from config.reasons import Reason, Refused
from db.states import StudyState
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from node import completeness, refusals, worker
from node.postponed import FIRST_AFTER
from tests.integration.conftest import SteppedNode

Write = Callable[..., WrittenStudy]

DATABASE_IS_AWAY = OperationalError("SELECT 1", {}, Exception("the server closed the connection"))
DISK_FAILS = OSError(errno.EIO, "Input/output error")
DISK_IS_FULL = OSError(errno.ENOSPC, "No space left on device")


def failing(function: Callable[..., Any], error: Exception, when: Callable[[], bool]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if when():
            raise error
        return function(*arguments, **named)

    return call


def at_call(number: int) -> Callable[[], bool]:
    calls = itertools.count(1)
    return lambda: next(calls) == number


def judge(node: SteppedNode) -> None:
    """Take in and judge what came, and analyse nothing."""
    while node.intake.step() or node.completeness.step():
        pass


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("read_header", DISK_FAILS),
        ("read_header", MemoryError()),
        ("judge_series", DATABASE_IS_AWAY),
        ("relevant_series", DATABASE_IS_AWAY),
        ("mark_complete", DATABASE_IS_AWAY),
    ],
)
def test_a_study_that_can_not_be_judged_for_the_machine_waits(
    node, write: Write, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception
) -> None:
    study = write()
    node.receive(study.files)
    monkeypatch.setattr(completeness, name, failing(getattr(completeness, name), error, at_call(1)))
    judge(node)
    assert node.study(study.study_uid).summary.state is StudyState.RECEIVING
    node.now += FIRST_AFTER
    judge(node)
    assert node.study(study.study_uid).summary.state is StudyState.COMPLETE


def test_a_study_that_waits_for_the_machine_keeps_no_other_waiting(
    node, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = write(plan=StudyPlan(seed="a")), write(plan=StudyPlan(seed="b"))
    node.receive(first.files)
    node.receive(second.files)
    monkeypatch.setattr(completeness, "read_header", failing(completeness.read_header, DISK_FAILS, at_call(1)))
    judge(node)
    states = [node.study(study.study_uid).summary.state for study in (first, second)]
    assert states == [StudyState.RECEIVING, StudyState.COMPLETE]


@pytest.mark.parametrize(
    ("name", "error", "reason"),
    [
        ("read_header", DISK_FAILS, Reason.INTERNAL_ERROR),
        ("keep_report", DATABASE_IS_AWAY, Reason.DATABASE_UNREACHABLE),
        ("analyse_inputs", DISK_IS_FULL, Reason.DISK_FULL),
    ],
)
def test_an_analysis_that_the_machine_keeps_from_its_end_uses_up_no_attempt_and_is_made_less_and_less_often(
    node, write: Write, monkeypatch: pytest.MonkeyPatch, name: str, error: Exception, reason: Reason
) -> None:
    study = write()
    node.receive(study.files)
    judge(node)
    tries = itertools.count()
    monkeypatch.setattr(worker, name, failing(getattr(worker, name), error, lambda: next(tries) >= 0))
    for _ in range(64):
        node.worker.step()
        node.now += timedelta(seconds=5)
        summary = node.study(study.study_uid).summary
        assert (summary.state, summary.reason, summary.attempts) == (StudyState.COMPLETE, reason, 0)
    assert next(tries) == 7  # at once, and after 5, 15, 35, 75, 155 and 315 s


def test_a_refusal_that_can_not_be_written_is_made_and_told_later(
    node, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write()
    node.receive(study.files)
    judge(node)
    refused = Refused(Reason.NO_GEOMETRY, "No slices.")
    monkeypatch.setattr(worker, "analyse_inputs", failing(worker.analyse_inputs, refused, lambda: True))
    monkeypatch.setattr(refusals, "keep_objects", failing(refusals.keep_objects, DISK_IS_FULL, at_call(1)))
    node.run()
    summary = node.study(study.study_uid).summary
    assert (summary.state, summary.reason, summary.attempts) == (StudyState.COMPLETE, Reason.DISK_FULL, 0)
    node.wait(FIRST_AFTER.total_seconds())
    found = node.study(study.study_uid)
    assert (found.summary.state, found.summary.reason) == (StudyState.REJECTED, Reason.NO_GEOMETRY)
    assert found.reports[0].results


def test_a_defect_uses_up_attempts_though_the_database_says_so(
    node, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write()
    node.receive(study.files)
    defect = IntegrityError("INSERT", {}, Exception("NOT NULL constraint failed"))
    monkeypatch.setattr(worker, "analyse_inputs", failing(worker.analyse_inputs, defect, lambda: True))
    for _ in range(node.settings.analysis.maximum_attempts):
        node.wait()
    summary = node.study(study.study_uid).summary
    assert (summary.state, summary.reason) == (StudyState.FAILED, Reason.INTERNAL_ERROR)


def test_a_disk_that_fails_while_a_file_is_read_says_nothing_of_it(
    node, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write()
    node.receive(study.files)
    monkeypatch.setattr(pydicom, "dcmread", failing(pydicom.dcmread, DISK_FAILS, at_call(3)))
    judge(node)
    node.now += FIRST_AFTER
    judge(node)
    assert node.study(study.study_uid).summary.state is StudyState.COMPLETE
    assert not list(node.spool.rejected.iterdir())
