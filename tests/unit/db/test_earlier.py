"""Results of the revision before, and of the same patient's earlier examinations."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from config.result_kind import ResultKind
from db.delivery import claim_deliveries, record_sent
from db.earlier import PriorReport, predecessors, prior_reports
from db.reports import FaultRecord, ReportRecord, ResultRecord, Wanted, record_report
from db.session import Database
from db.states import Disposition, ReportOutcome
from db.work import Claimed, claim_study, mark_complete, studies_receiving

SRS = (ResultKind.MEASUREMENTS, ResultKind.REGIONS)


@pytest.fixture
def examined(
    database: Database,
    arrive: Callable[..., Disposition],
    report: ReportRecord,
    results: Callable[..., tuple[ResultRecord, ...]],
    wanting: Callable[..., Wanted],
    now: datetime,
) -> Callable[..., None]:
    """A patient is examined on a day, and analysed with an outcome."""

    def examines(
        study: str,
        date: str,
        outcome: ReportOutcome = ReportOutcome.LESIONS,
        faults: tuple[FaultRecord, ...] = (),
        **patient: object,
    ) -> None:
        arrive(study, study_date=date, **patient)
        with database.transaction() as session:
            mark_complete(session, next(s for s in studies_receiving(session) if s.study_uid == study), "all", now)
            claim = claim_study(session, "worker", 60, now)
            assert claim is not None
            made = [replace(result, faults=faults) for result in results(study)]
            record_report(session, claim, replace(report, outcome=outcome), (), made, wanting("pacs"), now)

    return examines


def priors(database: Database, study: str) -> tuple[PriorReport, ...]:
    with database.reading() as session:
        return prior_reports(session, study)


def test_a_new_revision_knows_what_of_its_predecessor_was_sent(
    database: Database, encoded: Callable[..., Claimed], arrive: Callable[..., Disposition], now: datetime
) -> None:
    encoded()
    with database.transaction() as session:
        segmentation, *_ = claim_deliveries(session, "pacs", "sender", 60, now)
        record_sent(session, segmentation, 0, None, now)
    arrive(n=2)
    with database.reading() as session:
        assert predecessors(session, "1.2.3", 1) == ()
        (earlier,) = predecessors(session, "1.2.3", 2)
    assert (earlier.kind, earlier.sop_instance_uid) == (ResultKind.SEGMENTATION, "1.2.3.91.8")
    assert earlier.path == segmentation.path


def test_every_document_that_was_sent_is_a_predecessor(
    database: Database,
    claimed: Callable[..., Claimed],
    report: ReportRecord,
    results: Callable[..., tuple[ResultRecord, ...]],
    arrive: Callable[..., Disposition],
    now: datetime,
) -> None:
    claim = claimed()
    made = results("1.2.3", 1, *SRS, ResultKind.ENHANCED_TEXT)
    with database.transaction() as session:
        record_report(session, claim, report, (), made, {"slicer": SRS, "down": (ResultKind.ENHANCED_TEXT,)}, now)
        for due in claim_deliveries(session, "slicer", "sender", 60, now):
            record_sent(session, due, 0, None, now)
    arrive(n=2)
    with database.reading() as session:
        assert tuple(earlier.kind for earlier in predecessors(session, "1.2.3", 2)) == SRS


def test_the_prior_is_the_same_patients_latest_earlier_examination(
    database: Database, examined: Callable[..., None], arrive: Callable[..., Disposition]
) -> None:
    examined("1.1", "20240101")
    examined("1.2", "20250101")
    examined("1.3", "20260101", patient_id="P2")
    arrive("1.4", study_date="20260304")
    assert [prior.study_uid for prior in priors(database, "1.4")] == ["1.2", "1.1"]
    assert [str(result.kind) for result in priors(database, "1.4")[0].results] == ["SEG", "SR", "picture"]


def test_a_later_examination_is_no_prior_nor_one_of_the_same_day(
    database: Database, examined: Callable[..., None], arrive: Callable[..., Disposition]
) -> None:
    examined("1.1", "20260305")
    examined("1.2", "20260304")
    arrive("1.3", study_date="20260304")
    assert priors(database, "1.3") == ()


def test_the_same_number_from_another_issuer_is_another_patient(
    database: Database, examined: Callable[..., None], arrive: Callable[..., Disposition]
) -> None:
    examined("1.1", "20250101", issuer_of_patient_id="HOSPITAL A")
    examined("1.2", "20250102")
    arrive("1.3", study_date="20260304", issuer_of_patient_id="HOSPITAL B")
    arrive("1.4", study_date="20260304", issuer_of_patient_id="HOSPITAL A")
    arrive("1.5", study_date="20260304")
    assert [[prior.study_uid for prior in priors(database, study)] for study in ("1.3", "1.4", "1.5")] == [
        [],
        ["1.1"],
        ["1.2"],
    ]


@pytest.mark.parametrize("unknown", [{"patient_id": None}, {"study_date": None}])
def test_who_or_when_is_not_known_has_no_prior(
    database: Database,
    examined: Callable[..., None],
    arrive: Callable[..., Disposition],
    unknown: dict[str, None],
) -> None:
    examined("1.1", "20250101", **({"patient_id": None} if "patient_id" in unknown else {}))
    arrive("1.2", **({"study_date": "20260304"} | unknown))
    assert priors(database, "1.2") == ()


def test_what_was_not_analysed_or_is_quarantined_is_no_prior(
    database: Database, examined: Callable[..., None], arrive: Callable[..., Disposition]
) -> None:
    examined("1.1", "20250101", ReportOutcome.NOT_ANALYSED)
    examined("1.2", "20250102", faults=(FaultRecord("here", "this", "value", "PS3.5 6.2"),))
    arrive("1.3", study_date="20260304")
    assert priors(database, "1.3") == ()


def test_a_prior_says_which_of_its_results_somebody_has(
    database: Database, examined: Callable[..., None], arrive: Callable[..., Disposition], now: datetime
) -> None:
    examined("1.1", "20250101")
    with database.transaction() as session:
        segmentation, *_ = claim_deliveries(session, "pacs", "sender", 60, now)
        record_sent(session, segmentation, 0, None, now)
    arrive("1.2", study_date="20260304")
    [prior] = priors(database, "1.2")
    assert [result.sent for result in prior.results] == [True, False, False]
