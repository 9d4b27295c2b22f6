"""The queue of deliveries."""

from collections.abc import Callable
from datetime import datetime

import pytest

from config.finding import ResultKind
from config.reasons import Reason
from db.audit import AuditAction, AuditOutcome
from db.delivery import (
    ClaimedDelivery,
    claim_deliveries,
    expire_deliveries,
    record_not_sent,
    record_sent,
    withdraw_deliveries,
)
from db.detail import DeliveryDetail, study_detail
from db.queries import StudySummary, audit_events, study_summary
from db.session import Database
from db.states import DeliveryState, Disposition, StudyState
from db.work import Claimed

Later = Callable[[float], datetime]
REFUSED_FOR_GOOD = None


@pytest.fixture
def claim(database: Database) -> Callable[..., tuple[ClaimedDelivery, ...]]:
    def claims(at: datetime, destination: str = "pacs", limit: int = 100) -> tuple[ClaimedDelivery, ...]:
        with database.transaction() as session:
            return claim_deliveries(session, destination, "sender", 60, at, limit=limit)

    return claims


@pytest.fixture
def sent(database: Database, now: datetime) -> Callable[..., bool]:
    def sends(claim: ClaimedDelivery, status: int = 0, detail: str | None = None) -> bool:
        with database.transaction() as session:
            return record_sent(session, claim, status, detail, now)

    return sends


@pytest.fixture
def not_sent(database: Database, now: datetime) -> Callable[..., DeliveryState | None]:
    def fails(
        claim: ClaimedDelivery, retry_at: datetime | None, reason: Reason = Reason.DESTINATION_UNREACHABLE
    ) -> DeliveryState | None:
        with database.transaction() as session:
            return record_not_sent(
                session, claim, reason, "refused", 0xA700, now, retry_at=retry_at, maximum_attempts=2
            )

    return fails


def summary(database: Database) -> StudySummary:
    with database.reading() as session:
        found = study_summary(session, "1.2.3")
    assert found is not None
    return found


def deliveries(database: Database) -> list[DeliveryDetail]:
    with database.reading() as session:
        detail = study_detail(session, "1.2.3")
    return [delivery for report in detail.reports for result in report.results for delivery in result.deliveries]


def test_results_are_sent_in_the_order_of_their_references(
    encoded: Callable[..., Claimed], claim: Callable[..., tuple[ClaimedDelivery, ...]], now: datetime
) -> None:
    encoded()
    claims = claim(now)
    assert [c.kind for c in claims] == [ResultKind.SEGMENTATION, ResultKind.REPORT, ResultKind.PICTURE]
    assert (claims[0].attempt, claims[0].study_uid, claims[0].path) == (1, "1.2.3", "results/1.2.3/1/SEG.dcm")


def test_what_is_being_sent_is_not_claimed_again(
    encoded: Callable[..., Claimed], claim: Callable[..., tuple[ClaimedDelivery, ...]], now: datetime
) -> None:
    encoded()
    assert len(claim(now, limit=2)) == 2
    assert len(claim(now)) == 1
    assert claim(now) == ()


def test_destinations_do_not_wait_for_each_other(
    encoded: Callable[..., Claimed], claim: Callable[..., tuple[ClaimedDelivery, ...]], now: datetime
) -> None:
    encoded(destinations=("pacs", "archive"))
    assert len(claim(now, "archive")) == 3
    assert len(claim(now, "pacs")) == 3


def test_a_study_is_delivered_when_its_last_result_is_sent(
    database: Database,
    encoded: Callable[..., Claimed],
    claim: Callable[..., tuple[ClaimedDelivery, ...]],
    sent: Callable[..., bool],
    now: datetime,
) -> None:
    encoded()
    first, second, third = claim(now)
    assert sent(first)
    assert sent(second)
    assert summary(database).state is StudyState.ENCODED
    assert sent(third)
    assert (summary(database).state, summary(database).deliveries_sent) == (StudyState.DELIVERED, 3)
    with database.reading() as session:
        [event] = audit_events(session, action=AuditAction.STUDY_DELIVERED)
    assert event.detail["found"] == "3 of 3 deliveries"


def test_a_warning_is_sent_and_said(
    database: Database,
    encoded: Callable[..., Claimed],
    claim: Callable[..., tuple[ClaimedDelivery, ...]],
    sent: Callable[..., bool],
    now: datetime,
) -> None:
    encoded()
    sent(claim(now)[0], 0xB000, "coercion of data elements")
    kept = deliveries(database)[0]
    assert (kept.state, kept.last_status, kept.detail) == (DeliveryState.SENT, 0xB000, "coercion of data elements")
    with database.reading() as session:
        [event] = audit_events(session, action=AuditAction.RESULT_SENT)
    assert event.outcome is AuditOutcome.WARNING
    assert event.detail["destination"] == "pacs"


def test_a_destination_that_is_down_is_tried_again_later(
    encoded: Callable[..., Claimed],
    claim: Callable[..., tuple[ClaimedDelivery, ...]],
    not_sent: Callable[..., DeliveryState | None],
    now: datetime,
    later: Later,
) -> None:
    encoded()
    first = claim(now, limit=1)[0]
    assert not_sent(first, later(5)) is DeliveryState.PENDING
    claims = claim(later(4))
    assert first.delivery_id not in [c.delivery_id for c in claims]
    [again] = claim(later(5))
    assert (again.delivery_id, again.attempt) == (first.delivery_id, 2)


