"""A whole run of a node tells nobody who the patient is, and what it keeps is for its own user alone."""

import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from config.settings import Destination
from dicom_io.network.sender import echo, send
from dicom_io.scanner.study import WrittenStudy
from tests.e2e.conftest import free_port, wait_for
from tests.fuzz.mutation import mutated

Write = Callable[..., WrittenStudy]
SECRET = "hunter2hunter2"
IDENTITY = (
    *("PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "ReferringPhysicianName"),
    *("InstitutionName", "StudyID", "PatientAge", "OperatorsName"),
)


def identities(study: WrittenStudy) -> set[str]:
    """Every part of what tells who the patient is, long enough not to be found by chance."""
    header = dcmread(study.pet_files[0], stop_before_pixels=True)
    values = {str(header.get(keyword, "")) for keyword in IDENTITY}
    parts = {part for value in values for part in value.replace("=", "^").split("^") if len(part) >= 4}
    assert {"Patient", "Digital", "DIGITAL-3", "19600203"} <= parts
    return parts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as anybody would make it, with the settings of a node that tells all it can."""
    made = tmp_path / "node"
    made.mkdir(mode=0o755)
    (made / "uptake.toml").write_text(
        f'[listener]\nport = {free_port()}\n[spool]\nfolder = "{made}/spool"\n[completeness]\nquiet_time_s = 1.0\n'
        f"[monitoring]\nport = {free_port()}\n"
        f'[[destinations]]\nname = "dead"\nae_title = "DEAD"\nhost = "127.0.0.1"\nport = {free_port()}\n'
        '[logging]\nlevel = "debug"\n'
    )
    return made


@pytest.fixture
def node(folder: Path) -> Iterator[Destination]:
    """The node, started under an umask that lets everybody read."""
    text = (folder / "uptake.toml").read_text()
    port = int(text.split("port = ")[1].split("\n")[0])
    address = Destination(name="node", ae_title="UPTAKE", host="127.0.0.1", port=port)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("UPTAKE_")}
    environment["UPTAKE_DATABASE__URL"] = f"sqlite:///{folder}/spool/{SECRET}.db"
    command = [sys.executable, "-m", "node", "serve", "--config", str(folder / "uptake.toml")]
    with (folder / "node.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment, umask=0o022)
    try:
        wait_for(lambda: echo(address, "BENCH").is_success, "the node answers", 60)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def log_of(folder: Path) -> str:
    return (folder / "node.log").read_text(encoding="utf-8", errors="replace")


def spoilt(study: WrittenStudy, folder: Path) -> list[Path]:
    """Copies of slices that are damaged in every way, each under a UID of its own."""
    folder.mkdir()
    noise, files = random.Random(7), []
    for number in range(60):
        content = mutated(noise.choice(study.files).read_bytes(), noise)
        files.append(folder / f"{number}.dcm")
        files[-1].write_bytes(content)
    return files


@pytest.mark.timeout(400)
def test_a_whole_run_tells_nobody_who_the_patient_is(
    write: Write, node: Destination, folder: Path, tmp_path: Path
) -> None:
    study = write()
    assert all(outcome.reason is None for outcome in send(node, study.files, "SCANNER"))
    send(node, spoilt(study, tmp_path / "spoilt"), "SCANNER")
    wait_for(lambda: "result not sent" in log_of(folder), "the study is analysed and its delivery tried", 240)
    told = log_of(folder)
    assert study.study_uid in told
    assert "instance rejected" in told or "study rejected" in told
    assert {part for part in identities(study) if part in told} == set()
    assert SECRET not in told
    readable = {
        str(path.relative_to(folder)): oct(path.stat().st_mode)
        for path in (folder / "spool").rglob("*")
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    }
    assert readable == {}
    assert stat.S_IMODE((folder / "spool").stat().st_mode) == 0o700
    assert not [path for path in (folder / "spool").rglob("*") if {p for p in identities(study) if p in str(path)}]
