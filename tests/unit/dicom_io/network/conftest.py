"""Real peers on loopback: listeners with a recorder of what they tell, Storage SCUs and SCPs, and small instances."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import BaseServer
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, build_context, evt

from config.reasons import Remark
from config.settings import Destination
from config.settings import Listener as Settings
from dicom_io.network.listener import AssociationInfo, Listener, Outcome


@dataclass
class Recorder:
    """Remembers what a listener tells, by name of the callback."""

    told: list[tuple[str, Any]] = field(default_factory=list)
    delay_s: float = 0.0

    def association_opened(self, association: AssociationInfo) -> None:
        time.sleep(self.delay_s)
        self.told.append(("opened", association))

    def association_closed(self, association: AssociationInfo, outcome: Outcome, stored: int) -> None:
        self.told.append(("closed", (association, outcome, stored)))

    def association_rejected(self, association: AssociationInfo, remark: Remark) -> None:
        self.told.append(("rejected", (association, remark)))

    def instance_refused(self, association: AssociationInfo, sop_instance_uid: str, remark: Remark) -> None:
        self.told.append(("refused", (sop_instance_uid, remark)))

    def of(self, name: str, count: int = 1) -> list[Any]:
        """What was told under a name, once that happened ``count`` times; fails after 30 s."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            found = [what for told, what in list(self.told) if told == name]
            if len(found) >= count:
                return found
            time.sleep(0.01)
        raise AssertionError(f"{count} × {name} expected, told was {self.told}")


@pytest.fixture(autouse=True)
def servers_stop_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socketserver looks for its shutdown every 0.5 s by default; here every 0.02 s."""
    monkeypatch.setattr(BaseServer.serve_forever, "__defaults__", (0.02,))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def start_listener(spool: Path, recorder: Recorder) -> Iterator[Callable[..., Listener]]:
    """Starts a listener on any free port, with settings given by name; stopped after the test."""
    with ExitStack() as running:

        def start(minimum_free_mb: int = 0, **settings: Any) -> Listener:
            chosen = Settings().model_copy(update={"port": 0, "network_timeout_s": 60.0, **settings})
            listener = Listener(chosen, spool, minimum_free_mb, recorder)
            listener.start()
            running.callback(listener.stop, grace_s=0)
            return listener

        yield start


@pytest.fixture
def associate() -> Iterator[Callable[..., Any]]:
    """Opens pynetdicom's own association to a port of loopback; dropped after the test."""
    opened = []

    def open_association(
        port: int, calling_ae: str = "SCANNER", called_ae: str = "UPTAKE", contexts: Any = None, handlers: Any = ()
    ) -> Any:
        entity = AE(calling_ae)
        entity.dimse_timeout = entity.acse_timeout = entity.network_timeout = 60
        association = entity.associate(
            "127.0.0.1",
            port,
            contexts=contexts or [build_context(CTImageStorage, ExplicitVRLittleEndian)],
            ae_title=called_ae,
            evt_handlers=list(handlers),
        )
        opened.append(association)
        return association

    yield open_association
    for association in opened:
        if association.is_established:
            association.abort()


@pytest.fixture
def start_peer() -> Iterator[Callable[..., Destination]]:
    """Starts a Storage SCP with given contexts and handler of C-STORE; shut down after the test."""
    entities = []

    def start(
        contexts: Any, store: Callable[..., Any] = lambda event: 0x0000, ae_title: str = "PACS", handlers: Any = ()
    ) -> Destination:
        entity = AE(ae_title)
        entity.require_called_aet = True
        entity.network_timeout = 5
        server = entity.start_server(
            ("127.0.0.1", 0), block=False, contexts=contexts, evt_handlers=[(evt.EVT_C_STORE, store), *handlers]
        )
        entities.append(entity)
        return Destination(
            name="peer", ae_title="PACS", host="127.0.0.1", port=server.server_address[1], network_timeout_s=5
        )

    yield start
    for entity in entities:
        entity.shutdown()


@pytest.fixture
def write_raw(tmp_path: Path) -> Callable[..., Path]:
    """Writes a Part 10 file with any bytes as data set."""

    def write(
        payload: bytes,
        sop_instance_uid: str = "2.25.1",
        sop_class_uid: str = CTImageStorage,
        transfer_syntax_uid: str = ExplicitVRLittleEndian,
    ) -> Path:
        meta = FileMetaDataset()
        meta.FileMetaInformationVersion = b"\x00\x01"
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class_uid, sop_instance_uid
        meta.TransferSyntaxUID, meta.ImplementationClassUID = transfer_syntax_uid, "2.25.9"
        path = tmp_path / f"{sop_instance_uid}-{sop_class_uid}.dcm"
        with path.open("wb") as stream:
            stream.write(bytes(128) + b"DICM")
            write_file_meta_info(stream, meta)
            stream.write(payload)
        return path

    return write


@pytest.fixture
def write_ct(tmp_path: Path) -> Callable[..., Path]:
    """Writes a CT instance of 16 × 16 pixels, whose values count up."""

    def write(sop_instance_uid: str = "2.25.1", compress: str | None = None) -> Path:
        instance = Dataset()
        instance.SOPClassUID, instance.SOPInstanceUID = CTImageStorage, sop_instance_uid
        instance.StudyInstanceUID, instance.SeriesInstanceUID = "2.25.100", "2.25.200"
        instance.PatientName, instance.PatientID = "Doe^Jane", "1"
        instance.Rows = instance.Columns = 16
        instance.SamplesPerPixel, instance.PhotometricInterpretation = 1, "MONOCHROME2"
        instance.BitsAllocated, instance.BitsStored, instance.HighBit, instance.PixelRepresentation = 16, 12, 11, 0
        instance.PixelData = np.arange(256, dtype=np.uint16).tobytes()
        instance.file_meta = FileMetaDataset()
        instance.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        if compress:
            instance.compress(compress, generate_instance_uid=False)
        path = tmp_path / f"{sop_instance_uid}.dcm"
        instance.save_as(path, enforce_file_format=True)
        return path

    return write
