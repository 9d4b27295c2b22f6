"""Studies that can't be analysed, and the reports that say so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import pytest

from config.reasons import Reason, Remark
from config.result_kind import ResultKind
from db.audit import AuditAction
from db.delivery import claim_deliveries, record_not_sent, record_sent
from db.detail import StudyDetail, study_detail
from db.earlier import predecessors
from db.queries import audit_events
from db.refusals import reject_and_tell
from db.reports import FaultRecord, ReportRecord, ResultRecord, record_report
from db.retry import retry
from db.session import Database
from db.states import DeliveryState, Disposition, ReportOutcome, StudyState
from db.work import Claimed, Receiving, claim_study, mark_complete, studies_receiving

REMARK = Remark(Reason.NO_PATIENT_WEIGHT, "Patient Weight is 0.")
EVERYWHERE = {"pacs": (ResultKind.REPORT,), "archive": (ResultKind.REPORT,)}
Tell = Callable[..., bool]


@pytest.fixture
def tell(
    database: Database, report: ReportRecord, results: Callable[..., tuple[ResultRecord, ...]], now: datetime
) -> Tell:
    def tells(
        token: Receiving | Claimed,
        remark: Remark = REMARK,
        faults: tuple[FaultRecord, ...] = (),
        **changes: object,
    ) -> bool:
        refusal = replace(
            report, outcome=ReportOutcome.NOT_ANALYSED, tracer=None, suv_factor=None, remarks=(remark,), **changes
        )
        made = [
            replace(result, faults=faults)
            for result in results(token.study_uid, token.revision)
            if result.kind is ResultKind.REPORT
        ]
        with database.transaction() as session:
            return reject_and_tell(session, token, remark, refusal, made, EVERYWHERE, now)

    return tells


def receiving(database: Database) -> Receiving:
    with database.reading() as session:
        [seen] = studies_receiving(session)
    return seen


def claimed_again(database: Database, now: datetime) -> Claimed:
    with database.transaction() as session:
        mark_complete(session, studies_receiving(session)[0], "all", now)
        claim = claim_study(session, "worker", 60, now)
    assert claim is not None
    return claim


def send_all(database: Database, now: datetime) -> None:
    for destination in EVERYWHERE:
        with database.transaction() as session:
            for claim in claim_deliveries(session, destination, "sender", 60, now):
                record_sent(session, claim, 0, None, now)


def detail(database: Database) -> StudyDetail:
    with database.reading() as session:
        return study_detail(session, "1.2.3")


def delivery_states(database: Database) -> list[list[DeliveryState]]:
    return [
        [delivery.state for result in report.results for delivery in result.deliveries]
        for report in detail(database).reports
    ]


def test_a_refused_study_stays_rejected_and_everybody_is_told(
    database: Database, claimed: Callable[..., Claimed], tell: Tell, now: datetime
) -> None:
    assert tell(claimed())
    send_all(database, now)
    found = detail(database)
    [report] = found.reports
    assert (found.summary.state, found.summary.reason) == (StudyState.REJECTED, Reason.NO_PATIENT_WEIGHT)
    assert (report.outcome, report.tracer, report.suv_factor) == (ReportOutcome.NOT_ANALYSED, None, None)
    assert report.remarks == (REMARK,)
    assert delivery_states(database) == [[DeliveryState.SENT, DeliveryState.SENT]]


def test_not_analysed_is_never_no_lesions(database: Database, claimed: Callable[..., Claimed], tell: Tell) -> None:
    tell(claimed())
    assert detail(database).summary.lesions is None


def test_completeness_can_refuse_too(database: Database, arrive: Callable[..., Disposition], tell: Tell) -> None:
    arrive()
    assert tell(receiving(database))
    with database.reading() as session:
        [event] = audit_events(session, action=AuditAction.REPORT_RECORDED)
    assert (event.who, event.detail["outcome"]) == ("completeness", "not-analysed")


def test_a_refusal_that_was_overtaken_tells_nothing(
    database: Database, claimed: Callable[..., Claimed], arrive: Callable[..., Disposition], tell: Tell
) -> None:
    claim = claimed()
    arrive(n=2)
    assert not tell(claim)
    assert detail(database).reports == ()


def test_a_late_instance_makes_a_revision_that_follows_the_refusal(
    database: Database,
    claimed: Callable[..., Claimed],
    arrive: Callable[..., Disposition],
    tell: Tell,
    report: ReportRecord,
    results: Callable[..., tuple[ResultRecord, ...]],
    now: datetime,
) -> None:
    tell(claimed())
    send_all(database, now)
    arrive(n=2)
    claim = claimed_again(database, now)
    with database.transaction() as session:
        assert [(p.kind, p.sop_instance_uid) for p in predecessors(session, "1.2.3", 2)] == [
            (ResultKind.REPORT, "1.2.3.91.7")
        ]
        record_report(session, claim, report, (), results("1.2.3", 2), EVERYWHERE, now)
    assert [one.outcome for one in detail(database).reports] == [ReportOutcome.NOT_ANALYSED, ReportOutcome.LESIONS]


def test_refused_again_for_the_same_the_refusal_stands(
    database: Database, claimed: Callable[..., Claimed], tell: Tell, now: datetime
) -> None:
    tell(claimed())
    send_all(database, now)
    with database.transaction() as session:
        assert retry(session, "1.2.3", "radiographer", now) is StudyState.RECEIVING
    assert tell(claimed_again(database, now))
    found = detail(database)
    assert (found.summary.state, found.summary.revision, len(found.reports)) == (StudyState.REJECTED, 1, 1)


@pytest.mark.parametrize(
    "change", [{"settings_digest": "c" * 64}, {"input_digest": "d" * 64}, {"remark": Remark(Reason.NO_DOSE, "")}]
)
def test_refused_again_for_something_else_the_next_revision_says_so(
    database: Database, claimed: Callable[..., Claimed], tell: Tell, now: datetime, change: dict[str, object]
) -> None:
    tell(claimed())
    with database.transaction() as session:
        retry(session, "1.2.3", "radiographer", now)
    tell(claimed_again(database, now), **change)
    assert [report.revision for report in detail(database).reports] == [1, 2]
    assert delivery_states(database) == [[DeliveryState.SUPERSEDED] * 2, [DeliveryState.PENDING] * 2]


def test_who_could_not_be_told_is_told_when_a_person_retries(
    database: Database, claimed: Callable[..., Claimed], tell: Tell, now: datetime
) -> None:
    tell(claimed())
    with database.transaction() as session:
        [claim] = claim_deliveries(session, "pacs", "sender", 60, now)
        record_not_sent(
            session, claim, Reason.DESTINATION_REFUSES_SOP_CLASS, "no", None, now, retry_at=None, maximum_attempts=5
        )
        retry(session, "1.2.3", "radiographer", now)
    tell(claimed_again(database, now))
    assert delivery_states(database) == [[DeliveryState.PENDING] * 2]


def test_a_refusal_with_a_fault_is_not_sent_and_the_study_keeps_its_reason(
    database: Database, claimed: Callable[..., Claimed], tell: Tell
) -> None:
    tell(claimed(), faults=(FaultRecord("here", "this", "value", "PS3.5 6.2"),))
    found = detail(database)
    assert (found.summary.state, found.summary.reason) == (StudyState.REJECTED, Reason.NO_PATIENT_WEIGHT)
    assert found.reports[0].quarantined
    assert delivery_states(database) == [[]]
