"""Requests for storage commitment, and what becomes of their answers."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from config.reasons import Reason
from db.audit import AuditAction
from db.audit_answers import what_went_where
from db.commitment import (
    ClaimedCommitment,
    Patience,
    cease_commitments,
    claim_commitment,
    expire_commitments,
    is_commitment_due,
    record_answer,
    record_not_requested,
    record_requested,
)
from db.delivery import claim_deliveries, record_not_sent, record_sent, withdraw_deliveries
from db.detail import DeliveryDetail, study_detail
from db.queries import StudySummary, audit_events
from db.retry import retry
from db.session import Database
from db.states import DeliveryState, Disposition, StudyState
from db.work import Claimed

SEG, SR, PICTURE = "1.2.3.91.8", "1.2.3.91.7", "1.2.3.91.6"
RETRY_S = 30.0
ANSWER_S = 3600.0


@dataclass
class Node:
    """What a node does about one destination; time passes when it is told to."""

    database: Database
    now: datetime
    required: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def patience(self) -> Patience:
        return Patience(maximum_attempts=3, retry_at=lambda attempts: self.now + timedelta(seconds=RETRY_S * attempts))

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def send(self, limit: int = 100, destination: str = "pacs") -> None:
        with self.database.transaction() as session:
            for claim in claim_deliveries(session, destination, "sender", 60, self.now, limit=limit):
                record_sent(session, claim, 0, None, self.now, to_be_committed=True)

    def claim(self, destination: str = "pacs") -> ClaimedCommitment | None:
        self.asked.append(f"2.25.{len(self.asked) + 1}")
        with self.database.transaction() as session:
            return claim_commitment(session, destination, self.asked[-1], "asker", 60, self.now)

    def ask(self, destination: str = "pacs") -> ClaimedCommitment:
        """The destination takes the request."""
        claim = self.claim(destination)
        assert claim is not None
        with self.database.transaction() as session:
            record_requested(session, claim, self.now + timedelta(seconds=ANSWER_S))
        return claim

    def ask_in_vain(self) -> None:
        claim = self.claim()
        assert claim is not None
        with self.database.transaction() as session:
            reason, detail = Reason.COMMITMENT_REFUSED, "N-ACTION 0x0110"
            record_not_requested(session, claim, reason, detail, self.now, self.patience, required=self.required)

    def answer(
        self, transaction_uid: str, committed: Collection[str] = (), failed: Mapping[str, int] | None = None
    ) -> bool:
        with self.database.transaction() as session:
            return record_answer(
                session, transaction_uid, committed, failed or {}, "PACS", self.now, self.patience, for_good={0x0122}
            )

    def expire(self) -> int:
        with self.database.transaction() as session:
            return expire_commitments(session, "pacs", self.now, self.patience, required=self.required)

    @property
    def is_due(self) -> bool:
        with self.database.reading() as session:
            return is_commitment_due(session, "pacs", self.now)

    @property
    def study(self) -> StudySummary:
        with self.database.reading() as session:
            return study_detail(session, "1.2.3").summary

    @property
    def deliveries(self) -> dict[str, DeliveryDetail]:
        with self.database.reading() as session:
            results = study_detail(session, "1.2.3").reports[0].results
        return {result.sop_instance_uid: result.deliveries[0] for result in results}

    @property
    def states(self) -> list[DeliveryState]:
        return [delivery.state for delivery in self.deliveries.values()]

    def actions(self, *of: AuditAction) -> list[AuditAction]:
        with self.database.reading() as session:
            return [event.action for event in audit_events(session, study="1.2.3") if event.action in of]


@pytest.fixture
def node(database: Database, encoded: Callable[..., Claimed], now: datetime) -> Node:
    """A study has a SEG, an SR and a picture to send to a destination that commits itself."""
    encoded()
    return Node(database, now)


def test_nothing_is_asked_until_all_of_a_report_is_sent(node: Node) -> None:
    node.send(limit=2)
    assert node.claim() is None
    node.send()
    assert (node.study.state, node.study.deliveries_sent) == (StudyState.DELIVERED, 3)
    assert node.ask().instances == (
        ("1.2.840.10008.5.1.4.1.1.1", SEG),
        ("1.2.840.10008.5.1.4.1.1.2", SR),
        ("1.2.840.10008.5.1.4.1.1.3", PICTURE),
    )


def test_what_a_destination_refuses_does_not_keep_it_from_being_asked_for_the_rest(
    node: Node, database: Database
) -> None:
    node.send(limit=2)
    with database.transaction() as session:
        (claim,) = claim_deliveries(session, "pacs", "sender", 60, node.now)
        reason = Reason.DESTINATION_REFUSES_SOP_CLASS
        record_not_sent(session, claim, reason, "no", None, node.now, retry_at=None, maximum_attempts=3)
    claim = node.ask()
    assert [uid for _, uid in claim.instances] == [SEG, SR]
    node.answer(claim.transaction_uid, committed=[SEG, SR])
    assert node.states == [DeliveryState.COMMITTED, DeliveryState.COMMITTED, DeliveryState.REFUSED]
    assert node.study.state is StudyState.FAILED


def test_a_study_is_committed_when_the_destination_answers_for_all_of_it(node: Node) -> None:
    node.send()
    claim = node.ask()
    node.wait(20)
    assert node.answer(claim.transaction_uid, committed=[SEG, SR, PICTURE])
    assert node.states == [DeliveryState.COMMITTED] * 3
    assert (node.study.state, node.study.detail) == (StudyState.COMMITTED, "3 of 3 deliveries, 3 committed")
    assert node.study.deliveries_sent == 3
    assert {delivery.committed_at for delivery in node.deliveries.values()} == {node.now}
    assert node.actions(*AuditAction)[-5:] == [
        AuditAction.COMMITMENT_REQUESTED,
        *[AuditAction.RESULT_COMMITTED] * 3,
        AuditAction.STUDY_COMMITTED,
    ]
    with node.database.reading() as session:
        journeys = what_went_where(session, "1.2.3")
    assert {journey.sop_instance_uid: journey.committed_at for journey in journeys}[SEG] == node.now


def test_only_what_failed_is_sent_and_asked_for_again(node: Node, database: Database) -> None:
    node.send()
    claim = node.ask()
    node.answer(claim.transaction_uid, committed=[SEG, PICTURE], failed={SR: 0x0112})
    assert node.states == [DeliveryState.COMMITTED, DeliveryState.PENDING, DeliveryState.COMMITTED]
    assert node.deliveries[SR].reason is Reason.DESTINATION_LOST_OBJECT
    assert "0x0112" in (node.deliveries[SR].detail or "")
    assert node.study.state is StudyState.ENCODED
    node.send()
    assert node.deliveries[SR].state is DeliveryState.PENDING, "before the back-off has passed"
    node.wait(RETRY_S)
    node.send()
    assert node.study.state is StudyState.DELIVERED
    again = node.ask()
    assert [uid for _, uid in again.instances] == [SR]
    node.answer(again.transaction_uid, committed=[SR])
    assert (node.study.state, node.deliveries[SR].attempts) == (StudyState.COMMITTED, 2)


def test_a_destination_that_loses_an_object_again_and_again_fails_the_study(node: Node) -> None:
    node.send()
    node.answer(node.ask().transaction_uid, committed=[SEG, PICTURE], failed={SR: 0x0110})
    for _ in range(2):
        node.wait(RETRY_S * 3)
        node.send()
        node.answer(node.ask().transaction_uid, failed={SR: 0x0110})
    assert node.deliveries[SR].state is DeliveryState.FAILED
    assert (node.study.state, node.study.reason) == (StudyState.FAILED, Reason.DESTINATION_LOST_OBJECT)


def test_a_class_that_a_destination_does_not_commit_to_is_not_sent_again(node: Node) -> None:
    node.send()
    node.answer(node.ask().transaction_uid, committed=[SR, PICTURE], failed={SEG: 0x0122})
    assert node.deliveries[SEG].state is DeliveryState.REFUSED
    assert node.study.state is StudyState.FAILED


def test_a_person_sends_again_what_a_destination_lost(node: Node, database: Database) -> None:
    node.send()
    node.answer(node.ask().transaction_uid, committed=[SR, PICTURE], failed={SEG: 0x0122})
    with database.transaction() as session:
        assert retry(session, "1.2.3", "radiographer", node.now) is StudyState.ENCODED
    node.send()
    claim = node.ask()
    assert [uid for _, uid in claim.instances] == [SEG]
    node.answer(claim.transaction_uid, committed=[SEG])
    assert node.study.state is StudyState.COMMITTED


def test_who_is_silent_is_asked_again_under_another_transaction(node: Node) -> None:
    node.send()
    first = node.ask()
    node.wait(ANSWER_S - 1)
    assert not node.is_due
    node.wait(1)
    assert node.is_due
    assert node.expire() == 3
    assert {delivery.reason for delivery in node.deliveries.values()} == {Reason.COMMITMENT_UNANSWERED}
    node.wait(RETRY_S * 2)
    second = node.ask()
    assert second.instances == first.instances
    assert second.transaction_uid != first.transaction_uid
    assert node.answer(first.transaction_uid, committed=[SEG, SR, PICTURE]), "late, but of use"
    assert node.study.state is StudyState.COMMITTED


def test_a_late_no_to_a_request_that_was_made_again_is_of_no_account(node: Node) -> None:
    node.send()
    first = node.ask()
    node.wait(ANSWER_S)
    node.expire()
    node.wait(RETRY_S * 2)
    node.ask()
    node.answer(first.transaction_uid, failed={SEG: 0x0112, SR: 0x0112, PICTURE: 0x0112})
    assert node.states == [DeliveryState.UNCOMMITTED] * 3


@pytest.mark.parametrize(
    ("required", "of_study", "of_deliveries"),
    [
        (False, StudyState.DELIVERED, DeliveryState.SENT),
        (True, StudyState.FAILED, DeliveryState.FAILED),
    ],
)
def test_who_never_answers_leaves_it_at_delivered_unless_it_must(
    node: Node, required: bool, of_study: StudyState, of_deliveries: DeliveryState
) -> None:
    node.required = required
    node.send()
    node.ask()
    node.wait(ANSWER_S)
    node.expire()
    node.wait(RETRY_S * 2)
    node.ask()
    node.wait(ANSWER_S)
    node.expire()
    assert node.states == [of_deliveries] * 3
    assert node.study.state is of_study
    assert {delivery.reason for delivery in node.deliveries.values()} == {Reason.COMMITMENT_UNANSWERED}
    assert not node.is_due


def test_a_request_that_is_not_taken_is_made_again_after_a_while(node: Node) -> None:
    node.send()
    node.ask_in_vain()
    assert node.claim() is None
    assert {delivery.reason for delivery in node.deliveries.values()} == {Reason.COMMITMENT_REFUSED}
    node.wait(RETRY_S * 2)
    node.answer(node.ask().transaction_uid, committed=[SEG, SR, PICTURE])
    assert node.study.state is StudyState.COMMITTED
    assert {delivery.reason for delivery in node.deliveries.values()} == {None}


def test_whoever_dies_while_asking_leaves_it_to_the_next(node: Node) -> None:
    node.send()
    died = node.claim()
    assert died is not None
    assert node.claim() is None
    node.wait(60)
    node.expire()
    node.wait(RETRY_S * 2)
    assert node.ask().instances == died.instances


def test_an_answer_may_be_quicker_than_the_request_is_recorded(node: Node, database: Database) -> None:
    node.send()
    claim = node.claim()
    assert claim is not None
    node.answer(claim.transaction_uid, committed=[SEG, SR, PICTURE])
    with database.transaction() as session:
        record_requested(session, claim, node.now)
    assert node.study.state is StudyState.COMMITTED


def test_the_same_answer_twice_is_recorded_once(node: Node) -> None:
    node.send()
    claim = node.ask()
    for _ in range(2):
        assert node.answer(claim.transaction_uid, committed=[SEG, SR, PICTURE])
    assert len(node.actions(AuditAction.RESULT_COMMITTED)) == 3


def test_what_was_not_asked_for_is_not_committed(node: Node, encoded: Callable[..., Claimed]) -> None:
    node.send()
    claim = node.ask()
    encoded("1.2.4")
    node.send()
    node.answer(claim.transaction_uid, committed=["1.2.4.91.8", "9.9", *[SEG, SR]])
    assert node.study.state is StudyState.DELIVERED
    assert node.deliveries[PICTURE].state is DeliveryState.UNCOMMITTED
    with node.database.reading() as session:
        other = study_detail(session, "1.2.4").reports[0].results
    assert {result.deliveries[0].state for result in other} == {DeliveryState.UNCOMMITTED}


def test_a_transaction_that_nobody_opened_changes_nothing_and_is_audited(node: Node) -> None:
    node.send()
    node.ask()
    assert not node.answer("2.25.666", committed=[SEG, SR, PICTURE])
    assert node.states == [DeliveryState.UNCOMMITTED] * 3
    with node.database.reading() as session:
        [event] = audit_events(session, action=AuditAction.COMMITMENT_UNKNOWN)
    assert (event.who, event.detail["transaction"]) == ("PACS", "2.25.666")


def test_what_is_both_committed_and_failed_is_failed(node: Node) -> None:
    node.send()
    node.answer(node.ask().transaction_uid, committed=[SEG, SR, PICTURE], failed={SEG: 0x0110})
    assert node.deliveries[SEG].state is DeliveryState.PENDING


def test_an_older_revision_is_committed_but_not_sent_again(node: Node, arrive: Callable[..., Disposition]) -> None:
    node.send()
    claim = node.ask()
    arrive(n=2)
    node.answer(claim.transaction_uid, committed=[SEG, SR], failed={PICTURE: 0x0110})
    assert node.states == [DeliveryState.COMMITTED, DeliveryState.COMMITTED, DeliveryState.SUPERSEDED]
    assert (node.study.state, node.study.revision) == (StudyState.RECEIVING, 2)


def test_destinations_answer_each_for_themselves(
    database: Database, encoded: Callable[..., Claimed], now: datetime
) -> None:
    encoded(destinations=("archive", "pacs"))
    node = Node(database, now)
    for destination in ("archive", "pacs"):
        node.send(destination=destination)
    archive, pacs = node.ask("archive"), node.ask("pacs")
    node.answer(archive.transaction_uid, committed=[SEG, SR, PICTURE])
    assert node.study.state is StudyState.DELIVERED
    node.answer(pacs.transaction_uid, committed=[SEG, SR, PICTURE])
    assert node.study.state is StudyState.COMMITTED


def test_a_destination_that_is_asked_no_more_has_what_was_sent(node: Node, database: Database) -> None:
    node.send()
    node.ask()
    with database.transaction() as session:
        assert cease_commitments(session, "pacs", node.now) == 3
    assert (node.states, node.study.state) == ([DeliveryState.SENT] * 3, StudyState.DELIVERED)


def test_a_destination_that_is_gone_is_asked_no_more(node: Node, database: Database) -> None:
    node.send()
    with database.transaction() as session:
        assert withdraw_deliveries(session, ["another"], node.now) == 3
    assert (node.states, node.study.state) == ([DeliveryState.SENT] * 3, StudyState.DELIVERED)


def test_a_person_has_it_asked_at_once(node: Node, database: Database) -> None:
    node.send()
    node.ask_in_vain()
    with database.transaction() as session:
        assert retry(session, "1.2.3", "radiographer", node.now) is StudyState.DELIVERED
    assert len(node.ask().instances) == 3
