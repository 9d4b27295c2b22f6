"""Telling the audit trail to a collector, as DICOM audit messages by syslog."""

import os
import socket
import time
from collections.abc import Callable
from datetime import datetime

import structlog

from config.reasons import Refused
from config.settings import AuditCollector, Settings
from db.audit_actions import AuditOutcome
from db.audit_export import claim_export, events_after, is_told, record_export_failed, record_exported
from db.queries import AuditEntry
from db.session import Database
from dicom_io.network.syslog import Severity, SyslogMessage, send
from node.audit_messages import audit_message
from node.names import exporter_name

log = structlog.get_logger()

_BATCH = {"tls": 500, "udp": 20}
"""Events a connection; few by UDP, whose receivers drop what comes faster than they read."""

_FIRST_RETRY_S, _LAST_RETRY_S = 1.0, 60.0
_SEVERITIES = {
    AuditOutcome.SUCCESS: Severity.NOTICE,
    AuditOutcome.WARNING: Severity.WARNING,
    AuditOutcome.FAILURE: Severity.ERROR,
}


class AuditExport:
    """Tells one collector every event, in order and at least once, from where it stood; retries with back-off."""

    def __init__(
        self, collector: AuditCollector, database: Database, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._collector = collector
        self._database = database
        self._settings = settings
        self._clock = clock
        self._owner = exporter_name(settings)
        self._host = socket.gethostname()
        self._failures = 0
        self._retry_at = 0.0

    def step(self) -> bool:
        """Tell the next events. False if there are none, if another tells them, or if it is too early for a retry."""
        if time.monotonic() < self._retry_at:
            return False
        name = self._collector.name
        with self._database.reading() as session:
            if is_told(session, name):
                return False
        lease_s = 60.0 + 3 * self._collector.network_timeout_s
        with self._database.transaction() as session:
            told = claim_export(session, name, self._owner, lease_s, self._clock())
        if told is None:
            return False
        with self._database.reading() as session:
            events = events_after(session, told, _BATCH[self._collector.transport])
        try:
            send([self._message(event) for event in events], self._collector)
        except Refused as refused:
            self._postpone(refused)
            return False
        with self._database.transaction() as session:
            record_exported(session, name, self._owner, events, self._clock())
        if self._failures:
            log.info("audit collector is told again", collector=name)
        self._failures = 0
        return True

    def _postpone(self, refused: Refused) -> None:
        delay_s = min(_LAST_RETRY_S, _FIRST_RETRY_S * 2**self._failures)
        self._failures += 1
        self._retry_at = time.monotonic() + delay_s
        name, remark = self._collector.name, refused.remark
        log.warning("audit collector not told", collector=name, reason=remark.reason, detail=remark.detail)
        with self._database.transaction() as session:
            record_export_failed(session, name, self._owner, remark, self._clock())

    def _message(self, event: AuditEntry) -> SyslogMessage:
        content = audit_message(event, self._settings, self._host).to_xml()
        return SyslogMessage(_SEVERITIES[event.outcome], event.at, self._host, os.getpid(), content)
