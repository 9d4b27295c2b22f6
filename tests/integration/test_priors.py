"""What an analysis takes over from an earlier examination of the same patient."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from db.detail import ReportDetail
from dicom_io.scanner.examination import Examination, PatientIdentity
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from node.delivery import Delivery

Write = Callable[..., WrittenStudy]
FIRST, SECOND = Examination(administered=datetime(2024, 3, 5, 9)), Examination(administered=datetime(2024, 9, 5, 9))


def analysed(node: Any, study: WrittenStudy, peer: Any) -> ReportDetail:
    """Analysed, and sent to a PACS that takes everything."""
    node.receive(study.files)
    node.run()
    deliver = Delivery(peer.destination(), node.database, node.spool, node.settings, lambda: node.now)
    while deliver.step():
        pass
    return node.study(study.study_uid).reports[-1]


def document(node: Any, report: ReportDetail) -> Dataset:
    (result,) = [result for result in report.results if result.kind == "SR"]
    return dcmread(node.spool.folder / result.path)


def predecessors(report: Dataset) -> list[str]:
    return [
        str(one.ReferencedSOPInstanceUID)
        for study in report.get("PredecessorDocumentsSequence", ())
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    ]


@pytest.fixture
def pacs(peer: Callable[..., Any], everything: tuple[str, ...]) -> Any:
    return peer(*everything)


def test_a_follow_up_refers_to_the_prior_report_and_keeps_its_tracking_uids(node: Any, write: Write, pacs: Any) -> None:
    first = analysed(node, write(plan=StudyPlan(seed="first"), examination=FIRST), pacs)
    second = analysed(node, write(plan=StudyPlan(seed="second"), examination=SECOND), pacs)
    assert predecessors(document(node, first)) == []
    assert predecessors(document(node, second)) == [str(document(node, first).SOPInstanceUID)]
    lesions = [
        {finding.tracking_uid for finding in report.findings if finding.kind == "lesion"} for report in (first, second)
    ]
    assert lesions[0]
    assert lesions[0] == lesions[1]


def test_another_patient_has_nothing_to_do_with_it(
    node: Any, write: Write, pacs: Any, identity: PatientIdentity
) -> None:
    first = analysed(node, write(plan=StudyPlan(seed="first"), examination=FIRST), pacs)
    other = write(
        plan=StudyPlan(seed="second"), examination=SECOND, identity=replace(identity, patient_id="SOMEBODY-ELSE")
    )
    second = analysed(node, other, pacs)
    assert predecessors(document(node, second)) == []
    assert not {finding.tracking_uid for finding in first.findings} & {f.tracking_uid for f in second.findings}


def test_a_prior_whose_results_are_gone_is_not_missed(node: Any, write: Write, pacs: Any) -> None:
    first = analysed(node, write(plan=StudyPlan(seed="first"), examination=FIRST), pacs)
    for result in first.results:
        (node.spool.folder / result.path).unlink()
    second = analysed(node, write(plan=StudyPlan(seed="second"), examination=SECOND), pacs)
    assert predecessors(document(node, second)) == []
