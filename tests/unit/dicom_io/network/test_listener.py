import errno
import socket
import threading
import time
from collections import namedtuple
from collections.abc import Callable
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydicom.filereader import read_file_meta_info
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)
from pynetdicom import build_context, evt
from pynetdicom.dimse_messages import C_STORE_RSP
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import Verification

from config.reasons import Reason
from dicom_io.digest import dataset_digest
from dicom_io.network.incoming import AssociationFolder, read_envelope
from dicom_io.network.listener import Listener, Outcome
from dicom_io.network.transport import readable_transfer_syntaxes
from dicom_io.sop_classes import ACCEPTED

PAYLOAD = b"\x08\x00\x18\x00UI\x06\x002.25.1"
MR = build_context(MRImageStorage)
DiskUsage = namedtuple("DiskUsage", "total used free")
StartListener = Callable[..., Listener]
Associate = Callable[..., Any]
WriteRaw = Callable[..., Path]


def kept(spool: Path) -> list[Path]:
    return sorted((spool / "incoming").glob("*/*"))


def test_echo_is_answered(start_listener: StartListener, associate: Associate) -> None:
    association = associate(start_listener().port, contexts=[build_context(Verification)])
    assert association.send_c_echo().Status == 0x0000


def test_bytes_are_kept_as_they_came_in_every_readable_transfer_syntax(
    start_listener: StartListener, associate: Associate, write_raw: WriteRaw, spool: Path
) -> None:
    syntaxes = readable_transfer_syntaxes()
    association = associate(start_listener().port, contexts=[build_context(CTImageStorage, uid) for uid in syntaxes])
    for number, transfer_syntax in enumerate(syntaxes):
        sent = write_raw(bytes(range(256)) * 2001, f"2.25.{number}", transfer_syntax_uid=transfer_syntax)
        assert association.send_c_store(sent).Status == 0x0000
        received = kept(spool)[number]
        assert dataset_digest(received) == dataset_digest(sent)
        assert read_file_meta_info(received).TransferSyntaxUID == transfer_syntax


def test_compressed_transfer_syntaxes_with_a_decoder_are_readable_and_videos_are_not() -> None:
    readable = readable_transfer_syntaxes()
    names = {uid.keyword for uid in readable}
    assert {"JPEGLosslessSV1", "JPEGLSLossless", "JPEG2000Lossless", "HTJ2KLossless", "RLELossless"} <= names
    assert {"ExplicitVRBigEndian", "DeflatedExplicitVRLittleEndian", "ImplicitVRLittleEndian"} <= names
    assert "MPEG2MPML" not in names
    assert readable[0] == ExplicitVRLittleEndian


def test_every_accepted_sop_class_is_accepted_on_the_wire(start_listener: StartListener, associate: Associate) -> None:
    contexts = [build_context(uid, ExplicitVRLittleEndian) for uid in ACCEPTED]
    association = associate(start_listener().port, contexts=contexts)
    assert {context.abstract_syntax for context in association.accepted_contexts} == ACCEPTED


def test_other_sop_classes_are_refused_in_negotiation(start_listener: StartListener, associate: Associate) -> None:
    association = associate(
        start_listener().port, contexts=[build_context(MRImageStorage), build_context(Verification)]
    )
    assert [context.abstract_syntax for context in association.rejected_contexts] == [MRImageStorage]


def test_a_file_says_who_sent_it(
    start_listener: StartListener, associate: Associate, write_raw: WriteRaw, spool: Path, recorder: Any
) -> None:
    association = associate(start_listener().port, calling_ae="GE SUITE 2")
    association.send_c_store(write_raw(PAYLOAD, "2.25.77"))
    (opened,) = recorder.of("opened")
    envelope = read_envelope(kept(spool)[0])
    assert (envelope.calling_ae, envelope.called_ae, envelope.address) == ("GE SUITE 2", "UPTAKE", "127.0.0.1")
    assert (envelope.association_id, envelope.sop_instance_uid) == (opened.id, "2.25.77")


@pytest.mark.parametrize(
    ("settings", "reason", "diagnostic"),
    [
        ({"ae_title": "OTHER"}, Reason.CALLED_AE_UNKNOWN, 7),
        ({"allowed_calling_ae_titles": ("PACS",)}, Reason.CALLING_AE_NOT_ALLOWED, 3),
        ({"allowed_addresses": ("10.0.0.0/8",)}, Reason.ADDRESS_NOT_ALLOWED, 1),
    ],
)
def test_who_is_not_let_in_is_rejected_and_reported(
    settings: dict[str, Any],
    reason: Reason,
    diagnostic: int,
    start_listener: StartListener,
    associate: Associate,
    recorder: Any,
) -> None:
    if "allowed_addresses" in settings:
        settings = {"allowed_addresses": tuple(ip_network(text) for text in settings["allowed_addresses"])}
    association = associate(start_listener(**settings).port)
    assert association.is_rejected
    assert association.acceptor.primitive.diagnostic == diagnostic
    ((info, remark),) = recorder.of("rejected")
    assert remark.reason is reason
    assert (info.calling_ae, info.address) == ("SCANNER", "127.0.0.1")


