"""What retention deletes on disk, and what a power cut or a sender may do in between."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from config.settings import Retention as Policy
from db.audit_actions import AuditAction
from db.retention import Policy as Due
from db.retention import expire_study
from db.retry import retry
from db.states import StudyState
from dicom_io.scanner.study import WrittenStudy
from node.retention import Retention
from tests.integration.conftest import SteppedNode


@pytest.fixture
def study(write: Callable[..., WrittenStudy]) -> WrittenStudy:
    """A CT alone, which is rejected as soon as the quiet time has passed."""
    return write(pet=False)


@pytest.fixture
def expiring(start_node: Callable[..., SteppedNode]) -> SteppedNode:
    return start_node(retention=Policy(expired_days=90.0))


def retention(node: SteppedNode) -> Retention:
    return Retention(node.database, node.spool, node.settings, lambda: node.now)


def reject(node: SteppedNode, study: WrittenStudy) -> None:
    node.receive(study.files)
    node.run()
    node.wait()
    assert node.study(study.study_uid).summary.state is StudyState.REJECTED


def kept(node: SteppedNode) -> list[Path]:
    return sorted((node.spool.folder / "studies").glob("*/*.dcm"))


def let_go(node: SteppedNode) -> str | None:
    with node.database.transaction() as session:
        return expire_study(session, Due(frozenset(), None, node.now), node.now)


def delete(node: SteppedNode) -> None:
    deleting = retention(node)
    while deleting.step():
        pass


def test_a_study_keeps_its_instances_until_its_time_has_come(expiring: SteppedNode, study: WrittenStudy) -> None:
    reject(expiring, study)
    node_results = sorted((expiring.spool.folder / "results").rglob("*.dcm"))
    expiring.now += timedelta(days=89)
    delete(expiring)
    assert len(kept(expiring)) == len(study.files)
    expiring.now += timedelta(days=2)
    delete(expiring)
    assert kept(expiring) == []
    assert list((expiring.spool.folder / "studies").iterdir()) == []
    assert sorted((expiring.spool.folder / "results").rglob("*.dcm")) == node_results
    (event,) = [one for one in expiring.audit() if one.action is AuditAction.INSTANCES_DELETED]
    assert (event.study_uid, event.detail["instances"]) == (study.study_uid, len(study.files))
    found = expiring.study(study.study_uid)
    assert (found.summary.state, found.summary.instances, found.unused) == (StudyState.REJECTED, 0, ())


def test_what_a_pacs_sent_back_goes_with_the_study_and_the_nodes_own_results_stay(
    expiring: SteppedNode, write: Callable[..., WrittenStudy]
) -> None:
    study = write(omitted=frozenset({"PatientWeight"}))
    expiring.receive(study.files)
    expiring.run()
    results = sorted((expiring.spool.folder / "results").rglob("*.dcm"))
    expiring.receive(results, "PACS")
    expiring.run()
    assert len(kept(expiring)) > len(study.files)
    expiring.now += timedelta(days=91)
    delete(expiring)
    assert kept(expiring) == []
    assert sorted((expiring.spool.folder / "results").rglob("*.dcm")) == results


def test_by_default_everything_is_kept(node: SteppedNode, study: WrittenStudy) -> None:
    reject(node, study)
    node.now += timedelta(days=10_000)
    delete(node)
    assert len(kept(node)) == len(study.files)


def test_a_deletion_that_a_power_cut_interrupted_is_finished_whatever_the_settings_say_then(
    node: SteppedNode, study: WrittenStudy
) -> None:
    reject(node, study)
    assert let_go(node) == study.study_uid
    kept(node)[0].unlink()
    delete(node)
    assert kept(node) == []


def test_an_instance_that_comes_again_before_its_file_is_deleted_is_kept(
    node: SteppedNode, study: WrittenStudy
) -> None:
    reject(node, study)
    let_go(node)
    node.receive(study.files[:1])
    node.intake.step()
    delete(node)
    assert len(kept(node)) == 1
    assert node.study(study.study_uid).summary.instances == 1


def test_a_study_that_is_sent_again_is_judged_anew(node: SteppedNode, study: WrittenStudy) -> None:
    reject(node, study)
    let_go(node)
    delete(node)
    node.receive(study.files)
    node.run()
    assert node.study(study.study_uid).summary.state is StudyState.RECEIVING
    node.wait()
    found = node.study(study.study_uid).summary
    assert (found.state, found.instances) == (StudyState.REJECTED, len(study.files))
    assert len(kept(node)) == len(study.files)


def test_a_study_without_instances_can_be_retried_and_says_why_nothing_comes_of_it(
    node: SteppedNode, study: WrittenStudy
) -> None:
    reject(node, study)
    let_go(node)
    delete(node)
    with node.database.transaction() as session:
        retry(session, study.study_uid, "somebody", node.now)
    node.wait()
    found = node.study(study.study_uid).summary
    assert (found.state, found.reason) == (StudyState.REJECTED, "no-pet")


def test_an_instance_that_comes_again_while_its_file_is_deleted_keeps_it(
    node: SteppedNode, study: WrittenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of two nodes: the one has linked the file and is about to record it when the other deletes it."""
    reject(node, study)
    let_go(node)

    def delete_first(session: object) -> None:
        for file in kept(node):
            file.unlink()
        for folder in (node.spool.folder / "studies").iterdir():
            folder.rmdir()

    monkeypatch.setattr("node.intake.hold_files", delete_first)
    node.receive(study.files[:10])
    assert node.intake.step()
    assert len(kept(node)) == 10


def test_what_can_not_be_deleted_in_time_is_deleted_in_another_step(
    node: SteppedNode, study: WrittenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    reject(node, study)
    let_go(node)
    passing = iter(range(10**6))
    monkeypatch.setattr("node.retention._DELETE_WITHIN_S", 3.0)
    deleting = Retention(node.database, node.spool, node.settings, lambda: node.now, lambda: next(passing))
    assert deleting.step()
    assert len(kept(node)) == len(study.files) - 3
    while deleting.step():
        pass
    assert kept(node) == []


def half_written(node: SteppedNode, study: str, age: timedelta) -> Path:
    """As a worker leaves it that was killed so long ago."""
    part = node.spool.result_folder(study, 1) / "seg.0123.part"
    part.parent.mkdir(parents=True)
    part.touch()
    moment = (node.now - age).timestamp()
    os.utime(part, (moment, moment))
    return part


def test_what_a_killed_worker_left_half_written_goes_after_a_day(node: SteppedNode) -> None:
    old, young = half_written(node, "1.2.3", timedelta(hours=25)), half_written(node, "4.5.6", timedelta(hours=23))
    whole = old.with_name("seg.dcm")
    whole.touch()
    delete(node)
    assert (old.exists(), young.exists(), whole.exists()) == (False, True, True)


def test_half_written_files_of_many_studies_are_looked_for_in_several_looks(
    node: SteppedNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.retention._STUDIES_A_LOOK", 2)
    parts = [half_written(node, f"1.2.{number}", timedelta(days=2)) for number in range(5)]
    looking, left = retention(node), []
    for _ in range(3):
        looking.step()
        left.append(sum(part.exists() for part in parts))
        node.now += timedelta(hours=1)
    assert left == [3, 1, 0]
    another = half_written(node, "1.3", timedelta(days=2))
    for _ in range(4):
        looking.step()
        node.now += timedelta(hours=1)
    assert not another.exists(), "after the last comes the first again"
