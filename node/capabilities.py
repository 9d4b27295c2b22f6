"""What a destination takes: asked once a day, and whenever it acts otherwise than it said."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from config.settings import Destination
from db.capabilities import Capabilities, known_capabilities, remember
from db.session import Database
from dicom_io.network.probe import ProbeResult, probe

log = structlog.get_logger()

_FRESH = timedelta(days=1)


def ask_if_unknown(
    database: Database, destination: Destination, calling_ae: str, who: str, clock: Callable[[], datetime]
) -> Capabilities | None:
    """What a destination takes, by what it said within the last day, or else by asking it. None if it does not answer.

    An answer is of the peer that gave it: a destination that was moved to another one is asked again.
    """
    with database.reading() as session:
        known = known_capabilities(session, destination.name)
    if known is not None and known.peer == _peer(destination) and clock() - known.asked_at < _FRESH:
        return known
    answer = capabilities(destination, probe(destination, calling_ae), clock())
    if answer is not None:
        with database.transaction() as session:
            remember(session, destination.name, answer, who)
        log.info("destination asked", destination=destination.name, refuses=sorted(answer.refused))
    return answer


def is_to_commit(destination: Destination, known: Capabilities | None) -> bool:
    """Whether a destination is asked for storage commitment: as the settings say, or else if it offers it."""
    if destination.storage_commitment is not None:
        return destination.storage_commitment
    return known is not None and known.storage_commitment


def capabilities(destination: Destination, found: ProbeResult, now: datetime) -> Capabilities | None:
    """The answer to a probe as it is remembered; None if there was none."""
    if not found.acceptances:
        return None
    return Capabilities(
        peer=_peer(destination),
        asked_at=now,
        accepted={
            str(one.sop_class_uid): tuple(str(uid) for uid in one.transfer_syntax_uids) for one in found.acceptances
        },
        storage_commitment=found.storage_commitment,
        implementation_class_uid=found.implementation_class_uid,
        implementation_version_name=found.implementation_version_name,
        maximum_pdu_bytes=found.maximum_pdu_bytes,
    )


def _peer(destination: Destination) -> str:
    return f"{destination.ae_title}@{destination.host}:{destination.port}"
