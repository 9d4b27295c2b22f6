"""pynetdicom's threads woken by what happens, where its own look for it every millisecond, and its socket read at length.

The protocol stays pynetdicom's: its state machine, its loops and its messages run as they are. Only how they wait and how
much they read at once is told here. ``install`` puts these classes where pynetdicom looks for its own.
"""

import contextlib
import queue
import select
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pynetdicom.ae
import pynetdicom.association
import pynetdicom.transport
from pynetdicom.association import Association as StockAssociation
from pynetdicom.dul import DULServiceProvider
from pynetdicom.transport import AssociationSocket

from dicom_io.network.checkpoint import Checkpoint

_READ_BYTES = 1 << 20
_SHORTEST_WAIT_S = 0.001
_CLOSING = "Sta13"  # PS3.8 Section 9.2.1: awaiting the end of the connection


def install() -> None:
    """Let every association that this process opens or accepts from now on be of these classes."""
    pynetdicom.association.DULServiceProvider = Provider
    pynetdicom.association.Association = pynetdicom.ae.Association = Association
    pynetdicom.transport.AssociationSocket = pynetdicom.ae.AssociationSocket = Socket


class Provider(DULServiceProvider):
    """The upper layer service provider (PS3.8), whose thread waits for bytes, primitives and timers together."""

    def __init__(self, association: Any) -> None:
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._ringer.setblocking(False)
        self._ended = False
        super().__init__(association)
        self.to_provider_queue = _Queue(self._ring)

    @property
    def _kill_thread(self) -> bool:
        return self._ended

    @_kill_thread.setter
    def _kill_thread(self, ended: bool) -> None:
        self._ended = ended
        self._ring()

    def run_reactor(self) -> None:
        try:
            super().run_reactor()
        finally:
            self.assoc._reactor_checkpoint.announce()

    def _process_recv_primitive(self) -> bool:
        self._wait()
        return bool(super()._process_recv_primitive())

    def _wait(self) -> None:
        """Until there is something to do for pynetdicom's loop, which then finds out what it is."""
        connection = self.socket.socket if self.socket is not None and self.socket._is_connected else None
        if self._ended or self.to_provider_queue.queue or self.event_queue.queue:
            return
        if connection is not None and self.state_machine.current_state == _CLOSING:
            return
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return
        sources = [self._bell] if connection is None else [self._bell, connection]
        with contextlib.suppress(OSError, ValueError):  # the connection was closed: the loop sees to it
            select.select(sources, [], [], max(_SHORTEST_WAIT_S, self.artim_timer.remaining))
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # it rings already
            self._ringer.send(b"\0")


class Association(StockAssociation):
    """An association whose thread waits for a message, a release, an abort or the network time-out."""

    def __init__(self, entity: Any, mode: str) -> None:
        super().__init__(entity, mode)
        self._reactor_checkpoint = Checkpoint(self, self._has_work)
        self.dimse.msg_queue = _Queue(self._reactor_checkpoint.announce)
        self.dul.to_user_queue = _Queue(self._reactor_checkpoint.announce)

    def _has_work(self) -> float:
        """Seconds until pynetdicom's loop is to look again, 0 for now."""
        if self._kill or self.dul._kill_thread or self.dimse.msg_queue.queue or self.dul.to_user_queue.queue:
            return 0.0
        return max(0.0, float(self.dul._idle_timer.remaining))


class Socket(AssociationSocket):
    """A connection that is read in few calls."""

    def recv(self, nr_bytes: int) -> bytearray:
        """Up to ``nr_bytes``, fewer if the peer closes the connection; memory grows with what has come."""
        received = bytearray()
        while (missing := nr_bytes - len(received)) > 0:
            piece = self.socket.recv(min(missing, _READ_BYTES))
            if not piece:
                break
            received += piece
        return received


class _Queue(queue.Queue[Any]):
    """A queue that tells when something was put into it."""

    def __init__(self, announce: Callable[[], None]) -> None:
        super().__init__()
        self._announce = announce

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._announce()
