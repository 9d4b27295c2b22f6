"""What is sent instead of what a destination does not take."""

from collections.abc import Callable
from datetime import datetime

import pytest

from config.reasons import Reason
from config.result_kind import ResultKind
from db.audit import AuditAction, AuditOutcome
from db.delivery import ClaimedDelivery, claim_deliveries, record_not_sent, record_sent
from db.detail import DeliveryDetail, study_detail
from db.queries import StudySummary, audit_events, study_summary
from db.reports import ReportRecord, ResultRecord, record_report
from db.session import Database
from db.states import DeliveryState, Disposition, StudyState
from db.substitution import replace_delivery
from db.work import Claimed

TEXTS = (ResultKind.ENHANCED_TEXT, ResultKind.BASIC_TEXT, ResultKind.DOCUMENT)
SOP_CLASS = {kind: f"1.2.840.10008.5.1.4.1.1.{number}" for number, kind in enumerate(TEXTS, 4)}
Claims = Callable[[], dict[ResultKind, ClaimedDelivery]]
Replace = Callable[..., DeliveryState | None]


@pytest.fixture
def claim(database: Database, now: datetime) -> Claims:
    def claims() -> dict[ResultKind, ClaimedDelivery]:
        with database.transaction() as session:
            return {claim.kind: claim for claim in claim_deliveries(session, "pacs", "sender", 60, now)}

    return claims


@pytest.fixture
def replace(database: Database, now: datetime) -> Replace:
    def replaces(claim: ClaimedDelivery, *refused: str) -> DeliveryState | None:
        with database.transaction() as session:
            return replace_delivery(session, claim, "PACS does not take it.", refused, now)

    return replaces


def deliveries(database: Database) -> dict[str, DeliveryDetail]:
    with database.reading() as session:
        [report] = study_detail(session, "1.2.3").reports
    return {str(result.kind): result.deliveries[0] for result in report.results if result.deliveries}


def summary(database: Database) -> StudySummary:
    with database.reading() as session:
        found = study_summary(session, "1.2.3")
    assert found is not None
    return found


def test_the_best_substitute_is_due_at_once(
    database: Database, encoded: Callable[..., Claimed], claim: Claims, replace: Replace
) -> None:
    encoded(others=TEXTS)
    assert replace(claim()[ResultKind.REPORT]) is DeliveryState.REPLACED
    assert list(claim()) == [ResultKind.ENHANCED_TEXT]
    replaced = deliveries(database)["SR"]
    assert (replaced.sent_instead, replaced.reason, replaced.detail) == (
        ResultKind.ENHANCED_TEXT,
        Reason.DESTINATION_REFUSES_SOP_CLASS,
        "PACS does not take it.",
    )


def test_a_substitute_that_is_known_to_be_refused_is_passed_by(
    encoded: Callable[..., Claimed], claim: Claims, replace: Replace
) -> None:
    encoded(others=TEXTS)
    replace(claim()[ResultKind.REPORT], SOP_CLASS[ResultKind.ENHANCED_TEXT])
    assert list(claim()) == [ResultKind.BASIC_TEXT]


def test_a_substitute_that_is_refused_is_replaced_in_turn(
    database: Database, encoded: Callable[..., Claimed], claim: Claims, replace: Replace
) -> None:
    encoded(others=TEXTS)
    replace(claim()[ResultKind.REPORT])
    replace(claim()[ResultKind.ENHANCED_TEXT])
    replace(claim()[ResultKind.BASIC_TEXT])
    [document] = claim().values()
    assert document.kind is ResultKind.DOCUMENT
    assert replace(document) is None
    assert [deliveries(database)[kind].sent_instead for kind in ("SR", "SR text", "SR basic text")] == [*TEXTS]


def test_what_is_on_its_way_anyway_is_not_sent_twice(
    database: Database, encoded: Callable[..., Claimed], claim: Claims, replace: Replace
) -> None:
    encoded()
    claims = claim()
    assert replace(claims[ResultKind.SEGMENTATION]) is DeliveryState.REPLACED
    assert deliveries(database)["SEG"].sent_instead is ResultKind.PICTURE
    assert claim() == {}


def test_what_was_refused_stands_for_nothing(
    database: Database, encoded: Callable[..., Claimed], claim: Claims, replace: Replace, now: datetime
) -> None:
    encoded()
    claims = claim()
    with database.transaction() as session:
        record_not_sent(
            session,
            claims[ResultKind.PICTURE],
            Reason.DESTINATION_REFUSES_SOP_CLASS,
            "no",
            None,
            now,
            retry_at=None,
            maximum_attempts=5,
        )
    assert replace(claims[ResultKind.SEGMENTATION]) is None
    assert deliveries(database)["SEG"].state is DeliveryState.SENDING


def test_what_was_not_made_can_not_be_sent(encoded: Callable[..., Claimed], claim: Claims, replace: Replace) -> None:
    encoded()
    assert replace(claim()[ResultKind.REPORT]) is None


def test_what_is_dispensable_is_left_out(
    database: Database,
    claimed: Callable[..., Claimed],
    report: ReportRecord,
    results: Callable[..., tuple[ResultRecord, ...]],
    claim: Claims,
    replace: Replace,
    now: datetime,
) -> None:
    study = claimed()
    with database.transaction() as session:
        made = results("1.2.3", 1, ResultKind.ORGAN_MAP)
        record_report(session, study, report, (), made, {"pacs": [ResultKind.ORGAN_MAP]}, now)
    assert replace(claim()[ResultKind.ORGAN_MAP]) is DeliveryState.OMITTED
    assert deliveries(database)["organ map"].sent_instead is None
    assert summary(database).detail == "pacs: without organ map"


def test_a_study_is_delivered_with_a_substitute_and_says_so(
    database: Database, encoded: Callable[..., Claimed], claim: Claims, replace: Replace, now: datetime
) -> None:
    encoded(others=TEXTS)
    claims = claim()
    replace(claims.pop(ResultKind.REPORT))
    for due in (*claims.values(), *claim().values()):
        with database.transaction() as session:
            record_sent(session, due, 0, None, now)
    found = summary(database)
    assert (found.state, found.deliveries_sent, found.deliveries) == (StudyState.DELIVERED, 3, 3)
    assert found.detail == "3 of 3 deliveries; pacs: SR text instead of SR"


def test_the_audit_trail_says_what_was_sent_instead_of_what(
    database: Database, encoded: Callable[..., Claimed], claim: Claims, replace: Replace
) -> None:
    encoded(others=TEXTS)
    replace(claim()[ResultKind.REPORT])
    with database.reading() as session:
        [event] = audit_events(session, action=AuditAction.RESULT_REPLACED)
    assert event.outcome is AuditOutcome.WARNING
    assert (event.detail["destination"], event.detail["kind"]) == ("pacs", "SR")
    assert event.detail["sent_instead"] == "SR text"


def test_a_revision_that_is_over_gets_no_substitutes(
    encoded: Callable[..., Claimed], claim: Claims, replace: Replace, arrive: Callable[..., Disposition]
) -> None:
    encoded(others=TEXTS)
    report = claim()[ResultKind.REPORT]
    arrive(n=2)
    assert replace(report) is None
    assert claim() == {}