def test_more_associations_than_configured_are_rejected_for_now(
    start_listener: StartListener, associate: Associate, recorder: Any
) -> None:
    port = start_listener(maximum_associations=1).port
    first, second = associate(port), associate(port)
    assert first.is_established
    assert second.is_rejected
    assert second.acceptor.primitive.result == 0x02
    assert recorder.of("rejected")[0][1].reason is Reason.TOO_MANY_ASSOCIATIONS


def test_release_is_reported_with_the_number_of_instances_kept(
    start_listener: StartListener, associate: Associate, write_raw: WriteRaw, recorder: Any
) -> None:
    association = associate(start_listener().port)
    for number in range(3):
        association.send_c_store(write_raw(PAYLOAD, f"2.25.{number}"))
    association.release()
    ((info, outcome, stored),) = recorder.of("closed")
    assert (info, outcome, stored) == (recorder.of("opened")[0], Outcome.RELEASED, 3)


def test_abort_is_reported_with_the_number_of_instances_kept(
    start_listener: StartListener, associate: Associate, write_raw: WriteRaw, recorder: Any
) -> None:
    association = associate(start_listener().port)
    association.send_c_store(write_raw(PAYLOAD))
    association.abort()
    ((_, outcome, stored),) = recorder.of("closed")
    assert (outcome, stored) == (Outcome.ABORTED, 1)


def test_a_peer_that_vanishes_is_reported_as_aborted(
    start_listener: StartListener, associate: Associate, recorder: Any
) -> None:
    association = associate(start_listener().port)
    recorder.of("opened")
    association.dul.socket.socket.shutdown(socket.SHUT_RDWR)
    assert recorder.of("closed")[0][1] is Outcome.ABORTED


