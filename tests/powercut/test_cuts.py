"""Nothing is lost and nothing done twice, whenever the power of the machine is cut.

``UPTAKE_POWER_CUTS`` says how often. Each time the machine is on, one study more is sent, and while the node starts,
receives, takes in, analyses or delivers, the power is cut. Afterwards its disk has every instance that was
acknowledged, one report of every study, byte for byte that of a node in peace, in the PACS, too, an audit trail without
a gap, and nothing that is wrong with its file system.

That the test can fail is shown by ``UPTAKE_POWER_PRELOAD=libeatmydata.so``, with which fsync(2) does nothing.
"""

import json
import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dicom_io.digest import dataset_digest
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from node.rehearsal import Rehearsal
from tests.powercut.machine import Machine, copy_from_disk, is_whole, make_disk, why_not
from tests.powercut.powered import Modality, acknowledged
from tests.soak.rehearsed import (
    every_instance_acknowledged_is_kept,
    happens,
    pacs,
    results,
    running,
    wait_until_delivered,
)

CUTS = int(os.environ.get("UPTAKE_POWER_CUTS", "0"))
PRELOAD = os.environ.get("UPTAKE_POWER_PRELOAD", "")
ROOT = Path(__file__).parents[2]
DISK_MB = 16384
REACHED_WITHIN_S = 60.0
OFF_WITHIN_S = 600.0

pytestmark = [
    pytest.mark.timeout(600 + 90 * CUTS),
    pytest.mark.skipif(not CUTS, reason="UPTAKE_POWER_CUTS does not say how often to cut the power: make powercut"),
]


@dataclass(frozen=True)
class Moment:
    """``delay_s`` after a file, in which the outside world sees what the node does, has got so many lines of a kind."""

    file: str
    line: str
    number: int
    delay_s: float


def test_whenever_the_power_is_cut_nothing_is_lost_and_nothing_done_twice(
    tmp_path: Path, port_base: int, write: Callable[..., WrittenStudy], capsys: pytest.CaptureFixture[str]
) -> None:
    if lacking := why_not(tmp_path / "attempt"):
        pytest.skip(lacking)
    studies = [write(plan=StudyPlan(seed=str(number))) for number in range(CUTS + 1)]
    storm = Rehearsal(tmp_path / "storm", port_base)
    machine = Machine(tmp_path / "disk", storm.folder / "spool", tmp_path / "console.log")
    machine.mounted.mkdir(parents=True)
    make_disk(machine.disk, DISK_MB)
    begin = time.monotonic()
    with in_peace(tmp_path / "calm", port_base, studies) as calm:
        reached = [power_cut(machine, storm, studies[:number], at) for number, at in enumerate(planned(), 1)]
        in_peace_at_last(machine, storm, studies)
    sent = acknowledged(storm.folder / "acknowledged")
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(studies)} studies, {len(sent)} instances acknowledged; {len(reached)} power cuts, "
            f"{sum(reached)} of them at the planned moment; {time.monotonic() - begin:.0f} s\n"
        )
    assert is_whole(machine.disk)
    copy_from_disk(machine.disk, machine.mounted)
    lost = sent.keys() - {dataset_digest(file) for file in machine.mounted.rglob("*.dcm")}
    assert not lost, f"{len(lost)} of {len(sent)} acknowledged instances are lost"
    assert every_instance_acknowledged_is_kept(storm) == sent.keys()
    assert sent.keys() == {dataset_digest(file) for study in studies for file in study.files}
    for study in studies:
        assert results(storm, study.study_uid) == results(calm, study.study_uid)
    assert in_pacs(storm) == in_pacs(calm)
    assert any(reached)


@contextmanager
def in_peace(folder: Path, port_base: int, studies: Sequence[WrittenStudy]) -> Iterator[Rehearsal]:
    """A node beside the machine, which has reported all studies at the end."""
    with pacs(folder, port_base) as calm, running(calm):
        modality = Modality(folder / "acknowledged")
        for study in studies:
            modality.send(calm, study.files)
        yield calm
        wait_until_delivered(calm, [study.study_uid for study in studies])


def planned() -> list[Moment]:
    """In turn while the node starts, receives, takes in, analyses and delivers; when exactly, by chance."""
    chance = random.Random(CUTS)
    phases: tuple[Callable[[], Moment], ...] = (
        lambda: Moment("node.log", "", 0, chance.uniform(1.0, 10.0)),
        lambda: Moment("acknowledged", ".", chance.randint(1, 140), 0.0),
        lambda: Moment("node.log", "stored=[1-9]", 1, chance.uniform(0.0, 1.0)),
        lambda: Moment("node.log", "analysis started", 1, chance.uniform(0.0, 3.0)),
        lambda: Moment("node.log", "report recorded", 1, chance.uniform(0.0, 1.0)),
    )
    return [phases[number % len(phases)]() for number in range(CUTS)]


def power_cut(machine: Machine, storm: Rehearsal, studies: Sequence[WrittenStudy], at: Moment) -> bool:
    """Turn the machine on, have it go on with some studies, and cut its power; whether that was as planned.

    Where the moment does not come in time, the power is cut then.
    """
    file = storm.folder / at.file
    before = lines(file, at.line)
    turn_on(machine, storm, studies)
    try:
        come = happens(lambda: machine.is_off() or lines(file, at.line) >= before + at.number, REACHED_WITHIN_S)
        time.sleep(at.delay_s)
    finally:
        was_on = machine.cut()
    return come and was_on


def in_peace_at_last(machine: Machine, storm: Rehearsal, studies: Sequence[WrittenStudy]) -> None:
    """Turn the machine on and wait until it has done everything and is off."""
    turn_on(machine, storm, studies)
    try:
        assert happens(machine.is_off, OFF_WITHIN_S), machine.console.read_text(errors="replace")[-3000:]
    finally:
        machine.cut()


def turn_on(machine: Machine, storm: Rehearsal, studies: Sequence[WrittenStudy]) -> None:
    named = {study.study_uid: [str(file) for file in study.files] for study in studies}
    (storm.folder / "studies.json").write_text(json.dumps(named), encoding="utf-8")
    command = [sys.executable, "-m", "tests.powercut.powered", str(storm.folder), str(storm.port_base)]
    machine.start(["env", f"PYTHONPATH={ROOT}", f"LD_PRELOAD={PRELOAD}", *command])


def lines(file: Path, kind: str) -> int:
    return len(re.findall(f"{kind}.*\n", file.read_text(encoding="utf-8"))) if file.exists() else 0


def in_pacs(rehearsal: Rehearsal) -> dict[str, str]:
    """The digest of each result object that the PACS keeps, by SOP Instance UID."""
    return {file.name: dataset_digest(file) for file in rehearsal.pacs_folder.iterdir()}
