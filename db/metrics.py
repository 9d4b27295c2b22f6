"""What monitoring asks the database. Every function only reads; `db.session.Database.reading` suffices.

Nothing that is told here names a patient or a study, except `milestones` to whoever adds them up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from config.reasons import Reason
from db.audit_actions import AuditAction, AuditOutcome
from db.states import DeliveryState, Disposition, StudyState
from db.tables import Association, AssociationStudy, AuditEvent, Delivery, Report, ResultObject, Study

UNDER_WAY = (StudyState.RECEIVING, StudyState.COMPLETE, StudyState.ANALYSING, StudyState.ENCODED)
"""The states in which a study waits for a next step."""

_WAITING = (DeliveryState.PENDING, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Queues:
    """What is where at one moment, and since when.

    ``since``: when the study that is longest in a state came to it. ``reasons``: of studies, and of deliveries by their
    destination, that ended badly or wait for another try. ``due_since``: when the report was made of which a
    destination lacks something for longest.
    """

    studies: Mapping[StudyState, int]
    since: Mapping[StudyState, datetime]
    study_reasons: Mapping[tuple[StudyState, Reason], int]
    deliveries: Mapping[tuple[str, DeliveryState], int]
    delivery_reasons: Mapping[tuple[str, Reason], int]
    due_since: Mapping[str, datetime]
    open_associations: int
    arrivals: Mapping[Disposition, int]


@dataclass(frozen=True, slots=True)
class Milestone:
    """An audit event that is not merely counted; ``detail`` where it is a failure, a warning or a report."""

    at: datetime
    action: AuditAction
    outcome: AuditOutcome
    study_uid: str | None
    detail: Mapping[str, Any]


def queues(session: Session) -> Queues:
    """How many wait where, and how long already."""
    by_state = session.execute(
        select(Study.state, Study.reason, func.count(), func.min(Study.updated_at)).group_by(Study.state, Study.reason)
    ).all()
    by_destination = session.execute(
        select(Delivery.destination, Delivery.state, func.count()).group_by(Delivery.destination, Delivery.state)
    ).all()
    delivery_reasons: Any = session.execute(
        select(Delivery.destination, Delivery.reason, func.count())
        .where(
            Delivery.reason.is_not(None),
            Delivery.state.in_((*_WAITING, DeliveryState.REFUSED, DeliveryState.FAILED)),
        )
        .group_by(Delivery.destination, Delivery.reason)
    ).all()
    due_since: Any = session.execute(
        select(Delivery.destination, func.min(Report.created_at))
        .join(ResultObject, ResultObject.id == Delivery.result_object_id)
        .join(Report, Report.id == ResultObject.report_id)
        .where(Delivery.state.in_(_WAITING))
        .group_by(Delivery.destination)
    ).all()
    accepted, duplicates, conflicts = session.execute(
        select(
            func.sum(AssociationStudy.accepted),
            func.sum(AssociationStudy.duplicates),
            func.sum(AssociationStudy.conflicts),
        )
    ).one()
    states = {state for state, *_ in by_state}
    return Queues(
        studies={state: sum(n for one, _, n, _ in by_state if one is state) for state in states},
        since={state: min(at for one, _, _, at in by_state if one is state) for state in states},
        study_reasons={(state, reason): n for state, reason, n, _ in by_state if reason is not None},
        deliveries={(destination, state): n for destination, state, n in by_destination},
        delivery_reasons={(destination, reason): n for destination, reason, n in delivery_reasons},
        due_since=dict(due_since),
        open_associations=session.scalar(select(func.count()).where(Association.closed_at.is_(None))) or 0,
        arrivals={
            Disposition.ACCEPTED: accepted or 0,
            Disposition.DUPLICATE: duplicates or 0,
            Disposition.CONFLICT: conflicts or 0,
        },
    )


def events_between(session: Session, after: int, to: int) -> Mapping[tuple[AuditAction, AuditOutcome], int]:
    """How many audit events of each kind there are with sequence numbers above ``after``, up to ``to``."""
    rows = session.execute(
        select(AuditEvent.action, AuditEvent.outcome, func.count())
        .where(AuditEvent.sequence > after, AuditEvent.sequence <= to)
        .group_by(AuditEvent.action, AuditEvent.outcome)
    )
    return {(action, outcome): count for action, outcome, count in rows}


def milestones(session: Session, actions: Sequence[AuditAction], after: int, to: int) -> tuple[Milestone, ...]:
    """The audit events of some actions, and all that are no success, in order, with numbers as in `events_between`."""
    noteworthy = or_(AuditEvent.outcome != AuditOutcome.SUCCESS, AuditEvent.action == AuditAction.REPORT_RECORDED)
    rows = session.execute(
        select(
            AuditEvent.at,
            AuditEvent.action,
            AuditEvent.outcome,
            AuditEvent.study_instance_uid,
            case((noteworthy, AuditEvent.detail)),
        )
        .where(
            AuditEvent.sequence > after,
            AuditEvent.sequence <= to,
            or_(AuditEvent.action.in_(actions), AuditEvent.outcome != AuditOutcome.SUCCESS),
        )
        .order_by(AuditEvent.sequence)
    )
    return tuple(Milestone(at, action, outcome, study, detail or {}) for at, action, outcome, study, detail in rows)


def stage_timings(session: Session, after: int, *, limit: int) -> tuple[tuple[int, Mapping[str, float]], ...]:
    """Of reports with ids above ``after``, in order: the id and the seconds that each stage of the analysis took."""
    rows: Any = session.execute(
        select(Report.id, Report.timings_s).where(Report.id > after).order_by(Report.id).limit(limit)
    ).all()
    return tuple((report_id, timings_s) for report_id, timings_s in rows)
