"""The audit trail: append-only and hash-chained, so that a changed or missing event shows.

Events of a transaction wait in its session and are chained by `seal`, which `db.session.Database.transaction` calls
just before it commits. The chain's lock is thus the last that any transaction takes and is held for one insert: the
chain can't fork, two transactions can't wait for each other over it, and an event exists if and only if what it tells
of does.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue, canonical_json, storable
from db.tables import AuditEvent

__all__ = ["GENESIS", "AuditAction", "AuditOutcome", "ChainHead", "chain_head", "record", "seal", "verify_chain"]

GENESIS = "0" * 64
"""What stands for the hash before the first event."""

_PENDING = "audit events"
_CHUNK = 1000
_UNREADABLE = (ValueError, TypeError, LookupError, AttributeError)
"""What reading an event raises into which somebody wrote what its columns can't mean."""

_CHAIN_LOCK = 0x7570_7461_6B65  # "uptake"


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest event. Kept elsewhere, it is the anchor by which a chain that was cut short is recognised."""

    sequence: int
    hash: str


def record(
    session: Session,
    action: AuditAction,
    outcome: AuditOutcome,
    now: datetime,
    *,
    who: str,
    study_uid: str | None = None,
    sop_instance_uid: str | None = None,
    patient_id: str | None = None,
    detail: Mapping[str, JsonValue] | None = None,
) -> None:
    """Add an event to the transaction. ``who`` is an AE title, a user or a process; ``now`` has a time zone."""
    session.info.setdefault(_PENDING, []).append(
        {
            "at": now.astimezone(UTC),
            "action": action,
            "outcome": outcome,
            "who": storable(who),
            "study_instance_uid": _storable(study_uid),
            "sop_instance_uid": _storable(sop_instance_uid),
            "patient_id": _storable(patient_id),
            "detail": dict(detail or {}),
        }
    )


def seal(session: Session) -> None:
    """Chain the transaction's events. Afterwards nothing but the commit may follow."""
    events = session.info.pop(_PENDING, [])
    if not events:
        return
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_CHAIN_LOCK)))
    head = chain_head(session)
    for sequence, event in enumerate(events, head.sequence + 1):
        event |= {"sequence": sequence, "previous_hash": head.hash}
        head = ChainHead(sequence, _hash(event))
        event["hash"] = head.hash
    session.execute(insert(AuditEvent), events)


def chain_head(session: Session) -> ChainHead:
    """The newest event of the chain, or sequence 0 and `GENESIS` before the first."""
    newest = session.execute(
        select(AuditEvent.sequence, AuditEvent.hash).order_by(AuditEvent.sequence.desc()).limit(1)
    ).first()
    return ChainHead(*newest) if newest else ChainHead(0, GENESIS)


def verify_chain(session: Session, anchor: ChainHead | None = None) -> int | None:
    """The sequence number of the first event that was changed, inserted or is missing; None if the chain is whole.

    Without an ``anchor`` (an earlier `chain_head`) it can't be seen that the newest events were cut off.
    """
    head, at_once = ChainHead(0, GENESIS), _CHUNK
    while True:
        try:
            rows = _events_after(session, head.sequence, at_once)
        except _UNREADABLE:
            if at_once == 1:
                return head.sequence + 1
            at_once = 1  # to find out which of them it is
            continue
        if not rows:
            return head.sequence + 1 if anchor and anchor.sequence > head.sequence else None
        for row in rows:
            expected = head.sequence + 1
            if row["sequence"] != expected or row["previous_hash"] != head.hash or row["hash"] != _hash_if_any(row):
                return expected
            head = ChainHead(expected, row["hash"])
            if anchor and anchor.sequence == expected and anchor.hash != head.hash:
                return expected


def _events_after(session: Session, sequence: int, limit: int) -> Sequence[Mapping[str, Any]]:
    columns = AuditEvent.__table__.columns
    query = select(*columns).where(AuditEvent.sequence > sequence).order_by(AuditEvent.sequence).limit(limit)
    return [dict(row) for row in session.execute(query).mappings()]


def _hash_if_any(event: Mapping[str, Any]) -> str | None:
    """None for values that no event ever had, whose hash can't be computed."""
    try:
        return _hash(event)
    except _UNREADABLE:
        return None


def _hash(event: Mapping[str, Any]) -> str:
    """SHA-256 over the previous hash and the canonical JSON of the event."""
    told = {name: value for name, value in event.items() if name not in ("hash", "previous_hash")}
    told["at"] = event["at"].isoformat(timespec="microseconds")
    return hashlib.sha256(f"{event['previous_hash']}\n{canonical_json(told)}".encode()).hexdigest()


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)
