"""The queue of deliveries: what is due where, and what became of it.

Every function takes a session of `db.session.Database.transaction`. Sending the same object twice is harmless (same
UID, same bytes), so a delivery whose sender died is simply sent again when its lease runs out.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, true
from sqlalchemy.orm import Session

from config.reasons import Reason
from config.result_kind import ResultKind
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue, inline
from db.leases import held_by
from db.states import DELIVERY_TRANSITIONS, DeliveryState, StudyState, transition
from db.studies import audit_study, locked, move
from db.tables import Delivery, Report, ResultObject, Study

SPARED = frozenset({DeliveryState.REPLACED, DeliveryState.OMITTED})
"""Deliveries that a destination does without, since it does not take them."""

DELIVERY = "delivery"
"""Who finds that a study is delivered, in the audit trail."""


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A result object that ``owner`` is to send. ``attempt`` counts from 1; ``path`` is relative to the spool."""

    delivery_id: int
    owner: str
    attempt: int
    destination: str
    study_uid: str
    revision: int
    kind: ResultKind
    sop_class_uid: str
    sop_instance_uid: str
    path: str
    digest: str


def claim_deliveries(
    session: Session, destination: str, owner: str, lease_s: float, now: datetime, *, limit: int = 100
) -> tuple[ClaimedDelivery, ...]:
    """What is due at ``destination``, now leased to ``owner``, in the order in which it was recorded.

    No two senders get the same. The lease must outlast the sending of all of them.
    """
    due = session.execute(
        select(Delivery, ResultObject, Report.revision, Study.study_instance_uid)
        .join(ResultObject, ResultObject.id == Delivery.result_object_id)
        .join(Report, Report.id == ResultObject.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(
            Delivery.destination == destination,
            Delivery.state == DeliveryState.PENDING,
            Delivery.next_attempt_at <= now,
        )
        .order_by(Delivery.result_object_id)
        .limit(limit)
        .with_for_update(of=Delivery, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    claims = []
    for delivery, result, revision, study_uid in due:
        delivery.state = transition(DELIVERY_TRANSITIONS, delivery.state, DeliveryState.SENDING)
        delivery.attempts += 1
        delivery.lease_owner = owner
        delivery.lease_expires_at = now + timedelta(seconds=lease_s)
        claims.append(
            ClaimedDelivery(
                delivery.id,
                owner,
                delivery.attempts,
                destination,
                study_uid,
                revision,
                result.kind,
                result.sop_class_uid,
                result.sop_instance_uid,
                result.path,
                result.digest,
            )
        )
    return tuple(claims)


def record_sent(
    session: Session,
    claim: ClaimedDelivery,
    status: int,
    detail: str | None,
    now: datetime,
    *,
    to_be_committed: bool = False,
) -> bool:
    """The destination has the object: C-STORE ``status`` is success, or a warning that ``detail`` explains.

    The study is ``delivered`` when this was the last delivery of its revision. ``to_be_committed``: the destination
    will be asked whether it keeps the object. False if the claim no longer holds.
    """
    study, delivery = claimed_delivery(session, claim)
    if delivery is None:
        return False
    state = DeliveryState.UNCOMMITTED if to_be_committed else DeliveryState.SENT
    settle_delivery(delivery, state, None, detail, status)
    delivery.sent_at = delivery.next_attempt_at = now
    outcome = AuditOutcome.WARNING if detail else AuditOutcome.SUCCESS
    audit_delivery(session, study, claim, AuditAction.RESULT_SENT, outcome, now, {"status": status, "found": detail})
    settle_study(session, study, now)
    return True


def record_not_sent(
    session: Session,
    claim: ClaimedDelivery,
    reason: Reason,
    detail: str,
    status: int | None,
    now: datetime,
    *,
    retry_at: datetime | None,
    maximum_attempts: int,
) -> DeliveryState | None:
    """The destination does not have the object. ``retry_at`` None: it refused for good, trying again is no use.

    The delivery's new state, or None if the claim no longer holds. When nothing of the study's revision is left to send
    and something was refused or exhausted, the study has failed for the first such reason.
    """
    study, delivery = claimed_delivery(session, claim)
    if delivery is None:
        return None
    if retry_at is None:
        state = DeliveryState.REFUSED
    elif claim.revision != study.revision:
        state = DeliveryState.SUPERSEDED
    else:
        state = DeliveryState.FAILED if delivery.attempts >= maximum_attempts else DeliveryState.PENDING
    settle_delivery(delivery, state, reason, detail, status)
    if retry_at is not None:
        delivery.next_attempt_at = retry_at
    outcome = AuditOutcome.WARNING if state is DeliveryState.PENDING else AuditOutcome.FAILURE
    found: dict[str, JsonValue] = {"status": status, "reason": reason, "found": detail, "delivery": state}
    audit_delivery(session, study, claim, AuditAction.RESULT_NOT_SENT, outcome, now, found)
    settle_study(session, study, now)
    return state


def expire_deliveries(
    session: Session, now: datetime, dead_owner: str | None = None, *, destination: str | None = None
) -> int:
    """Take deliveries back from senders that died: leases that ran out, and all of ``dead_owner``. Their number.

    Those of an older revision are superseded instead of being sent again. ``destination``: only what is for that one.
    """
    rows = session.execute(
        select(Delivery, Report.revision, Study.revision)
        .join(ResultObject, ResultObject.id == Delivery.result_object_id)
        .join(Report, Report.id == ResultObject.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(
            Delivery.state == inline(DeliveryState.SENDING),
            or_(Delivery.lease_expires_at <= now, held_by(Delivery.lease_owner, [dead_owner] if dead_owner else [])),
            true() if destination is None else Delivery.destination == destination,
        )
        .order_by(Delivery.id)
        .with_for_update(of=Delivery, skip_locked=dead_owner is None)
        .execution_options(populate_existing=True)
    ).all()
    for delivery, of_revision, revision in rows:
        to = DeliveryState.PENDING if of_revision == revision else DeliveryState.SUPERSEDED
        settle_delivery(delivery, to, delivery.reason, delivery.detail, delivery.last_status)
    return len(rows)


def withdraw_deliveries(session: Session, destinations: Collection[str], now: datetime) -> int:
    """Fail what waits for a destination that is not among ``destinations`` any more. Their number.

    ``retry`` sends them when the destination is configured again. What such a destination was still to commit to is
    sent, and no more.
    """
    orphans = session.execute(
        select(Delivery, Study.study_instance_uid)
        .join(ResultObject, ResultObject.id == Delivery.result_object_id)
        .join(Report, Report.id == ResultObject.report_id)
        .join(Study, Study.id == Report.study_id)
        .where(
            Delivery.state.in_((DeliveryState.PENDING, DeliveryState.UNCOMMITTED)),
            Delivery.destination.not_in(destinations),
        )
        .order_by(Study.study_instance_uid)
    ).all()
    for delivery, study_uid in orphans:
        study = locked(session, study_uid)
        detail = f"{delivery.destination} is not in the settings."
        to = DeliveryState.FAILED if delivery.state is DeliveryState.PENDING else DeliveryState.SENT
        settle_delivery(delivery, to, Reason.DESTINATION_NOT_CONFIGURED, detail, delivery.last_status)
        settle_study(session, study, now)
    return len(orphans)


def settle_study(session: Session, study: Study, now: datetime) -> None:
    """Move a locked study to where the deliveries of its revision are.

    Encoded until nothing is left to send; then failed, if anything was refused or exhausted, or else delivered; and
    committed as soon as every destination that was asked has answered for what it has.
    """
    if study.state not in (StudyState.ENCODED, StudyState.DELIVERED):
        return
    session.flush()
    deliveries = deliveries_of_revision(session, study)
    states = {delivery.state for delivery in deliveries}
    due = [delivery for delivery in deliveries if delivery.state not in SPARED]
    lost = [delivery for delivery in due if delivery.state in (DeliveryState.REFUSED, DeliveryState.FAILED)]
    if states & {DeliveryState.PENDING, DeliveryState.SENDING}:
        if study.state is StudyState.DELIVERED:
            move(study, StudyState.ENCODED, now)
        return
    if lost:
        detail = f"{len(lost)} of {len(due)} deliveries; {lost[0].destination}: {lost[0].detail}"
        move(study, StudyState.FAILED, now, lost[0].reason, detail)
        _audit_settled(session, study, AuditAction.STUDY_FAILED, AuditOutcome.FAILURE, now)
        return
    if study.state is StudyState.ENCODED:
        words = [f"{len(due)} of {len(due)} deliveries"] if due else []
        words += [_spared(delivery) for delivery in deliveries if delivery.state in SPARED]
        detail = "; ".join(dict.fromkeys(words)) or "No destination is configured."
        move(study, StudyState.DELIVERED, now, detail=detail)
        _audit_settled(session, study, AuditAction.STUDY_DELIVERED, AuditOutcome.SUCCESS, now)
    committed = [delivery for delivery in due if delivery.state is DeliveryState.COMMITTED]
    if committed and DeliveryState.UNCOMMITTED not in states:
        move(study, StudyState.COMMITTED, now, detail=f"{study.detail}, {len(committed)} committed")
        _audit_settled(session, study, AuditAction.STUDY_COMMITTED, AuditOutcome.SUCCESS, now)


def deliveries_of_revision(session: Session, study: Study) -> list[Delivery]:
    """The deliveries of a study's present revision, locked, in the order of their results."""
    return list(
        session.scalars(
            select(Delivery)
            .join(ResultObject, ResultObject.id == Delivery.result_object_id)
            .join(Report, Report.id == ResultObject.report_id)
            .where(Report.study_id == study.id, Report.revision == study.revision)
            .order_by(Delivery.id)
            .with_for_update(of=Delivery)
        )
    )


def supersede_deliveries(session: Session, study: Study) -> None:
    """Nothing that waits of a locked study is sent any more, because a new revision begins."""
    waiting = session.scalars(
        select(Delivery)
        .join(ResultObject, ResultObject.id == Delivery.result_object_id)
        .join(Report, Report.id == ResultObject.report_id)
        .where(Report.study_id == study.id, Delivery.state == DeliveryState.PENDING)
        .with_for_update(of=Delivery)
    )
    for delivery in waiting:
        delivery.state = transition(DELIVERY_TRANSITIONS, delivery.state, DeliveryState.SUPERSEDED)


def claimed_delivery(session: Session, claim: ClaimedDelivery) -> tuple[Study, Delivery | None]:
    """The study and the claimed delivery, locked; no delivery if the claim no longer holds."""
    study = locked(session, claim.study_uid)
    delivery = session.get_one(Delivery, claim.delivery_id, with_for_update=True, populate_existing=True)
    holds = (delivery.state, delivery.lease_owner, delivery.attempts) == (
        DeliveryState.SENDING,
        claim.owner,
        claim.attempt,
    )
    return study, delivery if holds else None


def settle_delivery(
    delivery: Delivery, to: DeliveryState, reason: Reason | None, detail: str | None, status: int | None
) -> None:
    """Put a delivery into its next state, in which nobody holds it."""
    delivery.state = transition(DELIVERY_TRANSITIONS, delivery.state, to)
    delivery.lease_owner = None
    delivery.lease_expires_at = None
    delivery.reason = reason
    delivery.detail = detail
    delivery.last_status = status
    delivery.commitment_id = None


def audit_delivery(
    session: Session,
    study: Study,
    claim: ClaimedDelivery,
    action: AuditAction,
    outcome: AuditOutcome,
    now: datetime,
    found: Mapping[str, JsonValue],
) -> None:
    """An audit event about a claimed delivery."""
    audit_study(
        session,
        study,
        action,
        outcome,
        now,
        who=claim.owner,
        sop_instance_uid=claim.sop_instance_uid,
        detail={
            "destination": claim.destination,
            "of_revision": claim.revision,
            "attempt": claim.attempt,
            **found,
        },
    )


def _audit_settled(session: Session, study: Study, action: AuditAction, outcome: AuditOutcome, now: datetime) -> None:
    detail: dict[str, JsonValue] = {"reason": study.reason, "found": study.detail}
    audit_study(session, study, action, outcome, now, who=DELIVERY, detail=detail)


def _spared(delivery: Delivery) -> str:
    instead = f"{delivery.sent_instead} instead of" if delivery.sent_instead else "without"
    return f"{delivery.destination}: {instead} {delivery.result_object.kind}"
