"""How much a peer may make the listener hold in memory: one PDU and one message of the lengths agreed, and no more."""

from typing import Any

import structlog
from pynetdicom import evt

log = structlog.get_logger()

LARGEST_OTHER_PDU_BYTES = 2**20
"""Far more than an association request with 128 presentation contexts has (PS3.8 Section 9.3.2)."""


def limit(event: evt.Event, maximum_pdu_bytes: int, maximum_object_mb: int) -> None:
    """Handler of ``EVT_CONN_OPEN``: a connection that brings more than is allowed is lost.

    pynetdicom reads a PDU of whatever length is announced, up to 4 GiB, and collects the PDUs of a message without end.
    """
    limits = _Limits(event.assoc.dul.socket, max(maximum_pdu_bytes, LARGEST_OTHER_PDU_BYTES), maximum_object_mb * 2**20)
    event.assoc.bind(evt.EVT_DIMSE_RECV, limits.message_received)


class _Limits:
    def __init__(self, connection: Any, maximum_pdu_bytes: int, maximum_message_bytes: int) -> None:
        self._connection = connection
        self._read = connection.recv
        self._maximum_pdu_bytes = maximum_pdu_bytes
        self._maximum_message_bytes = maximum_message_bytes
        self._message_bytes = 0
        connection.recv = self._recv

    def message_received(self, event: evt.Event) -> None:
        self._message_bytes = 0

    def _recv(self, count: int) -> Any:
        self._message_bytes += count
        if count > self._maximum_pdu_bytes or self._message_bytes > self._maximum_message_bytes:
            address = self._connection.assoc.requestor.address
            log.warning("more sent than allowed", address=address, pdu=count, message=self._message_bytes)
            self._connection.close()
            raise ConnectionAbortedError("more was sent than is allowed")
        return self._read(count)
