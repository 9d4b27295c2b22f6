"""Associations: who sent, and what each brought.

Every function takes a session of `db.session.Database.transaction` and leaves the commit to it.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import audit
from db.audit_actions import AuditAction, AuditOutcome
from db.states import AssociationOutcome, Disposition
from db.studies import audit_study
from db.tables import Association, AssociationStudy, Instance, Study


def open_association(
    session: Session,
    association_id: str,
    *,
    listener: str,
    calling_ae: str,
    called_ae: str,
    address: str,
    now: datetime,
) -> None:
    """An association was accepted by the process called ``listener``. A second call changes nothing."""
    if session.get(Association, association_id) is not None:
        return
    session.add(
        Association(
            id=association_id,
            listener=listener,
            calling_ae=calling_ae,
            called_ae=called_ae,
            address=address,
            opened_at=now,
        )
    )
    detail = {"association": association_id, "called_ae": called_ae, "address": address}
    audit.record(session, AuditAction.ASSOCIATION_OPENED, AuditOutcome.SUCCESS, now, who=calling_ae, detail=detail)


def close_association(session: Session, association_id: str, outcome: AssociationOutcome, now: datetime) -> None:
    """An association ended; what it brought is audited study by study. A second call changes nothing.

    Nor does the end of one that brought nothing and never came on record, as when the database did not answer.
    """
    association = session.get(Association, association_id, with_for_update=True)
    if association is None or association.closed_at is not None:
        return
    association.closed_at = now
    association.outcome = outcome
    ended = AuditOutcome.SUCCESS if outcome is AssociationOutcome.RELEASED else AuditOutcome.WARNING
    brought = session.execute(
        select(AssociationStudy, Study)
        .join(Study, Study.id == AssociationStudy.study_id)
        .where(AssociationStudy.association_id == association_id)
        .order_by(Study.id)
    ).all()
    others = session.scalars(
        select(Instance.id).where(
            Instance.association_id == association_id,
            Instance.disposition.in_((Disposition.REJECTED, Disposition.RETURNED)),
        )
    ).all()
    association.instance_count = len(others) + sum(
        count.accepted + count.duplicates + count.conflicts for count, _ in brought
    )
    for count, study in brought:
        audit_study(
            session,
            study,
            AuditAction.INSTANCES_RECEIVED,
            ended,
            now,
            who=association.calling_ae,
            detail={
                "association": association_id,
                "address": association.address,
                "accepted": count.accepted,
                "duplicates": count.duplicates,
                "conflicts": count.conflicts,
            },
        )
    audit.record(
        session,
        AuditAction.ASSOCIATION_CLOSED,
        ended,
        now,
        who=association.calling_ae,
        detail={"association": association_id, "outcome": outcome, "instances": association.instance_count},
    )


def lose_open_associations(session: Session, listener: str, now: datetime, *, except_for: Collection[str] = ()) -> int:
    """Close what ``listener`` held when it last stopped without closing it; to be called as it starts. Their number.

    Those in ``except_for`` stay open: intake has yet to take what they brought, and then closes them.
    """
    left_open = session.scalars(
        select(Association.id).where(
            Association.listener == listener,
            Association.closed_at.is_(None),
            Association.id.not_in(except_for),
        )
    ).all()
    for association_id in left_open:
        close_association(session, association_id, AssociationOutcome.LOST, now)
    return len(left_open)
