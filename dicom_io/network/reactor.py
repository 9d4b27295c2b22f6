"""pynetdicom's threads woken by what happens, where its own look for it every millisecond; its socket, read at length.

The protocol stays pynetdicom's: its state machine, its loops and its messages run as they are. What is told here is how
they wait, how much they read at once, how long a PDU may be and may take, and how the commonest answer is encoded.
`make test-reactor` runs pynetdicom's own tests against it.
"""

import contextlib
import queue
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pynetdicom.ae
import pynetdicom.association
import pynetdicom.transport
from pynetdicom import evt
from pynetdicom.association import Association as StockAssociation
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.dul import DULServiceProvider
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import AssociationSocket

from dicom_io.network.checkpoint import Checkpoint
from dicom_io.network.store_response import encode_success

LOOK_S = 0.2
"""How often pynetdicom's loops look for what nobody tells them: that a timer has run out."""

LONGEST_OTHER_PDU_BYTES = 2**20
"""Far more than an association request with 128 presentation contexts has (PS3.8 Section 9.3.2)."""

MOST_MESSAGES_AHEAD = 4
"""Messages that wait for their service before no more is read: a peer may send on without awaiting answers."""

_PDV_HEADER_BYTES = 6  # length, context and message control header (PS3.8 Section 9.3.5.1, Annex E.2)
_LAST_COMMAND_FRAGMENT = b"\x03"
_TRANSFERRING = "Sta6"  # PS3.8 Section 9.2.1: association established and ready for data transfer
_CLOSING = "Sta13"  # PS3.8 Section 9.2.1: awaiting the end of the connection


def install() -> None:
    """Let every association that this process opens or accepts from now on be of these classes."""
    pynetdicom.association.DULServiceProvider = UpperLayer
    pynetdicom.association.DIMSEServiceProvider = Messages
    pynetdicom.association.Association = pynetdicom.ae.Association = Association
    pynetdicom.transport.AssociationSocket = pynetdicom.ae.AssociationSocket = Socket


class Association(StockAssociation):
    """An association whose thread waits for a message, a release, an abort or the end of the connection."""

    def __init__(self, entity: Any, mode: str) -> None:
        super().__init__(entity, mode)
        self._reactor_checkpoint = Checkpoint(self, self._is_idle, LOOK_S)
        self._messages = self.dimse.msg_queue = _Queue(self._reactor_checkpoint.announce, self._read_on)
        self._primitives = self.dul.to_user_queue = _Queue(self._reactor_checkpoint.announce)

    @property
    def _is_paused(self) -> bool:
        """Threads that serve an N-EVENT-REPORT write this, too; who stands at the checkpoint is paused all the same."""
        return self._said_paused or self._reactor_checkpoint.is_parked

    @_is_paused.setter
    def _is_paused(self, paused: bool) -> None:
        self._said_paused = paused

    def _read_on(self) -> None:
        """When a message was taken and there is room for one again."""
        if len(self._messages.queue) == MOST_MESSAGES_AHEAD - 1:
            self.dul._ring()

    def _is_idle(self) -> bool:
        return not (self._kill or self.dul._kill_thread or self._messages.queue or self._primitives.queue)


class UpperLayer(DULServiceProvider):
    """The upper layer service provider (PS3.8), whose thread waits for bytes and primitives together."""

    def __init__(self, association: Any) -> None:
        self._bell: _Bell | None = None
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
        with _Bell() as self._bell:
            super().run_reactor()
        self.assoc._reactor_checkpoint.announce()

    def _process_recv_primitive(self) -> bool:
        self._wait()
        return bool(super()._process_recv_primitive())

    def _is_transport_event(self) -> bool:
        """TCP holds the peer up while the messages that it sent before are served."""
        return not self._is_ahead and bool(super()._is_transport_event())

    @property
    def _is_ahead(self) -> bool:
        behind = self.assoc.is_acceptor and self.state_machine.current_state == _TRANSFERRING
        return behind and len(self.assoc._messages.queue) >= MOST_MESSAGES_AHEAD

    def _wait(self) -> None:
        """Until there is something to do for pynetdicom's loop, which then finds out what it is."""
        connection = self.socket.socket if self.socket is not None and self.socket._is_connected else None
        if self._ended or self.to_provider_queue.queue or self.event_queue.queue:
            return
        if self._is_ahead:
            connection = None
        if connection is not None and self.state_machine.current_state == _CLOSING:
            return
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return
        assert self._bell is not None
        self._bell.wait(connection, LOOK_S)

    def _ring(self) -> None:
        if self._bell is not None:
            self._bell.ring()


