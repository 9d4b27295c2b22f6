"""How much a peer may make the listener hold in memory: one message of the length allowed, and no more."""

from typing import Any

import structlog
from pynetdicom import evt

log = structlog.get_logger()


def limit(event: evt.Event, maximum_object_mb: int) -> None:
    """Handler of ``EVT_CONN_OPEN``: a connection that brings more than is allowed is lost.

    pynetdicom collects the PDUs of a message without end. How long each may be, the reactor looks after.
    """
    limits = _Limits(event.assoc.dul.socket, maximum_object_mb * 2**20)
    event.assoc.bind(evt.EVT_DIMSE_RECV, limits.message_received)


class _Limits:
    def __init__(self, connection: Any, maximum_message_bytes: int) -> None:
        self._connection = connection
        self._read = connection.recv
        self._maximum_message_bytes = maximum_message_bytes
        self._message_bytes = 0
        connection.recv = self._recv

    def message_received(self, event: evt.Event) -> None:
        self._message_bytes = 0

    def _recv(self, count: int) -> Any:
        self._message_bytes += count
        if self._message_bytes > self._maximum_message_bytes:
            address = self._connection.assoc.requestor.address
            log.warning("more sent than allowed", address=address, message=self._message_bytes)
            self._connection.close()
            raise ConnectionAbortedError("more was sent than is allowed")
        return self._read(count)
