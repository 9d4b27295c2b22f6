"""Storage commitment: destinations are asked to answer for what they have stored, and their answers go on record."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from config.settings import Destination, Settings
from db.commitment import (
    Patience,
    cease_commitments,
    claim_commitment,
    expire_commitments,
    is_commitment_due,
    record_answer,
    record_not_requested,
    record_requested,
)
from db.session import Database
from dicom_io.network.commitment import FOR_GOOD, Answers, new_transaction_uid, request_commitment
from node.delivery import back_off
from node.names import delivery_name
from node.spool import Spool

log = structlog.get_logger()


class Commitment:
    """Asks one destination."""

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
        self._answers = Answers(spool.own)
        self._settings = settings
        self._owner = delivery_name(settings)
        self._is_required = destination.storage_commitment is True
        self._lease_s = 4 * destination.network_timeout_s + settings.commitment.association_s
        self._clock = clock

    def step(self) -> bool:
        """Ask for the objects of one report; False if nothing is due."""
        now, name = self._clock(), self._destination.name
        with self._database.reading() as session:
            if not is_commitment_due(session, name, now):
                return False
        with self._database.transaction() as session:
            if self._destination.storage_commitment is False:
                return cease_commitments(session, name, now) > 0
            expire_commitments(session, name, now, patience(self._settings, now), required=self._is_required)
            claim = claim_commitment(session, name, new_transaction_uid(), self._owner, self._lease_s, now)
        if claim is None:
            return False
        events = log.bind(destination=name, study=claim.study_uid, transaction=claim.transaction_uid)
        remark = request_commitment(
            self._destination,
            self._settings.listener.ae_title,
            claim.transaction_uid,
            claim.instances,
            self._answers,
            self._settings.commitment.association_s,
        )
        now = self._clock()
        with self._database.transaction() as session:
            if remark is None:
                record_requested(session, claim, now + timedelta(seconds=self._settings.commitment.answer_s))
                events.info("commitment requested", objects=len(claim.instances))
            else:
                record_not_requested(
                    session,
                    claim,
                    remark.reason,
                    remark.detail,
                    now,
                    patience(self._settings, now),
                    required=self._is_required,
                )
                events.warning("commitment not requested", reason=remark.reason, detail=remark.detail)
        return True


class CommitmentAnswers:
    """Puts on record what destinations have answered, on whichever association."""

    def __init__(self, database: Database, spool: Spool, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._answers = Answers(spool.own)
        self._settings = settings
        self._clock = clock

    def step(self) -> bool:
        """Record all answers that wait; False if there are none."""
        files = list(self._answers.waiting())
        for file, answer in files:
            now = self._clock()
            with self._database.transaction() as session:
                known = record_answer(
                    session,
                    answer.transaction_uid,
                    answer.committed,
                    answer.failed,
                    answer.peer,
                    now,
                    patience(self._settings, now),
                    for_good=FOR_GOOD,
                )
            file.unlink(missing_ok=True)
            events = log.bind(transaction=answer.transaction_uid, peer=answer.peer)
            if not known:
                events.warning("commitment to a request that was never made")
            elif answer.failed:
                events.warning("not committed", objects=len(answer.failed), committed=len(answer.committed))
            else:
                events.info("committed", objects=len(answer.committed))
        return bool(files)


def patience(settings: Settings, now: datetime) -> Patience:
    """Retries as for deliveries, which commitment belongs to."""
    return Patience(settings.delivery.maximum_attempts, lambda attempts: now + back_off(settings.delivery, attempts))
