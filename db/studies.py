"""One study's row: find it, lock it, move it to its next state."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.reasons import Reason, UptakeError
from db import audit
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue
from db.states import STUDY_TRANSITIONS, StudyState, transition
from db.tables import Study


class UnknownStudy(UptakeError):
    """There is no study of that UID."""

    def __init__(self, study_uid: str) -> None:
        super().__init__(f"{study_uid}: the node has received no study of this UID.")


def locked(session: Session, study_uid: str) -> Study:
    """The study, locked until the transaction ends.

    Whoever needs other rows of a study too locks the study first, so that transactions never wait in a circle.

    Raises
    ------
    UnknownStudy
        If it never arrived.
    """
    study = locked_if_any(session, study_uid)
    if study is None:
        raise UnknownStudy(study_uid)
    return study


def locked_if_any(session: Session, study_uid: str) -> Study | None:
    """The study, locked until the transaction ends; None if it never arrived."""
    return session.scalar(
        select(Study)
        .where(Study.study_instance_uid == study_uid)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def move(study: Study, to: StudyState, now: datetime, reason: Reason | None = None, detail: str | None = None) -> None:
    """Put a locked study into its next state. A lease and a waiting time end with the state that they belong to.

    Raises
    ------
    IllegalTransition
        If the state doesn't lead there.
    """
    study.state = transition(STUDY_TRANSITIONS, study.state, to)
    study.reason = reason
    study.detail = detail
    study.lease_owner = None
    study.lease_expires_at = None
    study.next_attempt_at = None
    study.updated_at = now


def audit_study(
    session: Session,
    study: Study,
    action: AuditAction,
    outcome: AuditOutcome,
    now: datetime,
    *,
    who: str,
    sop_instance_uid: str | None = None,
    detail: Mapping[str, JsonValue] | None = None,
) -> None:
    """An audit event about a study and its present revision."""
    audit.record(
        session,
        action,
        outcome,
        now,
        who=who,
        study_uid=study.study_instance_uid,
        sop_instance_uid=sop_instance_uid,
        patient_id=study.patient_id,
        detail={"revision": study.revision, **(detail or {})},
    )
