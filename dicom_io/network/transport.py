"""What every association of the node has in common, listening and sending: socket options, identity, negotiation."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.pixels import get_decoder
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
)
from pynetdicom import AE, ALL_TRANSFER_SYNTAXES, _config, evt
from pynetdicom.pdu import A_ABORT_RQ
from pynetdicom.presentation import PresentationContext

from config.reasons import Reason, Refused
from config.settings import Destination
from dicom_io.identity import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from dicom_io.network import reactor
from dicom_io.network.tls import mistrust, sending_context

MAXIMUM_PDU_BYTES = 131072
ACSE_TIMEOUT_S = 30.0

# pynetdicom formats a log record for every message although nobody listens; the node reports what matters itself.
_config.LOG_HANDLER_LEVEL = "none"
# A file given to send_c_store is sent as its bytes are, in pieces, instead of being parsed and encoded again.
_config.STORE_SEND_CHUNKED_DATASET = True
reactor.install()

_UNCOMPRESSED = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
)
_LOSSY = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless, JPEG2000, HTJ2K})


def readable_transfer_syntaxes() -> tuple[UID, ...]:
    """The transfer syntaxes that pydicom can read with the decoders installed, in order of preference.

    The acceptor's order decides where a sender leaves a choice, so lossy ones are last: nobody shall compress for us.
    """
    compressed = [UID(uid) for uid in ALL_TRANSFER_SYNTAXES if UID(uid).is_compressed]
    decodable = [uid for uid in compressed if _has_decoder(uid)]
    return _UNCOMPRESSED + tuple(sorted(decodable, key=lambda uid: uid in _LOSSY))


def application_entity(ae_title: str, network_timeout_s: float) -> AE:
    """A pynetdicom AE that bears the node's implementation identity and gives up after a silence."""
    entity = AE(ae_title)
    entity.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.maximum_pdu_size = MAXIMUM_PDU_BYTES
    entity.network_timeout = network_timeout_s
    entity.connection_timeout = network_timeout_s
    entity.dimse_timeout = network_timeout_s
    entity.acse_timeout = min(network_timeout_s, ACSE_TIMEOUT_S)
    return entity


def prepare_socket(event: evt.Event, timeout_s: float) -> None:
    """Handler of ``EVT_CONN_OPEN``: no Nagle delay, and no peer that falls silent inside a PDU holds a thread for ever.

    Without TCP_NODELAY, Nagle's algorithm and delayed acknowledgements cost about 44 ms an object. pynetdicom leaves
    its sockets without a timeout once they are connected.
    """
    connection: socket.socket = event.assoc.dul.socket.socket
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.settimeout(timeout_s)


class Association:
    """An association with a destination that accepted at least one presentation context."""

    def __init__(self, handle: Any, watch: "_Watch", destination: Destination) -> None:
        self._handle = handle
        self._watch = watch
        self._destination = destination
        self.where = _place(destination)

    def accepted(self, sop_class_uid: str) -> frozenset[UID]:
        """The transfer syntaxes in which the destination takes instances of a SOP Class."""
        return frozenset(
            context.transfer_syntax[0]
            for context in self._handle.accepted_contexts
            if context.abstract_syntax == sop_class_uid
        )

    @property
    def implementation(self) -> tuple[str, str]:
        """The peer's Implementation Class UID and Version Name, empty if it gave none (PS3.7 Section D.3.3.2)."""
        peer = self._handle.acceptor
        return str(peer.implementation_class_uid or ""), str(peer.implementation_version_name or "")

    @property
    def maximum_pdu_bytes(self) -> int:
        """The longest PDU that the peer takes; 0 for any (PS3.8 Section D.1)."""
        return int(self._handle.acceptor.maximum_length)

    def request(self, service: Callable[[Any], Dataset]) -> Dataset:
        """What a DIMSE request on pynetdicom's association is answered with; empty if there is no answer."""
        if not self._handle.is_established:
            return Dataset()
        try:
            return service(self._handle)
        except RuntimeError:  # pynetdicom's answer to a peer that aborts between the check above and the request
            if self._handle.is_established:
                raise
            return Dataset()

    @property
    def lost(self) -> Refused:
        """Why a request got no answer."""
        if self._watch.abort:
            return _aborted(self.where, self._watch.abort)
        return Refused(
            Reason.DESTINATION_UNREACHABLE,
            f"{self.where} closed the connection or was silent for {self._destination.network_timeout_s:g} s.",
        )


