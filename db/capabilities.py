"""What destinations said of themselves when they were last asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db import audit
from db.audit_actions import AuditAction, AuditOutcome
from db.tables import Capability


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a peer takes.

    ``peer``: AE title, host and port that were asked. ``accepted``: for every SOP Class asked about, the transfer
    syntaxes in which it is taken, none if it is refused. ``maximum_pdu_bytes`` is 0 for no limit.
    """

    peer: str
    asked_at: datetime
    accepted: Mapping[str, tuple[str, ...]]
    storage_commitment: bool
    implementation_class_uid: str
    implementation_version_name: str
    maximum_pdu_bytes: int

    @property
    def refused(self) -> frozenset[str]:
        """The SOP Classes that it does not take in any transfer syntax."""
        return frozenset(sop_class for sop_class, syntaxes in self.accepted.items() if not syntaxes)


def remember(session: Session, destination: str, found: Capabilities, who: str) -> None:
    """Put on record what a destination, by its name, has answered ``who``; it replaces what was known before."""
    session.merge(
        Capability(
            destination=destination,
            peer=found.peer,
            asked_at=found.asked_at,
            accepted={sop_class: list(syntaxes) for sop_class, syntaxes in found.accepted.items()},
            storage_commitment=found.storage_commitment,
            implementation_class_uid=found.implementation_class_uid,
            implementation_version_name=found.implementation_version_name,
            maximum_pdu_bytes=found.maximum_pdu_bytes,
        )
    )
    audit.record(
        session,
        AuditAction.DESTINATION_PROBED,
        AuditOutcome.SUCCESS,
        found.asked_at,
        who=who,
        detail={
            "destination": destination,
            "peer": found.peer,
            "accepts": sorted(set(found.accepted) - found.refused),
            "refuses": sorted(found.refused),
        },
    )


def forget(session: Session, destination: str) -> None:
    """Drop what is known of a destination, because it acted otherwise."""
    known = session.get(Capability, destination)
    if known is not None:
        session.delete(known)


def known_capabilities(session: Session, destination: str) -> Capabilities | None:
    """What a destination said when it was last asked; None if it never was. Reads only."""
    known = session.get(Capability, destination)
    if known is None:
        return None
    assert isinstance(known.accepted, dict)
    return Capabilities(
        peer=known.peer,
        asked_at=known.asked_at,
        accepted={sop_class: tuple(syntaxes) for sop_class, syntaxes in known.accepted.items()},
        storage_commitment=known.storage_commitment,
        implementation_class_uid=known.implementation_class_uid,
        implementation_version_name=known.implementation_version_name,
        maximum_pdu_bytes=known.maximum_pdu_bytes,
    )
