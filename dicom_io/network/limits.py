"""How much a peer may make the listener hold in memory: one message of the length allowed, and no more."""

from collections.abc import Callable
from typing import Any

from pynetdicom import evt

Exceeded = Callable[[Any], None]
"""Told of pynetdicom's association whose connection is closed for that."""


def limit(event: evt.Event, maximum_object_mb: int, exceeded: Exceeded) -> None:
    """Handler of ``EVT_CONN_OPEN``: a connection that brings more than is allowed is lost.

    pynetdicom collects the PDUs of a message without end. How long each may be, the reactor looks after.
    """
    limits = _Limits(event.assoc.dul.socket, maximum_object_mb * 2**20, exceeded)
    event.assoc.bind(evt.EVT_DIMSE_RECV, limits.message_received)


class _Limits:
    def __init__(self, connection: Any, maximum_message_bytes: int, exceeded: Exceeded) -> None:
        self._connection = connection
        self._read = connection.recv
        self._maximum_message_bytes = maximum_message_bytes
        self._exceeded = exceeded
        self._message_bytes = 0
        connection.recv = self._recv

    def message_received(self, event: evt.Event) -> None:
        self._message_bytes = 0

    def _recv(self, count: int) -> Any:
        self._message_bytes += count
        if self._message_bytes > self._maximum_message_bytes:
            self._exceeded(self._connection.assoc)
            self._connection.close()
            raise ConnectionAbortedError("more was sent than is allowed")
        return self._read(count)
