"""What the retention policy lets go: received instances, never results, never what is on record about either.

Of a result that came back, the copy that came is a received instance.

An instance is first marked as expired, then its file is deleted, then its path is forgotten: whatever is interrupted in
between is taken up again. A study is marked with the last arrival that was let go, so that nobody looks at it again
before more comes: what was let go is soon the most of all that is on record. Every function takes a session of
`db.session.Database.transaction`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session

from db import audit
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue, inline
from db.states import Disposition, StudyState
from db.studies import audit_study
from db.tables import Instance, Series, Study

ENDS = frozenset({StudyState.DELIVERED, StudyState.COMMITTED, StudyState.REJECTED, StudyState.FAILED})
"""The states in which nothing is under way."""

RETENTION = "retention"
"""Who deletes, in the audit trail."""

_FILES_LOCK = 0x6669_6C65_73  # "files"
_KEPT = (Disposition.ACCEPTED, Disposition.CONFLICT, Disposition.RETURNED)


@dataclass(frozen=True, slots=True)
class Policy:
    """Studies in one of the states ``settled`` since ``settled_before``, and any ended before ``expired_before``.

    None: no study is let go for that.
    """

    settled: frozenset[StudyState]
    settled_before: datetime | None
    expired_before: datetime | None


@dataclass(frozen=True, slots=True)
class ExpiredFile:
    """A file to be deleted, relative to the spool; not if it is ``shared`` with an instance that is still kept."""

    instance_id: int
    path: str
    shared: bool


def expire_study(session: Session, policy: Policy, now: datetime) -> str | None:
    """Let go the received instances of the study that ended first of those the policy says; its UID, None if none."""
    due = []
    if policy.settled_before is not None:
        due.append(and_(Study.state.in_(policy.settled), _unchanged_since(policy.settled_before)))
    if policy.expired_before is not None:
        due.append(and_(Study.state.in_(ENDS), _unchanged_since(policy.expired_before)))
    if not due:
        return None
    while (study := _longest_unchanged(session, or_(*due))) is not None:
        study.let_go_until = study.last_arrival
        if _let_go(session, study, now):
            return study.study_instance_uid
    return None


def expire_rejected(session: Session, before: datetime, now: datetime) -> int:
    """Let go what could not be used and arrived before a moment; the number of instances."""
    old = (Instance.disposition == inline(Disposition.REJECTED), Instance.received_at <= before)
    count, size_bytes = session.execute(select(func.count(), func.sum(Instance.size_bytes)).where(*old)).one()
    if count:
        session.execute(update(Instance).where(*old).values(disposition=Disposition.EXPIRED))
        audit.record(
            session,
            AuditAction.INSTANCES_DELETED,
            AuditOutcome.SUCCESS,
            now,
            who=RETENTION,
            detail={"instances": count, "bytes": int(size_bytes or 0), "state": Disposition.REJECTED},
        )
    return int(count)


def hold_files(session: Session) -> None:
    """Keep every node from deleting files until the transaction ends; whoever records files calls it before it looks.

    So no file is deleted while an instance of the same content is taken in. SQLite has one writer at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(_FILES_LOCK)))


def delete_files(session: Session) -> None:
    """Keep every node from recording files until the transaction ends; see `hold_files`."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_FILES_LOCK)))


def expired_files(session: Session, *, limit: int = 200) -> tuple[ExpiredFile, ...]:
    """Files of expired instances that are still to be deleted. Reads only.

    Only files that could not be used may be shared: of the others there is one row for each UID and digest, and these
    make the path.
    """
    expired = (Instance.disposition == inline(Disposition.EXPIRED), Instance.path.is_not(None))
    rows = session.execute(select(Instance.id, Instance.path).where(*expired).order_by(Instance.id).limit(limit)).all()
    paths = [path for _, path in rows]
    kept = (Instance.disposition == inline(Disposition.REJECTED), Instance.path.in_(paths))
    shared = set(session.scalars(select(Instance.path).where(*kept).distinct()))
    return tuple(ExpiredFile(instance_id, str(path), path in shared) for instance_id, path in rows)


def forget_files(session: Session, files: Collection[ExpiredFile]) -> None:
    """Files of expired instances are gone."""
    session.execute(update(Instance).where(Instance.id.in_([file.instance_id for file in files])).values(path=None))


def _longest_unchanged(session: Session, due: ColumnElement[bool]) -> Study | None:
    """Of the studies that are due and of which something may still be kept, the one that ended first, locked."""
    return session.scalar(
        select(Study)
        .where(or_(Study.let_go_until.is_(None), Study.let_go_until < Study.last_arrival), due)
        .order_by(Study.updated_at, Study.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _let_go(session: Session, study: Study, now: datetime) -> bool:
    """Let go what is kept of a study; False if nothing is."""
    kept = (Instance.study_instance_uid == study.study_instance_uid, Instance.disposition.in_(_KEPT))
    count, size_bytes = session.execute(select(func.count(), func.sum(Instance.size_bytes)).where(*kept)).one()
    if not count:
        return False
    session.execute(update(Instance).where(*kept).values(disposition=Disposition.EXPIRED))
    session.execute(update(Series).where(Series.study_id == study.id).values(number_of_instances=0))
    found: dict[str, JsonValue] = {
        "instances": count,
        "bytes": int(size_bytes or 0),
        "state": study.state,
        "since": str(study.updated_at),
    }
    action, outcome = AuditAction.INSTANCES_DELETED, AuditOutcome.SUCCESS
    audit_study(session, study, action, outcome, now, who=RETENTION, detail=found)
    return True


def _unchanged_since(moment: datetime) -> ColumnElement[bool]:
    return and_(Study.updated_at <= moment, Study.last_arrival <= moment)
