"""A PACS and a node of their own on loopback, for the demonstration, the benchmarks and end-to-end tests."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydicom import Dataset, dcmread
from pynetdicom import AE
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from config.reasons import UptakeError
from config.settings import Destination
from dicom_io.network.sender import SendOutcome, echo, send

PACS_AE_TITLE = "DEMOPACS"
NODE_AE_TITLE = "UPTAKE"
_START_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A result as the PACS lists it, and the file in which the PACS keeps it."""

    modality: str
    series_description: str
    path: Path


@dataclass
class Rehearsal:
    """A folder with a running PACS (pynetdicom's qrscp) and a running node that delivers to it."""

    folder: Path
    port_base: int
    node_settings: str = ""
    """More TOML for the node."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def pacs(self) -> Destination:
        return Destination(name="pacs", ae_title=PACS_AE_TITLE, host="127.0.0.1", port=self.port_base)

    @property
    def node(self) -> Destination:
        return Destination(name="node", ae_title=NODE_AE_TITLE, host="127.0.0.1", port=self.port_base + 1)

    @property
    def monitoring_port(self) -> int:
        return self.port_base + 2

    @property
    def config_file(self) -> Path:
        return self.folder / "uptake.toml"

    @property
    def pacs_folder(self) -> Path:
        return self.folder / "pacs"

    def start(self) -> None:
        """Start both and wait until they answer C-ECHO; raises ``UptakeError`` if one does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for port in range(self.port_base, self.port_base + 3):
            with socket.socket() as free:
                free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    free.bind(("127.0.0.1", port))
                except OSError:
                    raise UptakeError(f"Port {port} is in use; choose others with --port-base.") from None
        settings = _NODE_SETTINGS.format(rehearsal=self, node=self.node, pacs=self.pacs)
        self.config_file.write_text(settings + self.node_settings, encoding="utf-8")
        self.pacs_folder.mkdir(exist_ok=True)
        pacs_settings = self.folder / "pacs.ini"
        pacs_settings.write_text(_PACS_SETTINGS.format(rehearsal=self, pacs=self.pacs), encoding="utf-8")
        self._run("pacs", [sys.executable, "-m", "pynetdicom", "qrscp", "-q", "--config", str(pacs_settings)])
        self._wait_for(self.pacs, self.folder / "pacs.log")
        self.start_node()

    def start_node(self) -> None:
        """Start the node, or start it again, and wait until it answers C-ECHO."""
        self._run("node", [sys.executable, "-m", "node", "serve", "--config", str(self.config_file)])
        self._wait_for(self.node, self.folder / "node.log")

    def send_study(self, files: Sequence[Path]) -> tuple[SendOutcome, ...]:
        """Send instances to the node, as the PACS would route them."""
        return send(self.node, files, PACS_AE_TITLE, lambda outcome: None)

    def results(self, study_uid: str) -> list[StoredResult]:
        """The instances that the PACS has of a study, asked by C-FIND (PS3.4 Section C.6.2, study root)."""
        found = []
        for series in self._find("SERIES", study_uid, SeriesInstanceUID="", Modality=""):
            for image in self._find("IMAGE", study_uid, SeriesInstanceUID=series.SeriesInstanceUID, SOPInstanceUID=""):
                path = self.pacs_folder / str(image.SOPInstanceUID)
                description = dcmread(path, stop_before_pixels=True, specific_tags=["SeriesDescription"])
                found.append(StoredResult(str(series.Modality), str(description.get("SeriesDescription", "")), path))
        return found

    def stop(self) -> None:
        """End both processes; kill what does not end by itself."""
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def _run(self, name: str, command: list[str]) -> None:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("UPTAKE_")}
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder, env=environment)
            )

    def _wait_for(self, peer: Destination, log: Path) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not echo(peer, PACS_AE_TITLE).is_success:
            if time.monotonic() > deadline or any(process.poll() is not None for process in self.processes):
                raise UptakeError(f"{peer.ae_title} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)

    def _find(self, level: str, study_uid: str, **keys: str) -> list[Dataset]:
        entity = AE(NODE_AE_TITLE)
        entity.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
        association = entity.associate(self.pacs.host, self.pacs.port, ae_title=self.pacs.ae_title)
        if not association.is_established:
            raise UptakeError("The PACS does not answer C-FIND.")
        query = Dataset()
        query.QueryRetrieveLevel = level
        query.StudyInstanceUID = study_uid
        for keyword, value in keys.items():
            setattr(query, keyword, value)
        answers = association.send_c_find(query, StudyRootQueryRetrieveInformationModelFind)
        found = [identifier for status, identifier in answers if identifier is not None]
        association.release()
        return found


@contextmanager
def rehearse(folder: Path, port_base: int, node_settings: str = "") -> Iterator[Rehearsal]:
    """A running rehearsal that is stopped at the end, whatever happens."""
    rehearsal = Rehearsal(folder, port_base, node_settings)
    try:
        rehearsal.start()
        yield rehearsal
    finally:
        rehearsal.stop()


_NODE_SETTINGS = """\
[listener]
ae_title = "{node.ae_title}"
host = "{node.host}"
port = {node.port}

[[destinations]]
name = "{pacs.name}"
ae_title = "{pacs.ae_title}"
host = "{pacs.host}"
port = {pacs.port}

[monitoring]
port = {rehearsal.monitoring_port}

[spool]
folder = "{rehearsal.folder}/spool"
"""

_PACS_SETTINGS = """\
[DEFAULT]
ae_title: {pacs.ae_title}
port: {pacs.port}
max_pdu: 131072
acse_timeout: 30
dimse_timeout: 30
network_timeout: 30
bind_address: {pacs.host}
instance_location: {rehearsal.pacs_folder}
database_location: {rehearsal.folder}/pacs.sqlite
log_identifier: False
"""
