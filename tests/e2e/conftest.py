"""A bench with a real PACS (Orthanc), DCMTK, third-party validators and a viewer (OHIF), and nodes beside it."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import psutil
import pytest

from config.settings import Destination
from db.detail import StudyDetail, study_detail
from db.session import Database
from db.studies import UnknownStudy
from dicom_io.network.sender import echo

ORTHANC = Destination(name="orthanc", ae_title="ORTHANC", host="127.0.0.1", port=4242, storage_commitment=False)
NODE = Destination(name="node", ae_title="UPTAKE", host="127.0.0.1", port=11112)
_ORTHANC_URL = "http://127.0.0.1:8042"
_OHIF_URL = "http://127.0.0.1:3000"
_BENCH_PORTS = (4242, 8042, 3000)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = 90.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not in {timeout_s:.0f} s: {what}"
        time.sleep(0.1)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_running(process_id: int) -> bool:
    """Whether there is such a process that has not ended, even if nobody took note of its end."""
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@dataclass(frozen=True)
class Finished:
    """How a program of the bench ended, and what it said."""

    exit_code: int
    output: str

    def lines(self, *words: str) -> list[str]:
        return [line for line in self.output.splitlines() if all(word in line for word in words)]


@dataclass(frozen=True)
class Bench:
    """``scripts`` start it; ``installation`` is where its programs are."""

    scripts: Path
    installation: Path
    orthanc: Destination = ORTHANC

    def up(self, *options: str, unknown_sop_classes: bool = True) -> None:
        busy = [port for port in _BENCH_PORTS if not is_free(port)]
        assert not busy, f"Ports {busy} are in use; the bench needs them."
        started = self.run("up.sh", *options, timeout_s=30, UNKNOWN_SOP=json.dumps(unknown_sop_classes))
        if started.exit_code != 0:
            self.down()
            pytest.fail(started.output)

    def down(self) -> None:
        servers = [int((self.installation / "run" / f"{name}.pid").read_text()) for name in ("orthanc", "nginx")]
        self.run("down.sh", timeout_s=10)
        wait_for(lambda: not any(map(is_running, servers)), "Orthanc and nginx end", 30)

    def run(self, script: str, *arguments: str | Path, timeout_s: float, **environment: str) -> Finished:
        variables = {"TESTBENCH": str(self.installation), "UPTAKE_PORT": str(NODE.port), **environment}
        return _run(["bash", self.scripts / script, *arguments], timeout_s, variables)

    def store(self, peer: Destination, folder: Path) -> None:
        """Send a folder as a modality does, by DCMTK; without TCP_NODELAY each object costs 44 ms."""
        where = ("-aec", peer.ae_title, peer.host, str(peer.port))
        command = [
            "/usr/bin/storescu",
            "--propose-rle",
            "--scan-directories",
            "--recurse",
            "--required",
            *where,
            folder,
        ]
        sent = _run(command, 120, {"TCP_NODELAY": "1"})
        assert sent.exit_code == 0, sent.output

    def route(self, study_uid: str) -> None:
        """Have Orthanc send all it has of a study to the node."""
        (study,) = self.lookup(study_uid)
        sent = self._ask("/modalities/UPTAKE/store", json.dumps({"Resources": [study], "Synchronous": True}))
        assert json.loads(sent)["FailedInstancesCount"] == 0

    def modalities(self, study_uid: str) -> list[str]:
        """Of the series that Orthanc has of a study."""
        (study,) = self.lookup(study_uid)
        series = json.loads(self._ask(f"/studies/{study}/series"))
        return sorted(one["MainDicomTags"]["Modality"] for one in series)

    def instance(self, sop_instance_uid: str) -> bytes:
        (identifier,) = self.lookup(sop_instance_uid)
        return self._ask(f"/instances/{identifier}/file")

    def lookup(self, uid: str) -> list[str]:
        return [found["ID"] for found in json.loads(self._ask("/tools/lookup", uid))]

    def view(self, study_uid: str, folder: Path) -> dict[str, Any]:
        """What OHIF shows of a study with one segmentation and one report; pictures go to a folder: ``viewer.mjs``."""
        script = Path(__file__).with_name("viewer.mjs")
        command = ["node", script, f"{_OHIF_URL}/viewer?StudyInstanceUIDs={study_uid}", folder]
        seen = _run(command, 840, {"TESTBENCH": str(self.installation)})
        assert seen.exit_code == 0, seen.output
        facts: dict[str, Any] = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
        return facts

    def program(self, name: str) -> Path:
        """A program of the bench's own installation, where the system has another of that name, or none."""
        return self.installation / "venv" / "bin" / name

    def run_program(self, program: str | Path, *arguments: str | Path, timeout_s: float = 120) -> Finished:
        return _run([program, *arguments], timeout_s, {})

    def _ask(self, path: str, body: str | None = None) -> bytes:
        data = None if body is None else body.encode()
        with urllib.request.urlopen(_ORTHANC_URL + path, data, timeout=60) as answer:
            content: bytes = answer.read()
        return content


