"""What is ours in an association: how it waits, what it refuses to wait for, and the answer to a C-STORE."""

import contextlib
import itertools
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, build_context, evt
from pynetdicom.acse import ACSE
from pynetdicom.dimse_messages import C_ECHO_RQ, C_STORE_RSP
from pynetdicom.dimse_primitives import C_ECHO
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.sop_class import Verification

from dicom_io.network import reactor
from dicom_io.network.listener import Listener, Outcome
from dicom_io.network.transport import prepare_socket

StartListener = Callable[..., Listener]
Associate = Callable[..., Any]
PAYLOAD = b"\x08\x00\x18\x00UI\x06\x002.25.1"
P_DATA = 0x04


def is_closed_within(connection: socket.socket, seconds: float) -> bool:
    connection.settimeout(seconds)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def test_associations_of_both_sides_are_of_the_reactor(start_listener: StartListener, associate: Associate) -> None:
    listener = start_listener()
    association = associate(listener.port)
    accepted = listener._server.active_associations
    for each in (association, *accepted):
        assert type(each) is reactor.Association
        assert (type(each.dul), type(each.dimse)) == (reactor.UpperLayer, reactor.Messages)
        assert type(each.dul.socket) is reactor.Socket
    assert len(accepted) == 1


def test_idle_associations_look_around_a_few_times_a_second(
    start_listener: StartListener, associate: Associate, monkeypatch: pytest.MonkeyPatch
) -> None:
    association = associate(start_listener().port)
    looks: list[Any] = []
    look = ACSE.is_aborted

    def counted(acse: ACSE, kind: str = "both") -> bool:
        looks.append(acse.assoc)
        return bool(look(acse, kind))

    monkeypatch.setattr(ACSE, "is_aborted", counted)
    began = time.monotonic()
    time.sleep(1.0)
    seen, passed_s = list(looks), time.monotonic() - began
    assert association in seen
    assert len(seen) <= 2 * (passed_s / reactor.LOOK_S + 2)


def test_a_time_out_that_is_set_while_the_association_idles_is_kept(
    start_listener: StartListener, associate: Associate, recorder: Any
) -> None:
    listener = start_listener()
    associate(listener.port)
    recorder.of("opened")
    (accepted,) = listener._server.active_associations
    accepted.network_timeout = 0.3
    assert recorder.of("closed")[0][1] is Outcome.ABORTED


@pytest.mark.parametrize("when", ["before any association", "within an association"])
def test_a_pdu_longer_than_any_that_was_announced_is_not_waited_for(
    when: str, start_listener: StartListener, associate: Associate
) -> None:
    port = start_listener(network_timeout_s=30.0).port
    if when == "before any association":
        connection = socket.create_connection(("127.0.0.1", port))
    else:
        connection = associate(port).dul.socket.socket.dup()
    with connection:
        connection.sendall(struct.pack(">BBL", P_DATA, 0, 0xFFFFFFFF))
        assert is_closed_within(connection, 5.0)


def test_a_pdu_as_long_as_announced_is_taken(
    start_listener: StartListener, associate: Associate, write_raw: Callable[..., Path], spool: Path
) -> None:
    association = associate(start_listener(maximum_pdu_bytes=4 << 20).port)
    assert association.dimse.maximum_pdu_size == 4 << 20
    assert association.send_c_store(write_raw(bytes(3 << 20))).Status == 0x0000
    (kept,) = (spool / "incoming").glob("*/*.dcm")
    assert kept.read_bytes().endswith(bytes(3 << 20))


def test_a_peer_that_sends_a_pdu_byte_by_byte_is_dropped(start_listener: StartListener) -> None:
    port = start_listener(network_timeout_s=0.4).port
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(struct.pack(">BBL", 0x01, 0, 1000))
        started = time.monotonic()
        drip = itertools.repeat((b"\x00", 0.05), 200)
        with pytest.raises(OSError, match=r"reset|[Bb]roken pipe"):
            send_slowly(connection, drip)
        assert time.monotonic() - started < 5


def test_a_peer_that_does_not_read_its_answers_is_dropped(
    start_listener: StartListener, associate: Associate, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare_small(event: evt.Event, timeout_s: float) -> None:
        prepare_socket(event, timeout_s)
        event.assoc.dul.socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)

    monkeypatch.setattr("dicom_io.network.listener.prepare_socket", prepare_small)
    context = build_context(Verification)
    reading = threading.Event()
    association = associate(
        start_listener(network_timeout_s=0.5).port,
        contexts=[context],
        handlers=[(evt.EVT_DATA_RECV, lambda event: reading.wait(20) if event.assoc.is_established else None)],
    )
    peer = association.dul.socket.socket
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    peer.settimeout(10)
    requests = ((echo_request(number), 0.0) for number in range(20_000))
    asking = threading.Thread(target=ask, args=(peer, requests))
    asking.start()
    try:
        assert recorder.of("closed")[0][1] is Outcome.ABORTED
    finally:
        peer.shutdown(socket.SHUT_RDWR)
        reading.set()
        asking.join()


