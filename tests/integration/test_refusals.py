"""A study that can't be analysed is told of, in a report that nobody takes for one without findings."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import BasicTextSRStorage, ComprehensiveSRStorage, EncapsulatedPDFStorage

from config.profiles import Profile
from config.reasons import Reason, Remark
from config.result_kind import ResultKind
from config.settings import Destination
from db.audit_actions import AuditAction
from db.detail import ReportDetail
from db.retry import retry
from db.states import DeliveryState, ReportOutcome, StudyState
from db.work import Receiving, studies_receiving
from dicom_io.scanner.study import WrittenStudy
from node.delivery import Delivery
from node.refusals import Refusals

Write = Callable[..., WrittenStudy]
WITHOUT_WEIGHT = {"omitted": frozenset({"PatientWeight"})}


def run(node, study: WrittenStudy) -> tuple[ReportDetail, ...]:
    node.receive(study.files)
    node.run()
    node.wait()
    return node.study(study.study_uid).reports


def document(node, report: ReportDetail) -> Dataset:
    (result,) = [result for result in report.results if result.kind is ResultKind.REPORT]
    return dcmread(node.spool.folder / result.path)


def codes(content: Dataset) -> set[str]:
    """The coded values of the whole tree."""
    found = set()
    for item in content.get("ContentSequence", ()):
        found |= {str(code.get("CodeValue")) for code in item.get("ConceptCodeSequence", ())} | codes(item)
    return found


def without_weight(study: Write) -> tuple[WrittenStudy, Sequence[Path]]:
    written = study(**WITHOUT_WEIGHT)
    return written, written.files


def without_ct(study: Write) -> tuple[WrittenStudy, Sequence[Path]]:
    written = study()
    return written, written.pet_files


def without_a_slice(study: Write) -> tuple[WrittenStudy, Sequence[Path]]:
    written = study()
    return written, written.files[:-1]


@pytest.mark.parametrize(
    ("some", "reason"),
    [
        (without_weight, Reason.NO_PATIENT_WEIGHT),
        (without_ct, Reason.NO_CT),
        (without_a_slice, Reason.INCOMPLETE),
    ],
)
def test_a_refusal_is_a_report_of_its_own(
    node, write: Write, some: Callable[[Write], tuple[WrittenStudy, Sequence[Path]]], reason: Reason
) -> None:
    study, files = some(write)
    node.receive(files)
    node.run()
    node.wait()
    found = node.study(study.study_uid)
    (report,) = found.reports
    assert (found.summary.state, found.summary.reason, found.summary.lesions) == (StudyState.REJECTED, reason, None)
    assert (report.outcome, report.remarks[0].reason) == (ReportOutcome.NOT_ANALYSED, reason)
    told = document(node, report)
    assert told.SOPClassUID == ComprehensiveSRStorage
    assert reason.meaning in str(told)
    assert "111245" in codes(told), "No algorithms succeeded; without findings"
    assert not codes(told) & {"111241", "111242"}, "All algorithms succeeded"


def test_without_a_pet_there_is_nothing_to_tell_of(node, write: Write) -> None:
    study = write(pet=False)
    assert run(node, study) == ()
    assert node.study(study.study_uid).summary.reason is Reason.NO_PET


def test_the_same_study_is_refused_in_the_same_bytes(start_node, write: Write) -> None:
    study = write(**WITHOUT_WEIGHT)
    first, second = (
        [(node.spool.folder / result.path).read_bytes() for result in report.results]
        for node in (start_node(), start_node())
        for report in run(node, study)
    )
    assert first == second


def test_every_destination_is_told_in_the_kind_of_its_profile(start_node, write: Write) -> None:
    where = {"ae_title": "PACS", "host": "127.0.0.1", "port": 4242}
    node = start_node(destinations=tuple(Destination(name=name, profile=name, **where) for name in Profile))
    (report,) = run(node, write(**WITHOUT_WEIGHT))
    told = {delivery.destination: result.kind for result in report.results for delivery in result.deliveries}
    assert told == {
        "general": ResultKind.REPORT,
        "slicer": ResultKind.REPORT,
        "text": ResultKind.ENHANCED_TEXT,
        "encapsulated-pdf": ResultKind.DOCUMENT,
    }


@pytest.mark.parametrize(
    ("taken", "kind"), [(BasicTextSRStorage, ResultKind.BASIC_TEXT), (EncapsulatedPDFStorage, ResultKind.DOCUMENT)]
)
def test_a_destination_is_told_in_what_it_takes(node, write: Write, peer, taken: str, kind: ResultKind) -> None:
    study = write(**WITHOUT_WEIGHT)
    run(node, study)
    receiver = peer(taken)
    deliver = Delivery(receiver.destination(), node.database, node.spool, node.settings, lambda: node.now)
    while deliver.step():
        pass
    (report,) = node.study(study.study_uid).reports
    states = {result.kind: delivery.state for result in report.results for delivery in result.deliveries}
    assert states == {ResultKind.REPORT: DeliveryState.REPLACED, kind: DeliveryState.SENT}


def test_retried_in_vain_nobody_is_told_twice(node, write: Write) -> None:
    study = write(**WITHOUT_WEIGHT)
    run(node, study)
    with node.database.transaction() as session:
        retry(session, study.study_uid, "radiographer", node.now)
    node.wait()
    found = node.study(study.study_uid)
    assert (found.summary.state, found.summary.revision, len(found.reports)) == (StudyState.REJECTED, 1, 1)
    assert [delivery.state for delivery in found.reports[0].results[0].deliveries] == [DeliveryState.PENDING]
    assert AuditAction.REPORT_STANDS in [entry.action for entry in node.audit()]


def test_a_late_ct_makes_an_analysis_that_follows_the_refusal(node, write: Write, peer) -> None:
    study = write()
    node.receive(study.pet_files)
    node.run()
    node.wait()
    (refusal,) = node.study(study.study_uid).reports
    deliver = Delivery(
        peer(ComprehensiveSRStorage).destination(), node.database, node.spool, node.settings, lambda: node.now
    )
    while deliver.step():
        pass
    assert node.study(study.study_uid).summary.state is StudyState.REJECTED
    node.receive(study.ct_files)
    node.run()
    told, analysed = node.study(study.study_uid).reports
    assert (told.outcome, analysed.outcome, analysed.revision) == (
        ReportOutcome.NOT_ANALYSED,
        ReportOutcome.LESIONS,
        2,
    )
    (report,) = [result for result in analysed.results if result.kind == "SR"]
    (item,) = dcmread(node.spool.folder / report.path).PredecessorDocumentsSequence
    (series,) = item.ReferencedSeriesSequence
    assert [one.ReferencedSOPInstanceUID for one in series.ReferencedSOPSequence] == [
        refusal.results[0].sop_instance_uid
    ]


def seen(node, study: WrittenStudy) -> Receiving:
    """The study as completeness sees it when all has come."""
    node.receive(study.files)
    while node.intake.step():
        pass
    with node.database.reading() as session:
        (receiving,) = studies_receiving(session)
    return receiving


def refuse(node, token: Receiving, detail: str) -> bool:
    refusals = Refusals(node.database, node.spool, node.settings, lambda: node.now)
    return refusals.reject(token, Remark(Reason.INCOMPLETE, detail))


def assert_files_are_what_is_on_record(node, study: WrittenStudy) -> None:
    (report,) = node.study(study.study_uid).reports
    for result in report.results:
        content = (node.spool.folder / result.path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == result.digest, result.path


def test_a_refusal_that_comes_too_late_leaves_the_results_of_the_analysis_alone(node, write: Write) -> None:
    study = write()
    token = seen(node, study)
    node.run()
    assert node.study(study.study_uid).summary.state is StudyState.ENCODED
    assert not refuse(node, token, "3 slices did not come.")
    assert_files_are_what_is_on_record(node, study)


def test_a_refusal_that_comes_too_late_leaves_an_earlier_one_in_other_words_alone(node, write: Write) -> None:
    """As two nodes of a cluster make them, which look at the same study."""
    study = write()
    token = seen(node, study)
    assert refuse(node, token, "2 slices did not come.")
    assert not refuse(node, token, "3 slices did not come.")
    assert_files_are_what_is_on_record(node, study)