@contextmanager
def associate(
    destination: Destination, calling_ae: str, contexts: Sequence[PresentationContext]
) -> Iterator[Association]:
    """An association with a destination, released (or, if the peer is gone, dropped) at the end.

    Raises
    ------
    Refused
        ``DESTINATION_UNREACHABLE``, ``DESTINATION_NOT_TRUSTED``, ``DESTINATION_REJECTED_ASSOCIATION``, or
        ``DESTINATION_REFUSES_SOP_CLASS`` if none of the contexts is accepted.
    """
    watch = _Watch(destination.network_timeout_s)
    entity = application_entity(calling_ae, destination.network_timeout_s)
    where = _place(destination)
    context = sending_context(destination.tls) if destination.tls else None
    try:
        handle = entity.associate(
            destination.host,
            destination.port,
            contexts=list(contexts),
            ae_title=destination.ae_title,
            max_pdu=MAXIMUM_PDU_BYTES,
            evt_handlers=watch.handlers,
            tls_args=(context, destination.host) if context else None,
        )
    except OSError as error:  # the host's name can't be resolved
        raise Refused(Reason.DESTINATION_UNREACHABLE, f"{where}: {error}.") from error
    if not handle.is_established:
        raise mistrust(context, destination) or _refusal(handle, watch, where)
    try:
        yield Association(handle, watch, destination)
    finally:
        if handle.is_established:
            handle.release()


@dataclass(slots=True)
class _Watch:
    """What happened on the wire that pynetdicom's association object does not tell."""

    timeout_s: float
    connected: bool = False
    accepted: bool = False
    abort: str = ""

    @property
    def handlers(self) -> list[tuple[Any, Any]]:
        return [
            (evt.EVT_CONN_OPEN, self._connection_opened),
            (evt.EVT_ACCEPTED, self._association_accepted),
            (evt.EVT_PDU_RECV, self._pdu_received),
        ]

    def _connection_opened(self, event: evt.Event) -> None:
        self.connected = True
        prepare_socket(event, self.timeout_s)

    def _association_accepted(self, event: evt.Event) -> None:
        self.accepted = True

    def _pdu_received(self, event: evt.Event) -> None:
        if isinstance(event.pdu, A_ABORT_RQ):
            self.abort = f"{event.pdu.source_str}, {event.pdu.reason_str}"


def _refusal(handle: Any, watch: _Watch, where: str) -> Refused:
    if not watch.connected:
        return Refused(Reason.DESTINATION_UNREACHABLE, f"No TCP connection to {where}.")
    if handle.is_rejected:
        answer = handle.acceptor.primitive
        return Refused(
            Reason.DESTINATION_REJECTED_ASSOCIATION,
            f"{where}: {answer.result_str}, {answer.source_str}, {answer.reason_str}.",
        )
    if watch.abort:
        return _aborted(where, watch.abort)
    if watch.accepted:
        return Refused(
            Reason.DESTINATION_REFUSES_SOP_CLASS, f"{where} accepted none of the presentation contexts proposed."
        )
    return Refused(
        Reason.DESTINATION_UNREACHABLE,
        f"{where} took the connection but gave no answer to the association request within {watch.timeout_s:g} s.",
    )


def _aborted(where: str, abort: str) -> Refused:
    return Refused(Reason.DESTINATION_REJECTED_ASSOCIATION, f"{where} aborted the association: {abort}.")


def _place(destination: Destination) -> str:
    return f"{destination.ae_title} at {destination.host}:{destination.port}"


def _has_decoder(transfer_syntax: UID) -> bool:
    try:
        return bool(get_decoder(transfer_syntax).is_available)
    except NotImplementedError:
        return False
