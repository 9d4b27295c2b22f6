"""Telling the audit trail to collectors elsewhere: how far each has been told, and which process may tell it.

Every event is told at least once, in order. What was on its way when a collector or a node died is told again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from config.reasons import Remark
from db import audit
from db.audit_actions import AuditAction, AuditOutcome
from db.leases import held_by
from db.queries import AuditEntry, entry
from db.tables import AuditEvent, AuditExport


@dataclass(frozen=True, slots=True)
class CollectorState:
    """How far a collector has been told the trail, and since when and why it can't be told more."""

    collector: str
    sequence: int
    behind: int
    exported_at: datetime | None
    failing_since: datetime | None
    detail: str | None


def collector_states(session: Session) -> tuple[CollectorState, ...]:
    """All collectors that were ever told anything, by name. Reads only."""
    newest = audit.chain_head(session).sequence
    rows = session.scalars(select(AuditExport).order_by(AuditExport.collector))
    return tuple(
        CollectorState(
            row.collector, row.sequence, newest - row.sequence, row.exported_at, row.failing_since, row.detail
        )
        for row in rows
    )


def events_after(session: Session, sequence: int, limit: int) -> tuple[AuditEntry, ...]:
    """The ``limit`` events that follow event ``sequence``, in order. Reads only."""
    query = select(AuditEvent).where(AuditEvent.sequence > sequence).order_by(AuditEvent.sequence).limit(limit)
    return tuple(entry(event) for event in session.scalars(query))


def is_told(session: Session, collector: str) -> bool:
    """Whether a collector has been told everything. Reads only."""
    told = session.scalar(select(AuditExport.sequence).where(AuditExport.collector == collector))
    return audit.chain_head(session).sequence == (told or 0)


def claim_export(session: Session, collector: str, owner: str, lease_s: float, now: datetime) -> int | None:
    """The last event that a collector was told, which ``owner`` alone may now tell more; None while another may."""
    export = _locked(session, collector)
    taken = export.lease_expires_at is not None and export.lease_expires_at > now
    if taken and export.lease_owner != owner:
        return None
    export.lease_owner = owner
    export.lease_expires_at = now + timedelta(seconds=lease_s)
    return export.sequence


def record_exported(session: Session, collector: str, owner: str, events: Sequence[AuditEntry], now: datetime) -> bool:
    """A collector was told ``events``. False if the claim no longer holds: then another tells them, too."""
    export = _locked(session, collector)
    if export.lease_owner != owner or export.sequence != events[0].sequence - 1:
        return False
    if export.failing_since is not None:
        detail = {"collector": collector, "failing_since": export.failing_since.isoformat()}
        audit.record(session, AuditAction.AUDIT_EXPORT_RESUMED, AuditOutcome.SUCCESS, now, who=owner, detail=detail)
    export.sequence = events[-1].sequence
    export.exported_at = now
    export.failing_since = export.detail = export.lease_owner = export.lease_expires_at = None
    return True


def record_export_failed(session: Session, collector: str, owner: str, remark: Remark, now: datetime) -> None:
    """A collector can't be told. Audited when that begins, not at every try."""
    export = _locked(session, collector)
    if export.lease_owner != owner:
        return
    if export.failing_since is None:
        export.failing_since = now
        detail = {"collector": collector, "reason": remark.reason, "found": remark.detail}
        audit.record(session, AuditAction.AUDIT_EXPORT_FAILED, AuditOutcome.FAILURE, now, who=owner, detail=detail)
    export.detail = remark.detail
    export.lease_owner = export.lease_expires_at = None


def release_exports(session: Session, owner: str) -> None:
    """Take back from a dead owner, or from what was a part of it, what it was telling."""
    held = held_by(AuditExport.lease_owner, [owner])
    session.execute(update(AuditExport).where(held).values(lease_owner=None, lease_expires_at=None))


def _locked(session: Session, collector: str) -> AuditExport:
    export = session.get(AuditExport, collector, with_for_update=True)
    if export is None:
        export = AuditExport(collector=collector, sequence=0)
        session.add(export)
        session.flush()
    return export
