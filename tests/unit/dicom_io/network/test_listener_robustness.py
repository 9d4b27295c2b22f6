"""What hostile bytes, dead peers and a power cut do to the listener: nothing."""

import contextlib
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.filereader import read_file_meta_info
from pydicom.uid import CTImageStorage
from pynetdicom import build_context
from pynetdicom.sop_class import Verification

from config.reasons import Remark
from dicom_io.digest import dataset_digest
from dicom_io.network import reactor
from dicom_io.network.incoming import read_envelope
from dicom_io.network.listener import AssociationInfo, Listener

StartListener = Callable[..., Listener]
Associate = Callable[..., Any]

STORESCU = Path("/usr/bin/storescu")
PAYLOAD = b"\x08\x00\x18\x00UI\x06\x002.25.1"
A_ASSOCIATE_RQ, P_DATA_TF = 0x01, 0x04


def hostile_messages() -> list[bytes]:
    noise = random.Random(0)
    return [
        b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n",
        noise.randbytes(10_000),
        bytes(4096),
        struct.pack(">BBL", A_ASSOCIATE_RQ, 0, 4),
        struct.pack(">BBL", A_ASSOCIATE_RQ, 0, 200) + noise.randbytes(200),
        struct.pack(">BBL", P_DATA_TF, 0, 20) + noise.randbytes(20),
        struct.pack(">BBL", A_ASSOCIATE_RQ, 0, 0xFFFFFFFF) + bytes(1000),
        *(struct.pack(">BBL", kind, 0, 64) + noise.randbytes(64) for kind in range(1, 9)),
    ]


