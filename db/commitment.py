"""Storage commitment: for which objects a destination was asked to answer, and what it said (PS3.4 Annex J).

Every function takes a session of `db.session.Database.transaction`. Asking twice is harmless: each request has a
Transaction UID of its own. Of an object that was asked for twice, any yes counts, and a no in answer to the last only.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session, aliased

from config.reasons import Reason
from db import audit
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue
from db.delivery import settle_delivery, settle_study
from db.leases import held_by
from db.states import DeliveryState
from db.studies import audit_study, locked
from db.tables import Commitment, Delivery, Report, ResultObject, Study


@dataclass(frozen=True, slots=True)
class ClaimedCommitment:
    """A request that ``owner`` is to make; ``instances`` are (SOP Class UID, SOP Instance UID) pairs."""

    transaction_uid: str
    owner: str
    destination: str
    study_uid: str
    revision: int
    instances: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Patience:
    """How often sending and asking are tried, and when again after so many attempts."""

    maximum_attempts: int
    retry_at: Callable[[int], datetime]


def is_commitment_due(session: Session, destination: str, now: datetime) -> bool:
    """Whether ``destination`` is to be asked, or has not answered in time; `db.session.Database.reading` suffices."""
    return bool(
        session.scalar(
            select(
                exists().where(
                    Delivery.destination == destination,
                    Delivery.state == DeliveryState.UNCOMMITTED,
                    Delivery.next_attempt_at <= now,
                )
            )
        )
    )


def claim_commitment(
    session: Session, destination: str, transaction_uid: str, owner: str, lease_s: float, now: datetime
) -> ClaimedCommitment | None:
    """The next request that is due at ``destination``: for all objects of one report, once none is left to send.

    It is on record, under a new Transaction UID, before it is made, so that no answer comes too early.
    """
    other, others_object = aliased(Delivery), aliased(ResultObject)
    unsent = exists().where(
        other.result_object_id == others_object.id,
        others_object.report_id == ResultObject.report_id,
        other.destination == destination,
        other.state.in_((DeliveryState.PENDING, DeliveryState.SENDING)),
    )
    due = (
        Delivery.destination == destination,
        Delivery.state == DeliveryState.UNCOMMITTED,
        Delivery.commitment_id.is_(None),
        Delivery.next_attempt_at <= now,
        ~unsent,
    )
    found = session.execute(
        select(Report, Study.study_instance_uid)
        .join(ResultObject, ResultObject.report_id == Report.id)
        .join(Delivery, Delivery.result_object_id == ResultObject.id)
        .join(Study, Study.id == Report.study_id)
        .where(*due)
        .order_by(Delivery.id)
        .limit(1)
    ).first()
    if found is None:
        return None
    report, study_uid = found
    study = locked(session, study_uid)
    deliveries = session.scalars(
        select(Delivery)
        .join(ResultObject, ResultObject.id == Delivery.result_object_id)
        .where(ResultObject.report_id == report.id, *due)
        .order_by(Delivery.result_object_id)
        .with_for_update(of=Delivery)
        .execution_options(populate_existing=True)
    ).all()
    if not deliveries:
        return None
    commitment = Commitment(
        transaction_uid=transaction_uid,
        report_id=report.id,
        destination=destination,
        requested_at=now,
        lease_owner=owner,
    )
    session.add(commitment)
    session.flush()
    for delivery in deliveries:
        delivery.commitment_id = commitment.id
        delivery.next_attempt_at = now + timedelta(seconds=lease_s)
    instances = tuple((one.result_object.sop_class_uid, one.result_object.sop_instance_uid) for one in deliveries)
    claim = ClaimedCommitment(transaction_uid, owner, destination, study_uid, report.revision, instances)
    _audit_request(session, study, claim, AuditAction.COMMITMENT_REQUESTED, AuditOutcome.SUCCESS, now)
    return claim


def record_requested(session: Session, claim: ClaimedCommitment, answer_by: datetime) -> None:
    """The destination has taken the request and will answer; after ``answer_by`` it is asked again."""
    for delivery in _awaiting(session, claim.transaction_uid):
        delivery.next_attempt_at = answer_by
    _no_longer_leased(session, claim)


def record_not_requested(
    session: Session,
    claim: ClaimedCommitment,
    reason: Reason,
    detail: str,
    now: datetime,
    patience: Patience,
    *,
    required: bool,
) -> None:
    """The destination has not taken the request, so that no answer is awaited.

    When attempts are exhausted, the delivery has failed if commitment is ``required``; otherwise it is sent, and no
    more.
    """
    study = locked(session, claim.study_uid)
    found: dict[str, JsonValue] = {"reason": reason, "found": detail}
    _audit_request(session, study, claim, AuditAction.COMMITMENT_NOT_REQUESTED, AuditOutcome.WARNING, now, found)
    for delivery in _awaiting(session, claim.transaction_uid):
        _ask_again(delivery, reason, detail, patience, required=required)
    _no_longer_leased(session, claim)
    settle_study(session, study, now)


def release_commitments(session: Session, owner: str, now: datetime) -> int:
    """Have asked at once what a dead owner, or what was a part of it, was about to ask. The number of requests."""
    held = session.scalars(select(Commitment).where(held_by(Commitment.lease_owner, [owner]))).all()
    for commitment in held:
        commitment.lease_owner = None
        for delivery in _awaiting(session, commitment.transaction_uid):
            delivery.commitment_id = None
            delivery.next_attempt_at = now
    return len(held)


def expire_commitments(session: Session, destination: str, now: datetime, patience: Patience, *, required: bool) -> int:
    """Have ``destination`` asked again for what it did not answer in time, as `record_not_requested` does.

    The number of objects.
    """
    overdue = session.execute(
        select(Delivery, Commitment, Study.study_instance_uid)
        .join(Commitment, Commitment.id == Delivery.commitment_id)
        .join(Report, Report.id == Commitment.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(
            Delivery.destination == destination,
            Delivery.state == DeliveryState.UNCOMMITTED,
            Delivery.next_attempt_at <= now,
        )
        .order_by(Study.study_instance_uid, Delivery.id)
    ).all()
    for delivery, commitment, study_uid in overdue:
        study = locked(session, study_uid)
        session.refresh(delivery, with_for_update=True)
        if delivery.commitment_id == commitment.id:
            detail = f"{destination} was asked at {commitment.requested_at:%Y-%m-%d %H:%M:%S} UTC."
            _ask_again(delivery, Reason.COMMITMENT_UNANSWERED, detail, patience, required=required)
            settle_study(session, study, now)
    return len(overdue)


def cease_commitments(session: Session, destination: str, now: datetime) -> int:
    """Ask no more of ``destination``: what it has not committed itself to is sent, and no more. The number of objects.

    To be called when a destination is not to be asked any more.
    """
    waiting = session.execute(
        select(Delivery, Study.study_instance_uid)
        .join(ResultObject, ResultObject.id == Delivery.result_object_id)
        .join(Report, Report.id == ResultObject.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(Delivery.destination == destination, Delivery.state == DeliveryState.UNCOMMITTED)
        .order_by(Study.study_instance_uid)
    ).all()
    for delivery, study_uid in waiting:
        study = locked(session, study_uid)
        session.refresh(delivery, with_for_update=True)
        if delivery.state is DeliveryState.UNCOMMITTED:
            settle_delivery(delivery, DeliveryState.SENT, None, delivery.detail, delivery.last_status)
            settle_study(session, study, now)
    return len(waiting)


def record_answer(
    session: Session,
    transaction_uid: str,
    committed: Collection[str],
    failed: Mapping[str, int],
    who: str,
    now: datetime,
    patience: Patience,
    *,
    for_good: Collection[int] = (),
) -> bool:
    """What a destination answers for, by SOP Instance UID; ``failed`` has a Failure Reason (0008,1197) for each.

    What it has committed itself to is ``committed``; what it failed to is sent again, and that alone, unless its
    Failure Reason is ``for_good``. Objects that were not asked for, and requests that were never made, change nothing.
    False if this transaction is not known.
    """
    row = session.execute(
        select(Commitment, Report.revision, Study.study_instance_uid)
        .join(Report, Report.id == Commitment.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(Commitment.transaction_uid == transaction_uid)
    ).first()
    if row is None:
        found: dict[str, JsonValue] = {"transaction": transaction_uid}
        audit.record(session, AuditAction.COMMITMENT_UNKNOWN, AuditOutcome.WARNING, now, who=who, detail=found)
        return False
    commitment, revision, study_uid = row
    study = locked(session, study_uid)
    for delivery in _uncommitted(session, commitment):
        uid = delivery.result_object.sop_instance_uid
        found = {"destination": commitment.destination, "of_revision": revision, "transaction": transaction_uid}
        if uid in failed:
            if delivery.commitment_id == commitment.id:
                is_present = revision == study.revision
                _not_committed(delivery, failed[uid], patience, for_good=failed[uid] in for_good, is_present=is_present)
                found |= {"failure_reason": failed[uid], "delivery": delivery.state}
                action, outcome = AuditAction.RESULT_NOT_COMMITTED, AuditOutcome.WARNING
                audit_study(session, study, action, outcome, now, who=who, sop_instance_uid=uid, detail=found)
        elif uid in committed:
            settle_delivery(delivery, DeliveryState.COMMITTED, None, delivery.detail, delivery.last_status)
            delivery.committed_at = now
            action, outcome = AuditAction.RESULT_COMMITTED, AuditOutcome.SUCCESS
            audit_study(session, study, action, outcome, now, who=who, sop_instance_uid=uid, detail=found)
    settle_study(session, study, now)
    return True


def _awaiting(session: Session, transaction_uid: str) -> list[Delivery]:
    """The deliveries that still wait for the answer to a request, locked."""
    return list(
        session.scalars(
            select(Delivery)
            .join(Commitment, Commitment.id == Delivery.commitment_id)
            .where(Commitment.transaction_uid == transaction_uid, Delivery.state == DeliveryState.UNCOMMITTED)
            .order_by(Delivery.id)
            .with_for_update(of=Delivery)
            .execution_options(populate_existing=True)
        )
    )


def _no_longer_leased(session: Session, claim: ClaimedCommitment) -> None:
    of_claim = Commitment.transaction_uid == claim.transaction_uid
    session.execute(update(Commitment).where(of_claim).values(lease_owner=None))


def _uncommitted(session: Session, commitment: Commitment) -> list[Delivery]:
    """The deliveries of a report to a destination that it has not committed itself to, locked."""
    return list(
        session.scalars(
            select(Delivery)
            .join(ResultObject, ResultObject.id == Delivery.result_object_id)
            .where(
                ResultObject.report_id == commitment.report_id,
                Delivery.destination == commitment.destination,
                Delivery.state == DeliveryState.UNCOMMITTED,
            )
            .order_by(Delivery.id)
            .with_for_update(of=Delivery)
            .execution_options(populate_existing=True)
        )
    )


def _ask_again(delivery: Delivery, reason: Reason, detail: str, patience: Patience, *, required: bool) -> None:
    delivery.attempts += 1
    if delivery.attempts < patience.maximum_attempts:
        delivery.commitment_id = None
        delivery.reason, delivery.detail = reason, detail
        delivery.next_attempt_at = patience.retry_at(delivery.attempts)
        return
    state = DeliveryState.FAILED if required else DeliveryState.SENT
    settle_delivery(delivery, state, reason, detail, delivery.last_status)


def _not_committed(
    delivery: Delivery, failure_reason: int, patience: Patience, *, for_good: bool, is_present: bool
) -> None:
    if for_good:
        state = DeliveryState.REFUSED
    elif not is_present:
        state = DeliveryState.SUPERSEDED
    elif delivery.attempts >= patience.maximum_attempts:
        state = DeliveryState.FAILED
    else:
        state = DeliveryState.PENDING
    detail = f"Not committed, Failure Reason 0x{failure_reason:04X}."
    settle_delivery(delivery, state, Reason.DESTINATION_LOST_OBJECT, detail, delivery.last_status)
    delivery.next_attempt_at = patience.retry_at(delivery.attempts)


def _audit_request(
    session: Session,
    study: Study,
    claim: ClaimedCommitment,
    action: AuditAction,
    outcome: AuditOutcome,
    now: datetime,
    found: Mapping[str, JsonValue] | None = None,
) -> None:
    detail: dict[str, JsonValue] = {
        "destination": claim.destination,
        "of_revision": claim.revision,
        "transaction": claim.transaction_uid,
        "objects": len(claim.instances),
        **(found or {}),
    }
    audit_study(session, study, action, outcome, now, who=claim.owner, detail=detail)
