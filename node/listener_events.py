"""What the listener tells: into the database and onto the audit trail, as soon as these take it."""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog

from config.reasons import Reason, Remark
from db import audit
from db.associations import close_association, open_association
from db.audit_actions import AuditAction, AuditOutcome
from db.session import Database
from db.states import AssociationOutcome
from dicom_io.network.listener import AssociationInfo, Outcome
from node.names import utc_now
from node.spool import Spool
from node.trouble import is_of_machine

log = structlog.get_logger()

_MOST_DUE = 10_000
_LONGEST_UID = 64


class ListenerEvents:
    """What the listener reports goes into the database, and into the audit trail with it.

    The end of an association that brought instances goes into the journal behind them, for intake to take in order.
    What database or disk don't take waits for them, in order: the newest 10,000 events.
    """

    def __init__(self, database: Database, spool: Spool, listener: str) -> None:
        self._database = database
        self._spool = spool
        self._listener = listener
        self._due: deque[Callable[[], None]] = deque(maxlen=_MOST_DUE)
        self._turn = threading.Lock()

    def association_opened(self, association: AssociationInfo) -> None:
        self._record(partial(self._open, association))

    def association_closed(self, association: AssociationInfo, outcome: Outcome, stored: int) -> None:
        log.info("association closed", association=association.id, outcome=outcome, stored=stored)
        self._record(partial(self._close, association.id, AssociationOutcome(outcome), utc_now()))

    def association_rejected(self, association: AssociationInfo, remark: Remark) -> None:
        self._refused(association, AuditAction.ASSOCIATION_REFUSED, remark, None)

    def instance_refused(self, association: AssociationInfo, sop_instance_uid: str, remark: Remark) -> None:
        self._refused(association, AuditAction.INSTANCE_REJECTED, remark, sop_instance_uid[:_LONGEST_UID])

    def catch_up(self) -> None:
        """Put on record what waits, as far as database and disk take it, unless that is under way."""
        if self._turn.acquire(blocking=False):
            try:
                self._work_off()
            finally:
                self._turn.release()

    def _refused(
        self, association: AssociationInfo, action: AuditAction, remark: Remark, sop_instance_uid: str | None
    ) -> None:
        log.warning(str(action), reason=remark.reason, detail=remark.detail, calling_ae=association.calling_ae)
        self._record(partial(self._audit, association, action, remark, sop_instance_uid, utc_now()))

    def _record(self, event: Callable[[], None]) -> None:
        with self._turn:
            self._due.append(event)
            self._work_off()

    def _work_off(self) -> None:
        while self._due:
            try:
                self._due[0]()
            except Exception as error:
                if is_of_machine(error):
                    log.warning("events wait", count=len(self._due), error=type(error).__name__)
                    return
                # What the database never takes must not keep the rest waiting.
                log.exception("event not on record", reason=Reason.INTERNAL_ERROR)
            self._due.popleft()

    def _open(self, association: AssociationInfo) -> None:
        with self._database.transaction() as session:
            open_association(
                session,
                association.id,
                listener=self._listener,
                calling_ae=association.calling_ae,
                called_ae=association.called_ae,
                address=association.address,
                now=association.at,
            )

    def _close(self, association_id: str, outcome: AssociationOutcome, now: datetime) -> None:
        if not self._spool.end_association(association_id, outcome):
            with self._database.transaction() as session:
                close_association(session, association_id, outcome, now)

    def _audit(
        self,
        association: AssociationInfo,
        action: AuditAction,
        remark: Remark,
        sop_instance_uid: str | None,
        now: datetime,
    ) -> None:
        with self._database.transaction() as session:
            audit.record(
                session,
                action,
                AuditOutcome.FAILURE,
                now,
                who=association.calling_ae,
                sop_instance_uid=sop_instance_uid,
                detail={"reason": remark.reason, "found": remark.detail, "address": association.address},
            )
