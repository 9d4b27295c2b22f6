"""Connections on which nobody has asked for an association yet: anybody can open them, so they hold up nobody."""

import contextlib
import socket
import threading
from typing import Any

from pynetdicom import evt

_MOST = 200


class Silent:
    """Keeps the newest 200 of a listener, and ends those that were silent before them. For several threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._associations: dict[Any, None] = {}  # pynetdicom makes an object of every connection, the oldest first

    def connected(self, event: evt.Event) -> None:
        """Handler of ``EVT_CONN_OPEN``."""
        with self._lock:
            self._associations[event.assoc] = None
            one_too_many = next(iter(self._associations)) if len(self._associations) > _MOST else None
            self._associations.pop(one_too_many, None)
        if one_too_many is not None:
            _hang_up(one_too_many)

    def ended(self, event: evt.Event) -> None:
        """Handler of ``EVT_REQUESTED`` and ``EVT_CONN_CLOSE``: it is silent no more."""
        with self._lock:
            self._associations.pop(event.assoc, None)

    def hang_up(self) -> None:
        """End them all, as the listener stops."""
        with self._lock:
            silent = list(self._associations)
        for association in silent:
            _hang_up(association)


def _hang_up(association: Any) -> None:
    """End a connection from outside its thread; pynetdicom's abort fails in this state, and then waits."""
    with contextlib.suppress(OSError, AttributeError, TypeError):  # it has ended by itself
        socket.socket.shutdown(association.dul.socket.socket, socket.SHUT_RDWR)