def test_exhausted_attempts_fail_the_study_once_nothing_else_is_under_way(
    database: Database,
    encoded: Callable[..., Claimed],
    claim: Callable[..., tuple[ClaimedDelivery, ...]],
    sent: Callable[..., bool],
    not_sent: Callable[..., DeliveryState | None],
    now: datetime,
    later: Later,
) -> None:
    encoded()
    first, second, third = claim(now)
    not_sent(first, later(5))
    [again] = claim(later(5))
    assert not_sent(again, later(10)) is DeliveryState.FAILED
    assert summary(database).state is StudyState.ENCODED
    sent(second)
    sent(third)
    assert (summary(database).state, summary(database).reason) == (
        StudyState.FAILED,
        Reason.DESTINATION_UNREACHABLE,
    )
    assert summary(database).detail == "1 of 3 deliveries; pacs: refused"


def test_a_refusal_for_good_is_never_called_sent_nor_tried_again(
    database: Database,
    encoded: Callable[..., Claimed],
    claim: Callable[..., tuple[ClaimedDelivery, ...]],
    sent: Callable[..., bool],
    not_sent: Callable[..., DeliveryState | None],
    now: datetime,
    later: Later,
) -> None:
    encoded()
    first, second, third = claim(now)
    sent(first)
    assert not_sent(second, REFUSED_FOR_GOOD, Reason.DESTINATION_REFUSES_SOP_CLASS) is DeliveryState.REFUSED
    sent(third)
    assert summary(database).reason is Reason.DESTINATION_REFUSES_SOP_CLASS
    assert (deliveries(database)[1].last_status, deliveries(database)[1].sent_at) == (0xA700, None)
    assert claim(later(1e6)) == ()


def test_a_sender_that_died_leaves_its_deliveries_to_the_next(
    database: Database,
    encoded: Callable[..., Claimed],
    claim: Callable[..., tuple[ClaimedDelivery, ...]],
    sent: Callable[..., bool],
    now: datetime,
    later: Later,
) -> None:
    encoded()
    old = claim(now)
    with database.transaction() as session:
        assert expire_deliveries(session, later(59)) == 0
        assert expire_deliveries(session, later(60)) == 3
    assert len(claim(later(61))) == 3
    assert not sent(old[0])


def test_a_sender_that_starts_takes_back_its_own(
    database: Database,
    encoded: Callable[..., Claimed],
    claim: Callable[..., tuple[ClaimedDelivery, ...]],
    now: datetime,
) -> None:
    encoded()
    claim(now)
    with database.transaction() as session:
        assert expire_deliveries(session, now, dead_owner="another") == 0
        assert expire_deliveries(session, now, dead_owner="sender") == 3


def test_a_sender_takes_back_what_is_for_its_destination_and_nothing_else(
    database: Database,
    encoded: Callable[..., Claimed],
    claim: Callable[..., tuple[ClaimedDelivery, ...]],
    now: datetime,
) -> None:
    encoded(destinations=("pacs", "other"))
    claim(now)
    claim(now, "other")
    with database.transaction() as session:
        assert expire_deliveries(session, now, "sender", destination="other") == 3
    assert {delivery.destination for delivery in deliveries(database) if delivery.state == DeliveryState.SENDING} == {
        "pacs"
    }


def test_what_was_under_way_when_a_new_revision_began_is_recorded_but_not_repeated(
    database: Database,
    encoded: Callable[..., Claimed],
    arrive: Callable[..., Disposition],
    claim: Callable[..., tuple[ClaimedDelivery, ...]],
    sent: Callable[..., bool],
    not_sent: Callable[..., DeliveryState | None],
    now: datetime,
    later: Later,
) -> None:
    encoded()
    first, second, _ = claim(now)
    arrive(n=2)
    assert sent(first)
    assert not_sent(second, later(5)) is DeliveryState.SUPERSEDED
    with database.transaction() as session:
        expire_deliveries(session, later(61))
    assert [delivery.state for delivery in deliveries(database)] == [
        DeliveryState.SENT,
        DeliveryState.SUPERSEDED,
        DeliveryState.SUPERSEDED,
    ]
    assert (summary(database).state, summary(database).revision) == (StudyState.RECEIVING, 2)


def test_what_waits_for_a_destination_that_is_gone_fails_with_its_reason(
    database: Database, encoded: Callable[..., Claimed], now: datetime
) -> None:
    encoded(destinations=("gone",))
    with database.transaction() as session:
        assert withdraw_deliveries(session, ["pacs"], now) == 3
    with database.reading() as session:
        summary = study_summary(session, "1.2.3")
    assert summary is not None
    assert (summary.state, summary.reason) == (StudyState.FAILED, Reason.DESTINATION_NOT_CONFIGURED)


def test_what_waits_for_a_destination_that_is_still_there_is_left_alone(
    database: Database, encoded: Callable[..., Claimed], now: datetime
) -> None:
    encoded(destinations=("pacs",))
    with database.transaction() as session:
        assert withdraw_deliveries(session, ["pacs"], now) == 0