def test_parallel_associations_keep_apart(
    start_listener: StartListener, associate: Associate, write_raw: WriteRaw, recorder: Any, spool: Path
) -> None:
    port = start_listener().port
    files = [[write_raw(b"%d" % sender * 1000, f"2.25.{sender}.{n}") for n in range(8)] for sender in range(4)]
    statuses: list[int] = []

    def push(sender: int) -> None:
        association = associate(port, calling_ae=f"SCANNER{sender}")
        statuses.extend(association.send_c_store(path).Status for path in files[sender])
        association.release()

    senders = [threading.Thread(target=push, args=(sender,)) for sender in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    recorder.of("closed", 4)
    assert statuses == [0x0000] * 32
    sent = {(f"SCANNER{sender}", dataset_digest(path)) for sender in range(4) for path in files[sender]}
    assert {(read_envelope(path).calling_ae, dataset_digest(path)) for path in kept(spool)} == sent
    assert len({path.parent for path in kept(spool)}) == 4


def test_association_ids_sort_by_time(start_listener: StartListener, associate: Associate, recorder: Any) -> None:
    port = start_listener().port
    for _ in range(3):
        associate(port, contexts=[build_context(Verification)]).release()
    ids = [info.id for info in recorder.of("opened", 3)]
    assert ids == sorted(set(ids))


def test_slow_callbacks_do_not_delay_acknowledgement(
    start_listener: StartListener,
    associate: Associate,
    write_raw: WriteRaw,
    recorder: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()
    monkeypatch.setattr(recorder, "association_opened", lambda association: answered.wait(60))
    association = associate(start_listener().port)
    assert association.send_c_store(write_raw(PAYLOAD)).Status == 0x0000
    answered.set()


def test_an_instance_for_which_there_is_no_room_is_refused_and_the_next_one_kept(
    start_listener: StartListener,
    associate: Associate,
    write_raw: WriteRaw,
    recorder: Any,
    spool: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    association = associate(start_listener(minimum_free_mb=100).port)
    with monkeypatch.context() as full:
        full.setattr(
            "dicom_io.network.listener.shutil.disk_usage",
            lambda path: DiskUsage(10**9, 10**9, 100 * 2**20 + len(PAYLOAD) - 1),
        )
        answer = association.send_c_store(write_raw(PAYLOAD, "2.25.5"))
    assert answer.Status == 0xA700
    assert answer.ErrorComment
    ((uid, remark),) = recorder.of("refused")
    assert (uid, remark.reason) == ("2.25.5", Reason.DISK_FULL)
    assert kept(spool) == []
    assert association.send_c_store(write_raw(PAYLOAD, "2.25.5")).Status == 0x0000


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        (errno.ENOSPC, 0xA700, Reason.DISK_FULL),
        (errno.EDQUOT, 0xA700, Reason.DISK_FULL),
        (errno.EIO, 0x0110, Reason.INTERNAL_ERROR),
    ],
)
def test_an_instance_that_cannot_be_written_is_refused(
    number: int,
    status: int,
    reason: Reason,
    start_listener: StartListener,
    associate: Associate,
    write_raw: WriteRaw,
    recorder: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*arguments: Any) -> Path:
        raise OSError(number, "no")

    monkeypatch.setattr(AssociationFolder, "store", fail)
    association = associate(start_listener().port)
    assert association.send_c_store(write_raw(PAYLOAD)).Status == status
    assert recorder.of("refused")[0][1].reason is reason


def request(association: Any, statuses: list[int], **changed: Any) -> int:
    """The status that answers a C-STORE-RQ in which attributes were changed."""
    primitive = C_STORE()
    primitive.MessageID, primitive.Priority = 1, 2
    primitive.AffectedSOPClassUID, primitive.AffectedSOPInstanceUID = CTImageStorage, "2.25.1"
    primitive.DataSet = BytesIO(b"1234")
    for attribute, value in changed.items():
        setattr(primitive, attribute, value)
    association.dimse.send_msg(primitive, association.accepted_contexts[0].context_id)
    deadline = time.monotonic() + 5
    while not statuses and time.monotonic() < deadline:
        time.sleep(0.01)
    return statuses.pop()


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"AffectedSOPInstanceUID": None}, 0xC000, Reason.MISSING_IDENTIFIERS),
        ({"AffectedSOPClassUID": None}, 0xC000, Reason.MISSING_IDENTIFIERS),
        ({"DataSet": None}, 0xC000, Reason.TRUNCATED),
        ({"AffectedSOPClassUID": PositronEmissionTomographyImageStorage}, 0x0122, Reason.UNSUPPORTED_SOP_CLASS),
    ],
    ids=["no instance", "no class", "no data set", "another class"],
)
def test_malformed_requests_are_answered_and_the_association_goes_on(
    changed: dict[str, Any],
    status: int,
    reason: Reason,
    start_listener: StartListener,
    associate: Associate,
    recorder: Any,
    spool: Path,
) -> None:
    statuses: list[int] = []

    def answered(event: evt.Event) -> None:
        if isinstance(event.message, C_STORE_RSP):
            statuses.append(event.message.command_set.Status)

    association = associate(start_listener().port, handlers=[(evt.EVT_DIMSE_RECV, answered)])
    assert request(association, statuses, **changed) == status
    assert request(association, statuses) == 0x0000
    assert recorder.of("refused")[0][1].reason is reason
    assert len(kept(spool)) == 1


def test_nagles_delay_is_off(
    start_listener: StartListener, associate: Associate, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dicom_io.network import transport

    options = []

    def look(event: evt.Event, timeout_s: float) -> None:
        transport.prepare_socket(event, timeout_s)
        connection = event.assoc.dul.socket.socket
        options.append((connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), connection.gettimeout()))

    monkeypatch.setattr("dicom_io.network.listener.prepare_socket", look)
    associate(start_listener().port)
    assert options == [(1, 60.0)]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_stopping_lets_a_running_association_finish(
    start_listener: StartListener, associate: Associate, write_raw: WriteRaw, recorder: Any
) -> None:
    listener = start_listener()
    port = listener.port
    running = associate(port)
    stopping = threading.Thread(target=listener.stop, kwargs={"grace_s": 60})
    stopping.start()
    deadline = time.monotonic() + 30
    while is_open(port):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert running.send_c_store(write_raw(PAYLOAD)).Status == 0x0000
    running.release()
    stopping.join()
    assert recorder.of("closed")[0][1:] == (Outcome.RELEASED, 1)


def test_stopping_aborts_what_outlasts_the_grace(
    start_listener: StartListener, associate: Associate, recorder: Any
) -> None:
    listener = start_listener()
    associate(listener.port)
    recorder.of("opened")
    listener.stop(grace_s=0.1)
    assert recorder.of("closed")[0][1] is Outcome.ABORTED


def test_a_port_in_use_is_an_error(start_listener: StartListener) -> None:
    with pytest.raises(OSError, match="in use"):
        start_listener(port=start_listener().port)