def wait_for_the_end_of_other_threads(than: list[threading.Thread]) -> None:
    deadline = time.monotonic() + 30
    while (others := set(threading.enumerate()) - set(than)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not others


def echoes(associate: Associate, port: int) -> bool:
    association = associate(port, contexts=[build_context(Verification)])
    return association.is_established and association.send_c_echo().get("Status") == 0x0000


def test_garbage_on_the_port_leaves_the_listener_alive(
    start_listener: StartListener, associate: Associate, spool: Path
) -> None:
    port = start_listener(network_timeout_s=1.0).port
    for message in hostile_messages():
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection, contextlib.suppress(OSError):
            connection.sendall(message)
    assert echoes(associate, port)
    assert not (spool / "incoming").exists()


def test_garbage_inside_an_association_leaves_the_listener_alive(
    start_listener: StartListener, associate: Associate, recorder: Any
) -> None:
    port = start_listener().port
    victim = associate(port)
    victim.dul.socket.socket.sendall(struct.pack(">BBL", P_DATA_TF, 0, 40) + random.Random(1).randbytes(40))
    recorder.of("closed")
    assert echoes(associate, port)


@pytest.mark.parametrize(
    "beginning",
    [b"", b"\x01\x00\x00", struct.pack(">BBL", A_ASSOCIATE_RQ, 0, 0xFFFFFFFF) + bytes(70)],
    ids=["silence", "half a header", "a huge PDU begun"],
)
def test_a_peer_that_falls_silent_is_dropped_and_its_threads_end(
    beginning: bytes, start_listener: StartListener, associate: Associate
) -> None:
    port = start_listener(network_timeout_s=3.0).port  # of which an echo needs some on a busy machine
    threads = threading.enumerate()
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.settimeout(60)
        connection.sendall(beginning)
        assert connection.recv(1) == b""
    wait_for_the_end_of_other_threads(threads)
    assert echoes(associate, port)


def test_half_open_connections_do_not_use_up_the_associations_for_ever(
    start_listener: StartListener, associate: Associate
) -> None:
    port = start_listener(network_timeout_s=0.5, maximum_associations=2).port
    with contextlib.ExitStack() as held:
        for _ in range(5):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(b"\x01\x00\x00")
        deadline = time.monotonic() + 60
        while not (alive := echoes(associate, port)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert alive


def test_who_says_nothing_takes_no_association_from_others(start_listener: StartListener, associate: Associate) -> None:
    port = start_listener(network_timeout_s=30.0, maximum_associations=2).port
    with contextlib.ExitStack() as held:
        for _ in range(10):
            held.enter_context(socket.create_connection(("127.0.0.1", port)))
        assert echoes(associate, port)


def test_health_checks_of_a_load_balancer_leave_no_threads(start_listener: StartListener) -> None:
    port = start_listener().port
    threads = threading.enumerate()
    for _ in range(10):
        socket.create_connection(("127.0.0.1", port)).close()
    wait_for_the_end_of_other_threads(threads)


def test_a_defect_in_a_callback_is_survived(
    start_listener: StartListener, associate: Associate, recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(association: AssociationInfo) -> None:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(recorder, "association_opened", fail)
    association = associate(start_listener().port)
    association.release()
    recorder.of("closed")


LISTENER_PROCESS = """
import sys, time
from pathlib import Path
from config.settings import Listener as Settings
from dicom_io.network.listener import Listener

class Unheard:
    def association_opened(self, association): pass
    def association_closed(self, association, outcome, stored): pass
    def association_rejected(self, association, remark): pass
    def instance_refused(self, association, sop_instance_uid, remark): pass

with Listener(Settings().model_copy(update={"port": 0}), Path(sys.argv[1]), 0, Unheard()) as listener:
    print(listener.port, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("killed_after", [1, 7])
def test_what_was_acknowledged_before_a_kill_is_complete_on_disk(
    killed_after: int, associate: Associate, write_raw: Callable[..., Path], spool: Path, start_listener: StartListener
) -> None:
    files = [write_raw(PAYLOAD + os.urandom(300_000), f"2.25.{number}") for number in range(killed_after + 3)]
    process = subprocess.Popen([sys.executable, "-c", LISTENER_PROCESS, str(spool)], stdout=subprocess.PIPE, text=True)
    acknowledged = []
    try:
        assert process.stdout is not None
        association = associate(int(process.stdout.readline()))
        killer = threading.Timer(0.0, process.send_signal, [signal.SIGKILL])
        for path in files:
            if len(acknowledged) == killed_after:
                killer.start()
            if not association.is_established or association.send_c_store(path).get("Status") != 0x0000:
                break
            acknowledged.append(path)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert len(acknowledged) >= killed_after
    start_listener()
    kept = {read_envelope(path).sop_instance_uid: path for path in (spool / "incoming").glob("*/*")}
    for path in acknowledged:
        uid = read_file_meta_info(path).MediaStorageSOPInstanceUID
        assert dataset_digest(kept[uid]) == dataset_digest(path)


def test_the_answer_comes_after_the_file_and_its_folder_are_synced(
    start_listener: StartListener,
    associate: Associate,
    write_raw: Callable[..., Path],
    spool: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[tuple[str, Path | None]] = []
    sync, rename, send = os.fsync, Path.rename, reactor.Socket.send

    def synced(descriptor: int) -> None:
        sync(descriptor)
        done.append(("synced", Path(f"/proc/self/fd/{descriptor}").readlink()))

    def renamed(path: Path, target: Path) -> Path:
        done.append(("renamed", path))
        return rename(path, target)

    def sent(connection: Any, data: bytes) -> None:
        if connection.assoc.is_acceptor:
            done.append(("sent", None))
        send(connection, data)

    association = associate(start_listener().port)
    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr(reactor.Socket, "send", sent)
    for number in (1, 2):
        association.send_c_store(write_raw(PAYLOAD, f"2.25.{number}"))
    (folder,) = (spool / "incoming").iterdir()
    parts = [folder / f"00000{number}.part" for number in (1, 2)]
    instances = [[("synced", part), ("renamed", part), ("synced", folder), ("sent", None)] for part in parts]
    assert done == [("synced", folder.parent), ("synced", spool), *instances[0], *instances[1]]


def test_25_modalities_send_at_once(
    start_listener: StartListener, associate: Associate, write_raw: Callable[..., Path], spool: Path, recorder: Any
) -> None:
    port = start_listener().port
    modalities = [associate(port, calling_ae=f"MODALITY{number}") for number in range(25)]
    assert associate(port).is_rejected
    files = [[write_raw(os.urandom(50_000), f"2.25.{m}.{number}") for number in range(4)] for m in range(25)]
    with ThreadPoolExecutor(25) as senders:
        statuses = senders.map(
            lambda each, paths: [each.send_c_store(path).Status for path in paths], modalities, files
        )
        assert list(statuses) == [[0x0000] * 4] * 25
    for modality in modalities:
        modality.release()
    closed = recorder.of("closed", 25)
    assert [stored for _, _, stored in closed] == [4] * 25
    kept = {dataset_digest(path) for path in (spool / "incoming").glob("*/*.dcm")}
    assert kept == {dataset_digest(path) for paths in files for path in paths}


def test_half_written_files_of_a_crash_are_removed_on_start(
    spool: Path, start_listener: StartListener, associate: Associate
) -> None:
    folder = spool / "incoming" / "earlier"
    folder.mkdir(parents=True)
    (folder / "000001.dcm").write_bytes(b"acknowledged")
    (folder / "000002.part").write_bytes(b"half")
    start_listener()
    assert [path.name for path in folder.iterdir()] == ["000001.dcm"]


@pytest.mark.orthanc
@pytest.mark.skipif(not STORESCU.exists(), reason="DCMTK's storescu is not installed")
def test_dcmtk_sends_a_series(
    start_listener: StartListener, write_ct: Callable[..., Path], spool: Path, recorder: Any
) -> None:
    files = [write_ct(f"2.25.{number}") for number in range(1, 21)]
    port = start_listener().port
    subprocess.run([STORESCU, "-aec", "UPTAKE", "127.0.0.1", str(port), *files], check=True, timeout=30)
    assert recorder.of("closed")[0][2] == 20
    kept = sorted((spool / "incoming").glob("*/*.dcm"))
    sent = {dcmread(path).SOPInstanceUID: dcmread(path).PixelData for path in files}
    assert {dcmread(path).SOPInstanceUID: dcmread(path).PixelData for path in kept} == sent
    assert dcmread(kept[0]).SOPClassUID == CTImageStorage


def test_a_remark_is_told_for_every_rejection(
    start_listener: StartListener, associate: Associate, recorder: Any
) -> None:
    port = start_listener().port
    for _ in range(3):
        assert associate(port, called_ae="WRONG").is_rejected
    assert all(isinstance(remark, Remark) for _, remark in recorder.of("rejected", 3))
