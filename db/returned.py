"""Results of the node that come back to it, as a PACS that routes whole studies sends them.

They are recognised by their SOP Instance UID, put on record as what they are, and change the state of nothing.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.reasons import Reason
from db.audit_actions import AuditAction, AuditOutcome
from db.intake import InstanceRecord, instance_row
from db.states import Disposition
from db.studies import audit_study, locked
from db.tables import Instance, Report, ResultObject, Study


def own_result(session: Session, sop_instance_uid: str) -> str | None:
    """Where the node's own result of this UID lies, relative to the spool; None if it has made none. Reads only."""
    return session.scalar(select(ResultObject.path).where(ResultObject.sop_instance_uid == sop_instance_uid))


def record_returned(session: Session, instance: InstanceRecord, sender: str, now: datetime, *, changed: bool) -> None:
    """Put on record that ``sender`` sent a result back, ``changed`` or as it was; a repetition is counted.

    Takes a session of `db.session.Database.transaction`.
    """
    study_uid = session.scalars(
        select(Study.study_instance_uid)
        .join(Report, Report.study_id == Study.id)
        .join(ResultObject, ResultObject.report_id == Report.id)
        .where(ResultObject.sop_instance_uid == instance.sop_instance_uid)
    ).one()
    study = locked(session, study_uid)
    study.let_go_until = None
    detail = f"Came back from {sender} {'with other content' if changed else 'as it was sent'}."
    known = session.scalar(
        select(Instance).where(
            Instance.sop_instance_uid == instance.sop_instance_uid, Instance.digest == instance.digest
        )
    )
    if known is not None:
        known.times_received += 1
        if known.disposition is Disposition.EXPIRED:
            known.disposition, known.path = Disposition.RETURNED, instance.path
    else:
        row = instance_row(instance, Disposition.RETURNED, now, study_uid=study_uid)
        row.reason, row.detail = Reason.OWN_RESULT, detail
        session.add(row)
        session.flush()
    audit_study(
        session,
        study,
        AuditAction.RESULT_RETURNED,
        AuditOutcome.WARNING if changed else AuditOutcome.SUCCESS,
        now,
        who=sender,
        sop_instance_uid=instance.sop_instance_uid,
        detail={"found": detail, "digest": instance.digest},
    )