def ask(connection: socket.socket, requests: Iterable[tuple[bytes, float]]) -> None:
    with contextlib.suppress(OSError):
        send_slowly(connection, requests)


def send_slowly(connection: socket.socket, pieces: Iterable[tuple[bytes, float]]) -> None:
    """Send pieces with a pause in seconds after each."""
    for piece, pause_s in pieces:
        connection.sendall(piece)
        time.sleep(pause_s)


def echo_request(message_id: int) -> bytes:
    primitive = C_ECHO()
    primitive.MessageID, primitive.AffectedSOPClassUID = message_id, Verification
    message = C_ECHO_RQ()
    message.primitive_to_message(primitive)
    (data,) = message.encode_msg(1, 0)
    return bytes(P_DATA_TF(data).encode())


@pytest.mark.parametrize("peers_maximum_pdu_bytes", [0, 64, 16382])
def test_an_answer_fits_the_peers_longest_pdu(
    peers_maximum_pdu_bytes: int, start_listener: StartListener, write_raw: Callable[..., Path]
) -> None:
    lengths = []
    entity = AE("SCANNER")
    entity.maximum_pdu_size = peers_maximum_pdu_bytes
    association = entity.associate(
        "127.0.0.1",
        start_listener().port,
        contexts=[build_context(CTImageStorage, ExplicitVRLittleEndian)],
        ae_title="UPTAKE",
        max_pdu=peers_maximum_pdu_bytes,
        evt_handlers=[(evt.EVT_PDU_RECV, lambda event: lengths.append(event.pdu.pdu_length))],
    )
    assert association.send_c_store(write_raw(PAYLOAD)).Status == 0x0000
    association.release()
    _accept, *answer, _release = lengths
    assert len(answer) == (2 if peers_maximum_pdu_bytes == 64 else 1)
    assert not peers_maximum_pdu_bytes or max(answer) <= peers_maximum_pdu_bytes


def test_who_listens_to_what_is_sent_is_told_of_every_answer(
    start_peer: Callable[..., Any], associate: Associate, write_raw: Callable[..., Path]
) -> None:
    sent: list[Any] = []
    context = build_context(CTImageStorage, ExplicitVRLittleEndian)
    peer = start_peer([context], handlers=[(evt.EVT_DIMSE_SENT, lambda event: sent.append(event.message))])
    associate(peer.port, called_ae="PACS", contexts=[context]).send_c_store(write_raw(PAYLOAD))
    (answer,) = sent
    assert type(answer) is C_STORE_RSP
    assert answer.command_set.Status == 0x0000


def test_a_status_that_is_not_success_is_answered_as_pynetdicom_does(
    start_peer: Callable[..., Any], associate: Associate, write_raw: Callable[..., Path]
) -> None:
    context = build_context(CTImageStorage, ExplicitVRLittleEndian)
    peer = start_peer([context], store=lambda event: 0xB000)
    answer = associate(peer.port, called_ae="PACS", contexts=[context]).send_c_store(write_raw(PAYLOAD))
    assert answer.Status == 0xB000


class Connection:
    """Stands for a TCP connection that hands out what came piece by piece."""

    def __init__(self, data: bytes, piece: int) -> None:
        self.stream, self.piece = BytesIO(data), piece

    def gettimeout(self) -> None:
        return None

    def recv_into(self, view: memoryview) -> int:
        return self.stream.readinto(view[: self.piece])


@pytest.mark.parametrize(("piece", "wanted", "expected"), [(3, 10, 10), (100, 10, 10), (7, 30, 20)])
def test_reading_ends_with_what_was_wanted_or_with_the_connection(piece: int, wanted: int, expected: int) -> None:
    made: Any = reactor.Socket.__new__(reactor.Socket)
    association = reactor.Association(AE(), "acceptor")
    made._assoc, made.socket = association, Connection(bytes(range(20)), piece)
    assert made.recv(wanted) == bytes(range(expected))


def test_a_bell_wakes_who_waits_at_once_and_is_silent_afterwards() -> None:
    with reactor._Bell() as bell:
        threading.Timer(0.05, bell.ring).start()
        started = time.monotonic()
        bell.wait(None, 5.0)
        assert time.monotonic() - started < 2.0
        for _ in range(3):
            bell.ring()
        bell.wait(None, 5.0)
        started = time.monotonic()
        bell.wait(None, 0.1)
        assert time.monotonic() - started >= 0.1
    bell.ring()