@dataclass
class Node:
    """A node of its own folder, serving until it is stopped; ``results`` are lines of that table of its settings."""

    folder: Path
    address: Destination
    destinations: Sequence[Destination]
    results: str = ""
    quiet_time_s: float = 3.0
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        assert is_free(self.address.port), f"Port {self.address.port} is in use; the bench needs it."
        self.folder.mkdir(parents=True)
        configuration = self.folder / "uptake.toml"
        configuration.write_text(_settings(self), encoding="utf-8")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("UPTAKE_")}
        command = [sys.executable, "-m", "node", "serve", "--config", str(configuration)]
        with (self.folder / "node.log").open("ab") as log:
            node = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)
        self.processes.append(node)
        wait_for(lambda: echo(self.address, "BENCH").is_success, "the node answers", 60)

    def stop(self) -> None:
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)

    def detail(self, study_uid: str) -> StudyDetail | None:
        """What the node knows of a study; None before it arrives."""
        database = Database.open(f"sqlite:///{self.folder}/spool/uptake.db")
        try:
            with database.reading() as session:
                return study_detail(session, study_uid)
        except UnknownStudy:
            return None
        finally:
            database.close()

    def detail_when(self, study_uid: str, condition: Callable[[StudyDetail], bool]) -> StudyDetail:
        wait_for(lambda: (seen := self.detail(study_uid)) is not None and condition(seen), f"node at {self.folder}")
        found = self.detail(study_uid)
        assert found is not None
        return found

    def stored(self, path: str) -> bytes:
        return (self.folder / "spool" / path).read_bytes()


@pytest.fixture(scope="session")
def installed() -> Bench:
    """The bench's programs; its servers need not run."""
    for name, meaning in (("UPTAKE_TESTBENCH", "the bench's scripts"), ("TESTBENCH", "where they are installed")):
        if not Path(os.environ.get(name, "/nowhere")).is_dir():
            pytest.skip(f"{name} does not name a folder: {meaning}")
    return Bench(Path(os.environ["UPTAKE_TESTBENCH"]), Path(os.environ["TESTBENCH"]))


@pytest.fixture(scope="module")
def bench(installed: Bench) -> Iterator[Bench]:
    """The bench with Orthanc and OHIF; its ports are fixed, so another process that tests waits for its turn."""
    with (installed.installation / "lock").open("w") as lock:
        wait_for(lambda: is_locked(lock), "other tests leave the bench", 1800)
        installed.up("clean")
        yield installed
        installed.down()


def is_locked(file: TextIO) -> bool:
    """Whether this process now holds the lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@pytest.fixture(scope="module")
def node(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """The node that Orthanc knows, which delivers to Orthanc."""
    with serving(Node(tmp_path_factory.mktemp("orthanc") / "node", NODE, (ORTHANC,))) as running:
        yield running


@pytest.fixture
def serve(tmp_path: Path) -> Callable[..., Any]:
    """Run another node that delivers to the given destinations: a context manager."""

    def serve_to(*destinations: Destination, results: str = "") -> Any:
        address = NODE.model_copy(update={"port": free_port()})
        return serving(Node(tmp_path / "node", address, destinations, results))

    return serve_to


@pytest.fixture
def storescp(bench: Bench, tmp_path: Path) -> Callable[..., Any]:
    """Run DCMTK's receiver, which writes what it gets to ``received``: a context manager that gives its address."""

    @contextmanager
    def receiving(*options: str | Path) -> Iterator[Destination]:
        receiver = Destination(name="storescp", ae_title="STORESCP", host="127.0.0.1", port=free_port())
        folder = tmp_path / "received"
        folder.mkdir()
        command = ["/usr/bin/storescp", *options, "--bit-preserving", "-od", folder, str(receiver.port)]
        process = subprocess.Popen(list(map(str, command)), env={**os.environ, "TCP_NODELAY": "1"})
        try:
            wait_for(lambda: echo(receiver, "BENCH").is_success, "storescp answers", 20)
            yield receiver
        finally:
            process.terminate()
            process.wait(timeout=10)

    return receiving


@contextmanager
def serving(node: Node) -> Iterator[Node]:
    try:
        node.start()
        yield node
    finally:
        node.stop()


def _run(command: Sequence[str | Path], timeout_s: float, environment: dict[str, str]) -> Finished:
    finished = subprocess.run(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout_s,
        env={**os.environ, **environment},
        check=False,
    )
    return Finished(finished.returncode, finished.stdout)


def _settings(node: Node) -> str:
    destinations = "\n".join(
        f'[[destinations]]\nname = "{one.name}"\nae_title = "{one.ae_title}"\nhost = "{one.host}"\nport = {one.port}\n'
        f'profile = "{one.profile}"\noutlines = {json.dumps(one.outlines)}\n'
        + ("" if one.storage_commitment is None else f"storage_commitment = {json.dumps(one.storage_commitment)}\n")
        for one in node.destinations
    )
    return (
        f'[listener]\nae_title = "{node.address.ae_title}"\nport = {node.address.port}\n\n'
        f"[completeness]\nquiet_time_s = {node.quiet_time_s}\n\n"
        f"[monitoring]\nport = {free_port()}\n\n"
        f"[results]\n{node.results}\n\n"
        f'{destinations}\n[spool]\nfolder = "{node.folder}/spool"\n'
    )
