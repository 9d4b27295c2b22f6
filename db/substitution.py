"""What a destination gets instead of an object that it does not take."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.profiles import DISPENSABLE, SUBSTITUTES
from config.reasons import Reason
from config.result_kind import ResultKind
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue
from db.delivery import SPARED, ClaimedDelivery, audit_delivery, claimed_delivery, settle_delivery, settle_study
from db.states import DeliveryState
from db.tables import Delivery, ResultObject

_GIVEN_UP = SPARED | {DeliveryState.REFUSED}


def replace_delivery(
    session: Session, claim: ClaimedDelivery, detail: str, refused: Collection[str], now: datetime
) -> DeliveryState | None:
    """Put the best substitute in the place of a claimed object whose SOP Class the destination does not take.

    ``refused`` are the SOP Class UIDs that it is known to refuse; ``detail`` says how that is known. The substitute is
    due at once, unless it is on its way already. What has none is left out if it is dispensable. The delivery's new
    state; None, and nothing changed, if nothing that the report has can stand for the object, or the claim no longer
    holds. Takes a session of `db.session.Database.transaction`.
    """
    study, delivery = claimed_delivery(session, claim)
    if delivery is None or claim.revision != study.revision:
        return None
    instead = _send_substitute(session, delivery, {*refused, claim.sop_class_uid}, now)
    if instead is None and claim.kind not in DISPENSABLE:
        return None
    state = DeliveryState.REPLACED if instead else DeliveryState.OMITTED
    action = AuditAction.RESULT_REPLACED if instead else AuditAction.RESULT_OMITTED
    settle_delivery(delivery, state, Reason.DESTINATION_REFUSES_SOP_CLASS, detail, None)
    delivery.sent_instead = instead
    found: dict[str, JsonValue] = {"kind": claim.kind, "sent_instead": instead, "found": detail}
    audit_delivery(session, study, claim, action, AuditOutcome.WARNING, now, found)
    settle_study(session, study, now)
    return state


def _send_substitute(
    session: Session, delivery: Delivery, refused: Collection[str], now: datetime
) -> ResultKind | None:
    result, destination = delivery.result_object, delivery.destination
    made = session.scalars(
        select(ResultObject).where(ResultObject.report_id == result.report_id).order_by(ResultObject.id)
    ).all()
    for kind in SUBSTITUTES.get(result.kind, ()):
        objects = {one: _delivery(one, destination) for one in made if one.kind is kind}
        if objects and all(_taken(one, known, refused) for one, known in objects.items()):
            for one in (one for one, known in objects.items() if known is None):
                one.deliveries.append(
                    Delivery(destination=destination, state=DeliveryState.PENDING, attempts=0, next_attempt_at=now)
                )
            return kind
    return None


def _delivery(result: ResultObject, destination: str) -> Delivery | None:
    return next((delivery for delivery in result.deliveries if delivery.destination == destination), None)


def _taken(result: ResultObject, delivery: Delivery | None, refused: Collection[str]) -> bool:
    return result.sop_class_uid not in refused and (delivery is None or delivery.state not in _GIVEN_UP)
