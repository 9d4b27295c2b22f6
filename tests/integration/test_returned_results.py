"""A PACS that routes whole studies sends the node's own results back to it."""

from pathlib import Path

from pydicom import dcmread

from config.result_kind import ResultKind
from db.audit_actions import AuditAction
from db.states import Disposition, StudyState


def results(node, study) -> list[Path]:
    """Those that are not compressed."""
    plain = (ResultKind.SEGMENTATION, ResultKind.REPORT, ResultKind.KEY_OBJECTS)
    (report,) = node.study(study.study_uid).reports
    return [node.spool.folder / one.path for one in report.results if one.kind in plain and one.deliveries]


def test_results_that_come_back_are_recognised_and_not_analysed(node, write) -> None:
    study = write()
    node.receive(study.files)
    node.run()
    before = node.study(study.study_uid)
    files = results(node, study)
    node.receive([*files, *study.files])
    node.wait()
    after = node.study(study.study_uid)
    assert (after.summary.state, after.summary.revision) == (StudyState.ENCODED, 1)
    assert after.reports == before.reports
    assert after.series == before.series
    assert [one.disposition for one in after.unused] == [Disposition.RETURNED] * 3
    assert {one.detail for one in after.unused} == {"Came back from SCANNER as it was sent."}
    assert after.arrivals[-1].duplicates == len(study.files)


def test_a_result_that_was_changed_on_its_way_is_recognised_too(node, write, tmp_path: Path) -> None:
    study = write()
    node.receive(study.files)
    node.run()
    changed = dcmread(results(node, study)[1])
    changed.PatientName = "Coerced^By^The^PACS"
    changed.StudyInstanceUID = "2.25.4711"
    changed.save_as(tmp_path / "changed.dcm")
    node.receive([tmp_path / "changed.dcm"])
    node.wait()
    (unused,) = node.study(study.study_uid).unused
    assert unused.detail == "Came back from SCANNER with other content."
    assert [entry.action for entry in node.audit()].count(AuditAction.STUDY_ARRIVED) == 1
    assert [entry.action for entry in node.audit()].count(AuditAction.RESULT_RETURNED) == 1
