"""Delivery: result objects go to one destination; what it does not take is replaced, retried or waits for a person."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from pydicom.uid import UID
from sqlalchemy.exc import SQLAlchemyError

from config.reasons import Reason
from config.settings import Delivery as Retries
from config.settings import Destination, Settings
from db.capabilities import Capabilities, forget
from db.delivery import ClaimedDelivery, claim_deliveries, expire_deliveries, record_not_sent, record_sent
from db.session import Database
from db.substitution import replace_delivery
from dicom_io.network.sender import SendOutcome, send
from node.capabilities import ask_if_unknown, is_to_commit
from node.names import delivery_name
from node.result_files import file_digest
from node.spool import Spool

log = structlog.get_logger()

_AT_ONCE = 10
_LEASE_S = 600.0
_MOST_DOUBLINGS = 64


class Delivery:
    """Sends to one destination, so that a dead one delays no other.

    A few objects at once, so that their lease outlasts even a destination that takes its time with each. What becomes
    of one is put on record before the next is sent: whatever happens then, no more than one is sent again.
    """

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
        self._lease_s = max(_LEASE_S, 2 * _AT_ONCE * destination.network_timeout_s)
        self._interrupted = False
        self._unrecorded: Callable[[], None] | None = None

    def step(self) -> bool:
        """Send what is due; False if nothing was.

        Where the database did not answer, the next step puts on record what was found, and takes back what was not
        sent. What failed for another cause waits until its lease ends, and the others need not wait for it.
        """
        if self._unrecorded is not None:
            self._put_on_record(self._unrecorded)
        try:
            claims = self._claim()
            if claims:
                self._deliver(claims)
        except SQLAlchemyError:
            self._interrupted = True
            raise
        return bool(claims)

    def _claim(self) -> tuple[ClaimedDelivery, ...]:
        now, name = self._clock(), self._destination.name
        with self._database.transaction() as session:
            if self._interrupted:
                expire_deliveries(session, now, self._owner, destination=name)
            claims = claim_deliveries(session, name, self._owner, self._lease_s, now, limit=_AT_ONCE)
        self._interrupted = False
        return claims

    def _deliver(self, claims: Sequence[ClaimedDelivery]) -> None:
        """Send claimed objects, each as it is on record.

        One of a SOP Class that the destination is known to refuse is replaced by one that it takes. Where there is
        none, the object is sent all the same: the destination has the last word.
        """
        known = self._known()
        refused = known.refused if known else frozenset()
        due = {self._spool.folder / claim.path: claim for claim in claims if not self._replaced(claim, refused)}
        to_be_committed = is_to_commit(self._destination, known)
        refusals: list[tuple[ClaimedDelivery, SendOutcome]] = []

        def found(outcome: SendOutcome) -> None:
            claim = due[outcome.path]
            if _is_refusal(outcome):
                refusals.append((claim, outcome))
            else:
                self._put_on_record(partial(self._record, claim, outcome, to_be_committed=to_be_committed))

        changed = [path for path, claim in due.items() if _is_changed(path, claim.digest)]
        for path in changed:
            detail = f"{path} is not what is on record."
            found(SendOutcome(path, due[path].sop_instance_uid, None, Reason.INTERNAL_ERROR, detail))
        send(self._destination, [path for path in due if path not in changed], self._calling_ae, found)
        if {claim.sop_class_uid for claim, _ in refusals} - refused:
            known = self._known(anew=True)
            refused = known.refused if known else frozenset()
        refused |= {claim.sop_class_uid for claim, _ in refusals}
        for claim, outcome in refusals:
            if not self._replaced(claim, refused, outcome.detail):
                self._record(claim, outcome, to_be_committed=False)

    def _put_on_record(self, record: Callable[[], None]) -> None:
        """Record an outcome; one that the database does not take is kept in mind for the next step."""
        self._unrecorded = None
        try:
            record()
        except SQLAlchemyError:
            self._unrecorded = record
            raise

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
    seconds = min(settings.last_retry_s, settings.first_retry_s * 2.0 ** min(attempt - 1, _MOST_DOUBLINGS))
    return timedelta(seconds=seconds * random.uniform(1.0, 1.2))


def _is_refusal(outcome: SendOutcome) -> bool:
    """Whether the destination does not take such objects, and never will as it is."""
    return outcome.reason is Reason.DESTINATION_REFUSES_SOP_CLASS


def _is_changed(file: Path, digest: str) -> bool:
    """Whether a file is another than the one on record; what can't be read is not known to be, and is not sent."""
    try:
        return file_digest(file) != digest
    except OSError:
        return False