class Messages(DIMSEServiceProvider):
    """The message service provider (PS3.7); answers a successful C-STORE without pydicom, for a third of the time."""

    def send_msg(self, primitive: Any, context_id: int) -> None:
        if not self._is_plain_success(primitive):
            super().send_msg(primitive, context_id)
            return
        command = encode_success(
            primitive.MessageIDBeingRespondedTo, primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID
        )
        if 0 < self.maximum_pdu_size < len(command) + _PDV_HEADER_BYTES:
            super().send_msg(primitive, context_id)
            return
        data = P_DATA()
        data.presentation_data_value_list.append((context_id, _LAST_COMMAND_FRAGMENT + command))
        self.dul.send_pdu(data)

    def _is_plain_success(self, primitive: Any) -> bool:
        """Whether it is an answer that ``encode_success`` gives, with nobody listening to what is sent."""
        return (
            isinstance(primitive, C_STORE)
            and None not in (primitive.MessageIDBeingRespondedTo, primitive.AffectedSOPClassUID)
            and primitive.AffectedSOPInstanceUID is not None
            and primitive.Status == 0x0000
            and primitive.OffendingElement is None
            and primitive.ErrorComment is None
            and not self.assoc.get_handlers(evt.EVT_DIMSE_SENT)
        )


class Socket(AssociationSocket):
    """A connection that is read in few calls, on which no PDU is longer than announced or takes longer than allowed."""

    def recv(self, nr_bytes: int) -> bytearray:
        """The next ``nr_bytes``, fewer if the peer closes the connection.

        Raises
        ------
        OSError
            If they are more than were announced as the longest PDU (PS3.8 Section D.1), where that was limited, and
            than any request for an association takes, or if they are not there when the socket's time-out is over:
            then pynetdicom takes the connection for closed.
        """
        limit = self._longest_pdu_bytes
        if nr_bytes > limit > 0:
            raise OSError(f"A PDU of {nr_bytes} bytes was announced, {limit} are the most.")
        timeout_s = self.socket.gettimeout()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        received = bytearray(nr_bytes)
        view, count = memoryview(received), 0
        while count < nr_bytes:
            read = self.socket.recv_into(view[count:])
            if not read:
                break
            count += read
            if deadline is not None and count < nr_bytes and time.monotonic() > deadline:
                raise TimeoutError(f"{count} of {nr_bytes} bytes of a PDU came in {timeout_s:g} s.")
        return received[:count] if count < nr_bytes else received

    @property
    def _longest_pdu_bytes(self) -> int:
        own = self.assoc.acceptor if self.assoc.is_acceptor else self.assoc.requestor
        announced = int(own.maximum_length)
        return announced and max(announced, LONGEST_OTHER_PDU_BYTES)


class _Queue(queue.Queue[Any]):
    """A queue that tells when something was put into it, and when something was taken."""

    def __init__(self, announce: Callable[[], None], taken: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self._announce = announce
        self._taken = taken

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._announce()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        item = super().get(block, timeout)
        self._taken()
        return item


class _Bell:
    """Wakes a thread that waits for a connection."""

    def __enter__(self) -> "_Bell":
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)
        self._lock = threading.Lock()  # a rope that is closed while it is pulled could be another connection by then
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._bell.close()
            self._rope.close()

    def ring(self) -> None:
        with self._lock, contextlib.suppress(OSError):  # it rings already, or nobody waits any more
            self._rope.send(b"\x00")

    def wait(self, connection: socket.socket | None, timeout_s: float) -> None:
        """Until the bell rings, the connection can be read or is gone, or time is over."""
        sources = [self._bell] if connection is None else [self._bell, connection]
        with contextlib.suppress(OSError, ValueError):  # closed by another thread, which the caller will find out
            select.select(sources, [], [], timeout_s)
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)
