import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComprehensiveSRStorage,
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    SegmentationStorage,
)
from pynetdicom import AllStoragePresentationContexts, build_context, evt
from pynetdicom.sop_class import Verification

from config.reasons import Reason
from config.settings import Destination
from dicom_io.digest import dataset_digest
from dicom_io.network import sender, transport
from dicom_io.network.sender import SendOutcome, echo, send

StartPeer = Callable[..., Destination]
Write = Callable[..., Path]

EXPLICIT_CT = [build_context(CTImageStorage, ExplicitVRLittleEndian)]
PAYLOAD = b"\x08\x00\x18\x00UI\x06\x002.25.1"
STORESCP = Path("/usr/bin/storescp")


def reasons(outcomes: tuple[SendOutcome, ...]) -> list[Reason | None]:
    return [outcome.reason for outcome in outcomes]


def answer(status: int, comment: str = "") -> Dataset:
    response = Dataset()
    response.Status = status
    if comment:
        response.ErrorComment = comment
    return response


@pytest.fixture
def nobody() -> Iterator[Destination]:
    """A port that is bound but not listened on, so that connections to it are refused."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield Destination(
            name="nobody", ae_title="PACS", host="127.0.0.1", port=bound.getsockname()[1], network_timeout_s=2
        )


def test_files_arrive_as_their_bytes_are_and_in_order(start_peer: StartPeer, write_raw: Write) -> None:
    files = [write_raw(PAYLOAD + bytes([number]) * 300_000, f"2.25.{number}") for number in range(4)]
    arrived: list[bytes] = []
    peer = start_peer(EXPLICIT_CT, lambda event: arrived.append(event.encoded_dataset(include_meta=False)) or 0x0000)
    outcomes = send(peer, files, "UPTAKE")
    assert arrived == [PAYLOAD + bytes([number]) * 300_000 for number in range(4)]
    assert outcomes == tuple(SendOutcome(path, f"2.25.{n}", 0x0000, None, "") for n, path in enumerate(files))


def test_progress_is_told_of_each_outcome_as_it_is_known(start_peer: StartPeer, write_ct: Write) -> None:
    told: list[SendOutcome] = []
    files = [write_ct(f"2.25.{number}") for number in range(1, 4)]
    assert send(start_peer(EXPLICIT_CT), files, "UPTAKE", told.append) == tuple(told)


@pytest.mark.parametrize("status", [0x0001, 0x0107, 0x0116, 0xB000, 0xB006, 0xB007])
def test_a_warning_is_not_a_failure(status: int, start_peer: StartPeer, write_ct: Write) -> None:
    (outcome,) = send(start_peer(EXPLICIT_CT, lambda event: status), [write_ct()], "UPTAKE")
    assert (outcome.reason, outcome.warning, outcome.status) == (None, True, status)


@pytest.mark.parametrize("status", [0x0110, 0x0122, 0x0124, 0x1234, 0xA700, 0xA900, 0xC000, 0xFE00, 0xFF00])
def test_a_failure_is_never_called_sent(status: int, start_peer: StartPeer, write_ct: Write) -> None:
    peer = start_peer(EXPLICIT_CT, lambda event: answer(status, "disk is full"))
    (outcome,) = send(peer, [write_ct()], "UPTAKE")
    assert (outcome.reason, outcome.warning) == (Reason.DESTINATION_REFUSED_OBJECT, False)
    assert outcome.status == status
    assert f"0x{status:04X} (disk is full)" in outcome.detail


def test_one_refused_object_does_not_stop_the_others(start_peer: StartPeer, write_ct: Write) -> None:
    def refuse_second(event: evt.Event) -> int:
        return 0xC000 if event.request.AffectedSOPInstanceUID == "2.25.2" else 0x0000

    files = [write_ct(f"2.25.{number}") for number in (1, 2, 3)]
    outcomes = send(start_peer(EXPLICIT_CT, refuse_second), files, "UPTAKE")
    assert reasons(outcomes) == [None, Reason.DESTINATION_REFUSED_OBJECT, None]


def test_a_refused_connection_is_unreachable_for_every_file(nobody: Destination, write_ct: Write) -> None:
    outcomes = send(nobody, [write_ct("2.25.1"), write_ct("2.25.2")], "UPTAKE")
    assert reasons(outcomes) == [Reason.DESTINATION_UNREACHABLE] * 2
    assert str(nobody.port) in outcomes[0].detail


def test_a_host_without_an_address_is_unreachable(write_ct: Write) -> None:
    destination = Destination(name="x", ae_title="PACS", host="pacs.invalid", port=104, network_timeout_s=2)
    assert reasons(send(destination, [write_ct()], "UPTAKE")) == [Reason.DESTINATION_UNREACHABLE]


def test_a_rejected_association_says_why(start_peer: StartPeer, write_ct: Write) -> None:
    (outcome,) = send(start_peer(EXPLICIT_CT, ae_title="ANOTHER"), [write_ct()], "UPTAKE")
    assert outcome.reason is Reason.DESTINATION_REJECTED_ASSOCIATION
    assert "Called AE title not recognised" in outcome.detail


def test_a_sop_class_that_is_not_accepted_is_said_so_and_the_others_are_sent(
    start_peer: StartPeer, write_ct: Write, write_raw: Write
) -> None:
    files = [write_raw(PAYLOAD, "2.25.5", SegmentationStorage), write_ct("2.25.6")]
    outcomes = send(start_peer(EXPLICIT_CT), files, "UPTAKE")
    assert reasons(outcomes) == [Reason.DESTINATION_REFUSES_SOP_CLASS, None]
    assert "Segmentation Storage" in outcomes[0].detail


def test_a_peer_that_accepts_nothing_refuses_the_sop_class(start_peer: StartPeer, write_raw: Write) -> None:
    files = [write_raw(PAYLOAD, "2.25.5", SegmentationStorage)]
    assert reasons(send(start_peer(EXPLICIT_CT), files, "UPTAKE")) == [Reason.DESTINATION_REFUSES_SOP_CLASS]


def test_a_peer_that_aborts_midway_leaves_the_rest_unsent(start_peer: StartPeer, write_ct: Write) -> None:
    def abort_second(event: evt.Event) -> int:
        if event.request.AffectedSOPInstanceUID == "2.25.2":
            event.assoc.abort()
        return 0x0000

    files = [write_ct(f"2.25.{number}") for number in (1, 2, 3)]
    outcomes = send(start_peer(EXPLICIT_CT, abort_second), files, "UPTAKE")
    assert reasons(outcomes) == [None, *[Reason.DESTINATION_REJECTED_ASSOCIATION] * 2]
    assert outcomes[1].status is None


def test_a_connection_lost_midway_leaves_the_rest_unsent(start_peer: StartPeer, write_ct: Write) -> None:
    def vanish(event: evt.Event) -> int:
        event.assoc.dul.socket.socket.shutdown(socket.SHUT_RDWR)
        return 0x0000

    outcomes = send(start_peer(EXPLICIT_CT, vanish), [write_ct("2.25.1"), write_ct("2.25.2")], "UPTAKE")
    assert reasons(outcomes) == [Reason.DESTINATION_UNREACHABLE] * 2


def test_a_peer_that_never_answers_a_store_is_given_up(start_peer: StartPeer, write_ct: Write) -> None:
    over = threading.Event()
    silent = start_peer(EXPLICIT_CT, lambda event: over.wait(8) and 0x0000)
    started = time.monotonic()
    outcomes = send(silent.model_copy(update={"network_timeout_s": 1.0}), [write_ct()], "UPTAKE")
    over.set()
    assert reasons(outcomes) == [Reason.DESTINATION_UNREACHABLE]
    assert time.monotonic() - started < 5


def test_a_port_that_takes_connections_and_says_nothing_is_given_up(write_ct: Write) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        destination = Destination(
            name="x", ae_title="PACS", host="127.0.0.1", port=server.getsockname()[1], network_timeout_s=0.5
        )
        assert reasons(send(destination, [write_ct()], "UPTAKE")) == [Reason.DESTINATION_UNREACHABLE]


def test_a_peer_that_is_no_dicom_node_is_reported_and_not_raised(write_ct: Write) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def chatter() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(64)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        talker = threading.Thread(target=chatter)
        talker.start()
        destination = Destination(
            name="x", ae_title="PACS", host="127.0.0.1", port=server.getsockname()[1], network_timeout_s=1
        )
        assert reasons(send(destination, [write_ct()], "UPTAKE")) == [Reason.DESTINATION_UNREACHABLE]
        talker.join()


@pytest.mark.parametrize("accepted", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_compressed_instance_is_decompressed_for_a_peer_that_takes_only_uncompressed(
    accepted: str, start_peer: StartPeer, write_ct: Write
) -> None:
    arrived: list[Dataset] = []
    peer = start_peer([build_context(CTImageStorage, accepted)], lambda event: arrived.append(event.dataset) or 0x0000)
    assert reasons(send(peer, [write_ct("2.25.8", compress=RLELossless)], "UPTAKE")) == [None]
    assert arrived[0].PixelData == dcmread(write_ct("2.25.9")).PixelData
    assert arrived[0].SOPInstanceUID == "2.25.8"


def test_a_compressed_instance_is_sent_as_it_is_to_a_peer_that_takes_it(start_peer: StartPeer, write_ct: Write) -> None:
    path = write_ct("2.25.8", compress=RLELossless)
    arrived: list[str] = []
    contexts = [build_context(CTImageStorage, [ExplicitVRLittleEndian, RLELossless])]
    peer = start_peer(contexts, lambda event: arrived.append(event.context.transfer_syntax) or 0x0000)
    assert reasons(send(peer, [path], "UPTAKE")) == [None]
    assert arrived == [RLELossless]


def test_an_explicit_file_is_sent_implicitly_where_only_that_is_taken(start_peer: StartPeer, write_ct: Write) -> None:
    arrived: list[Dataset] = []
    peer = start_peer(
        [build_context(CTImageStorage, ImplicitVRLittleEndian)], lambda event: arrived.append(event.dataset) or 0x0000
    )
    assert reasons(send(peer, [write_ct("2.25.8")], "UPTAKE")) == [None]
    assert arrived[0] == dcmread(write_ct("2.25.8"))


def test_a_big_endian_file_is_not_guessed_into_another_byte_order(start_peer: StartPeer, write_raw: Write) -> None:
    path = write_raw(PAYLOAD, transfer_syntax_uid=ExplicitVRBigEndian)
    assert reasons(send(start_peer(EXPLICIT_CT), [path], "UPTAKE")) == [Reason.DESTINATION_REFUSES_SOP_CLASS]


def test_what_cannot_be_read_or_decompressed_does_not_stop_the_others(
    start_peer: StartPeer, write_ct: Write, tmp_path: Path
) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not DICOM")
    broken = write_ct("2.25.7", compress=RLELossless)
    dataset = dcmread(broken)
    dataset.Rows = 4000
    dataset.save_as(broken)
    files = [text, tmp_path / "absent.dcm", broken, write_ct("2.25.6")]
    outcomes = send(start_peer(EXPLICIT_CT), files, "UPTAKE")
    assert reasons(outcomes) == [Reason.NOT_DICOM, Reason.NOT_DICOM, Reason.PIXEL_DATA_UNREADABLE, None]


def test_a_file_that_cannot_be_converted_does_not_stop_the_others(
    start_peer: StartPeer, write_ct: Write, write_raw: Write
) -> None:
    nameless = write_raw(b"\x08\x00\x60\x00CS\x02\x00CT", "2.25.7")
    peer = start_peer([build_context(CTImageStorage, ImplicitVRLittleEndian)])
    assert reasons(send(peer, [nameless, write_ct("2.25.6")], "UPTAKE")) == [Reason.PIXEL_DATA_UNREADABLE, None]


def test_more_contexts_than_fit_are_spread_over_associations(start_peer: StartPeer, write_raw: Write) -> None:
    opened: list[evt.Event] = []
    classes = [context.abstract_syntax for context in AllStoragePresentationContexts[:70]]
    files = [write_raw(PAYLOAD, f"2.25.{number}", uid) for number, uid in enumerate(classes)]
    contexts = [build_context(uid, ExplicitVRLittleEndian) for uid in classes]
    outcomes = send(start_peer(contexts, handlers=[(evt.EVT_ESTABLISHED, opened.append)]), files, "UPTAKE")
    assert reasons(outcomes) == [None] * 70
    assert len(opened) == 2


def test_contexts_are_only_those_of_what_is_sent(start_peer: StartPeer, write_raw: Write) -> None:
    proposed: list[Any] = []

    def look(event: evt.Event) -> None:
        proposed.extend(event.assoc.requestor.primitive.presentation_context_definition_list)

    peer = start_peer(EXPLICIT_CT, handlers=[(evt.EVT_REQUESTED, look)])
    send(peer, [write_raw(PAYLOAD, "2.25.5", ComprehensiveSRStorage)], "UPTAKE")
    pairs = {(context.abstract_syntax, *context.transfer_syntax) for context in proposed}
    assert pairs == {
        (ComprehensiveSRStorage, ExplicitVRLittleEndian),
        (ComprehensiveSRStorage, ImplicitVRLittleEndian),
    }


def test_nagles_delay_is_off(start_peer: StartPeer, write_ct: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    options = []
    prepare = transport.prepare_socket

    def look(event: evt.Event, timeout_s: float) -> None:
        prepare(event, timeout_s)
        options.append(event.assoc.dul.socket.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(transport, "prepare_socket", look)
    send(start_peer(EXPLICIT_CT), [write_ct()], "UPTAKE")
    assert options == [1]


def test_nothing_to_send_opens_no_association(nobody: Destination) -> None:
    assert send(nobody, [], "UPTAKE") == ()


def test_echo_is_answered(start_peer: StartPeer) -> None:
    answered = echo(start_peer([build_context(Verification)]), "UPTAKE")
    assert answered.is_success
    assert answered.status == 0x0000


def test_an_echo_that_fails_is_no_success(start_peer: StartPeer) -> None:
    peer = start_peer([build_context(Verification)], handlers=[(evt.EVT_C_ECHO, lambda event: 0x0110)])
    assert echo(peer, "UPTAKE") == sender.EchoOutcome(
        0x0110, Reason.DESTINATION_REFUSED_OBJECT, "C-ECHO was answered with 0x0110."
    )


def test_an_echo_to_nobody_is_unreachable(nobody: Destination) -> None:
    assert echo(nobody, "UPTAKE").reason is Reason.DESTINATION_UNREACHABLE


@pytest.mark.orthanc
@pytest.mark.skipif(not STORESCP.exists(), reason="DCMTK's storescp is not installed")
def test_dcmtk_receives_what_is_sent(write_ct: Write, tmp_path: Path) -> None:
    received = tmp_path / "received"
    received.mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([STORESCP, "-aet", "PACS", "-od", received, "+B", str(port)])
    try:
        destination = Destination(name="dcmtk", ae_title="PACS", host="127.0.0.1", port=port, network_timeout_s=5)
        deadline = time.monotonic() + 5
        while not echo(destination, "UPTAKE").is_success and time.monotonic() < deadline:
            time.sleep(0.05)
        files = [write_ct(f"2.25.{number}") for number in range(1, 6)]
        assert reasons(send(destination, files, "UPTAKE")) == [None] * 5
    finally:
        process.kill()
        process.wait()
    assert {dataset_digest(path) for path in received.iterdir()} == {dataset_digest(path) for path in files}
