"""Delivery: result objects go to one destination; what was not accepted is retried or waits for a person."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from config.reasons import Reason
from config.settings import Destination, Settings
from db.delivery import ClaimedDelivery, claim_deliveries, record_not_sent, record_sent
from db.session import Database
from dicom_io.network.sender import SendOutcome, send
from node.names import delivery_name
from node.spool import Spool

log = structlog.get_logger()

_LEASE_S = 600.0
_FINAL = frozenset({Reason.DESTINATION_REFUSES_SOP_CLASS})


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
        """Send what is due; False if nothing was."""
        with self._database.transaction() as session:
            claims = claim_deliveries(session, self._destination.name, self._owner, _LEASE_S, self._clock())
        if not claims:
            return False
        files = [self._spool.folder / claim.path for claim in claims]
        outcomes = send(self._destination, files, self._calling_ae)
        for claim, outcome in zip(claims, outcomes, strict=True):
            self._record(claim, outcome)
        return True

    def _record(self, claim: ClaimedDelivery, outcome: SendOutcome) -> None:
        events = log.bind(
            destination=claim.destination,
            study=claim.study_uid,
            kind=claim.kind,
            sop_instance_uid=claim.sop_instance_uid,
        )
        now = self._clock()
        with self._database.transaction() as session:
            if outcome.reason is None:
                assert outcome.status is not None
                detail = outcome.detail if outcome.warning else None
                record_sent(session, claim, outcome.status, detail, now)
                events.info("result sent", warning=detail)
                return
            retry_at = None if outcome.reason in _FINAL else now + self._wait(claim.attempt)
            state = record_not_sent(
                session,
                claim,
                outcome.reason,
                outcome.detail,
                outcome.status,
                now,
                retry_at=retry_at,
                maximum_attempts=self._settings.maximum_attempts,
            )
            events.warning("result not sent", reason=outcome.reason, detail=outcome.detail, delivery=state)

    def _wait(self, attempt: int) -> timedelta:
        """Exponential back-off with jitter, so that many results do not return at once."""
        seconds = min(self._settings.last_retry_s, self._settings.first_retry_s * 2.0 ** (attempt - 1))
        return timedelta(seconds=seconds * random.uniform(1.0, 1.2))
