"""Delivery: result objects go to one destination; what it does not take is replaced, retried or waits for a person."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydicom.uid import UID

from config.reasons import Reason
from config.settings import Delivery as Retries
from config.settings import Destination, Settings
from db.capabilities import Capabilities, forget
from db.delivery import ClaimedDelivery, claim_deliveries, record_not_sent, record_sent
from db.session import Database
from db.substitution import replace_delivery
from dicom_io.network.sender import SendOutcome, send
from node.capabilities import ask_if_unknown, is_to_commit
from node.names import delivery_name
from node.spool import Spool

log = structlog.get_logger()

_LEASE_S = 600.0


class Delivery:
    """Sends to one destination, so that a dead one delays no other."""

    def __init__(
        self,
        destination: Destination,
        database: Database,
        spool: Spool,
        settings: Settings,
        clock: Callable[[], datetime],
    ) -> None:
        self._destination = destination
        self._database = database
        self._spool = spool
        self._calling_ae = settings.listener.ae_title
        self._settings = settings.delivery
        self._owner = delivery_name(settings)
        self._clock = clock

    def step(self) -> bool:
        """Send what is due; False if nothing was.

        An object of a SOP Class that the destination is known to refuse is replaced by one that it takes. Where there
        is none, the object is sent all the same: the destination has the last word.
        """
        with self._database.transaction() as session:
            claims = claim_deliveries(session, self._destination.name, self._owner, _LEASE_S, self._clock())
        if not claims:
            return False
        known = self._known()
        refused = known.refused if known else frozenset()
        claims = tuple(claim for claim in claims if not self._replaced(claim, refused))
        outcomes = send(self._destination, [self._spool.folder / claim.path for claim in claims], self._calling_ae)
        refusals = frozenset(
            claim.sop_class_uid for claim, outcome in zip(claims, outcomes, strict=True) if _is_refusal(outcome)
        )
        if refusals - refused:
            known = self._known(anew=True)
            refused = refusals | (known.refused if known else frozenset())
        for claim, outcome in zip(claims, outcomes, strict=True):
            if not _is_refusal(outcome) or not self._replaced(claim, refused, outcome.detail):
                self._record(claim, outcome, to_be_committed=is_to_commit(self._destination, known))
        return True

    def _known(self, *, anew: bool = False) -> Capabilities | None:
        """What the destination takes; asked ``anew`` where it acted otherwise than it said."""
        if anew:
            with self._database.transaction() as session:
                forget(session, self._destination.name)
        return ask_if_unknown(self._database, self._destination, self._calling_ae, self._owner, self._clock)

    def _replaced(self, claim: ClaimedDelivery, refused: frozenset[str], detail: str = "") -> bool:
        """Whether the destination, which refuses some SOP Classes, gets something else, or nothing, instead."""
        if claim.sop_class_uid not in refused:
            return False
        detail = detail or f"{self._destination.ae_title} said that it does not take {UID(claim.sop_class_uid).name}."
        with self._database.transaction() as session:
            state = replace_delivery(session, claim, detail, refused, self._clock())
        if state is None:
            return False
        self._events(claim).warning("result not taken", delivery=state, detail=detail)
        return True

    def _record(self, claim: ClaimedDelivery, outcome: SendOutcome, *, to_be_committed: bool) -> None:
        events = self._events(claim)
        now = self._clock()
        with self._database.transaction() as session:
            if outcome.reason is None:
                assert outcome.status is not None
                detail = outcome.detail if outcome.warning else None
                record_sent(session, claim, outcome.status, detail, now, to_be_committed=to_be_committed)
                events.info("result sent", warning=detail)
                return
            state = record_not_sent(
                session,
                claim,
                outcome.reason,
                outcome.detail,
                outcome.status,
                now,
                retry_at=None if _is_refusal(outcome) else now + back_off(self._settings, claim.attempt),
                maximum_attempts=self._settings.maximum_attempts,
            )
            events.warning("result not sent", reason=outcome.reason, detail=outcome.detail, delivery=state)

    def _events(self, claim: ClaimedDelivery) -> Any:
        return log.bind(
            destination=claim.destination,
            study=claim.study_uid,
            kind=str(claim.kind),
            sop_instance_uid=claim.sop_instance_uid,
        )


def back_off(settings: Retries, attempt: int) -> timedelta:
    """How long to wait after so many attempts: exponential, with jitter, so that many results do not return at once."""
    seconds = min(settings.last_retry_s, settings.first_retry_s * 2.0 ** (attempt - 1))
    return timedelta(seconds=seconds * random.uniform(1.0, 1.2))


def _is_refusal(outcome: SendOutcome) -> bool:
    """Whether the destination does not take such objects, and never will as it is."""
    return outcome.reason is Reason.DESTINATION_REFUSES_SOP_CLASS
