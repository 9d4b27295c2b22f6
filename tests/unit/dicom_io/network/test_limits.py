"""What a peer announces or sends beyond what was agreed never fills the listener's memory."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
import pytest
from pydicom.uid import CTImageStorage
from pynetdicom import build_context
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.sop_class import Verification

from config.reasons import Reason
from config.settings import Destination
from dicom_io.network.incoming import AssociationFolder
from dicom_io.network.listener import Listener, Outcome
from dicom_io.network.reactor import LONGEST_OTHER_PDU_BYTES, MOST_MESSAGES_AHEAD
from dicom_io.network.sender import send
from tests.unit.dicom_io.network.conftest import Recorder

StartListener = Callable[..., Listener]
A_ASSOCIATE_RQ = 0x01


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_a_pdu_that_is_announced_too_long_is_not_waited_for(start_listener: StartListener) -> None:
    listener = start_listener(network_timeout_s=60.0)
    before = psutil.Process().memory_info().rss
    with socket.create_connection(("127.0.0.1", listener.port), timeout=5) as connection:
        connection.sendall(struct.pack(">BBL", A_ASSOCIATE_RQ, 0, LONGEST_OTHER_PDU_BYTES + 1))
        assert is_closed(connection)
    assert psutil.Process().memory_info().rss - before < 2**26


def test_an_object_that_is_too_large_ends_its_association_and_no_other(
    start_listener: StartListener, write_raw: Callable[..., Path], associate: Callable[..., Any], recorder: Recorder
) -> None:
    listener = start_listener(maximum_object_mb=1)
    destination = Destination(name="node", ae_title="UPTAKE", host="127.0.0.1", port=listener.port, network_timeout_s=5)
    other = associate(listener.port, contexts=[build_context(Verification)])
    small = [write_raw(bytes(900_000), f"2.25.{number}") for number in range(3)]
    outcomes = send(destination, [*small, write_raw(bytes(2**20), "2.25.9")], "SCANNER")
    assert [outcome.status for outcome in outcomes] == [0, 0, 0, None]
    assert other.send_c_echo().Status == 0
    ((_, outcome, stored),) = recorder.of("closed")
    assert (outcome, stored) == (Outcome.ABORTED, 3)
    ((_, remark),) = recorder.of("refused")
    assert remark.reason is Reason.OBJECT_TOO_LARGE


def test_a_peer_that_sends_on_without_awaiting_answers_is_held_up(
    start_listener: StartListener,
    write_raw: Callable[..., Path],
    associate: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    goes_on = threading.Event()
    store = AssociationFolder.store
    monkeypatch.setattr(AssociationFolder, "store", lambda *arguments: goes_on.wait(20) and store(*arguments))
    listener = start_listener(network_timeout_s=60.0)
    association = associate(listener.port)
    (accepted,) = listener._server.active_associations
    request = C_STORE()
    request.Priority, request.AffectedSOPClassUID = 2, CTImageStorage
    for number in range(4 * MOST_MESSAGES_AHEAD):
        request.MessageID, request.AffectedSOPInstanceUID = number + 1, f"2.25.{number + 1}"
        request.DataSet = BytesIO(b"1234")
        association.dimse.send_msg(request, association.accepted_contexts[0].context_id)
    deadline = time.monotonic() + 20
    while accepted.dimse.msg_queue.qsize() < MOST_MESSAGES_AHEAD and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert accepted.dimse.msg_queue.qsize() == MOST_MESSAGES_AHEAD
    goes_on.set()


def test_large_objects_in_large_pdus_arrive(start_listener: StartListener, write_raw: Callable[..., Path]) -> None:
    listener = start_listener(maximum_pdu_bytes=2**22)
    destination = Destination(name="node", ae_title="UPTAKE", host="127.0.0.1", port=listener.port, network_timeout_s=5)
    (outcome,) = send(destination, [write_raw(bytes(2**24))], "SCANNER")
    assert outcome.status == 0
