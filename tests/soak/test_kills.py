"""Nothing is lost and nothing done twice, wherever a process of the node is killed.

``UPTAKE_SOAK_KILLS`` says how often: first before and after every commit of every process, then at random lines.
Studies go on coming meanwhile. Afterwards the node has every instance that it acknowledged, one report of every study,
byte for byte that of a node that nobody killed, in the PACS, too, and an audit trail without a gap.
"""

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dicom_io.digest import dataset_digest
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from node.rehearsal import Rehearsal
from tests.soak.rehearsed import (
    every_instance_acknowledged_is_kept,
    happens,
    pacs,
    results,
    running,
    wait_until_delivered,
)

KILLS = int(os.environ.get("UPTAKE_SOAK_KILLS", "0"))
KILLS_A_STUDY = 6
ROLES = ("MainProcess", "clerk", "worker")
REACHED_WITHIN_S = 30.0

pytestmark = [
    pytest.mark.timeout(600 + 60 * KILLS),
    pytest.mark.skipif(not KILLS, reason="UPTAKE_SOAK_KILLS does not say how often to kill: make soak"),
]


@dataclass(frozen=True)
class Kill:
    """A process of a role ends at the ``number``-th event of its life."""

    role: str
    event: str
    number: int


@dataclass
class Source:
    """A modality that sends study after study, each instance until it is acknowledged."""

    rehearsal: Rehearsal
    acknowledged: set[Path] = field(default_factory=set)

    def send(self, studies: Iterable[WrittenStudy]) -> None:
        for study in studies:
            waiting = set(study.files)
            while waiting:
                stored = {one.path for one in self.rehearsal.send_study(sorted(waiting)) if one.reason is None}
                self.acknowledged |= stored
                waiting -= stored
                time.sleep(0.2)


def test_wherever_it_is_killed_nothing_is_lost_and_nothing_done_twice(
    tmp_path: Path, port_base: int, write: Callable[..., WrittenStudy], capsys: pytest.CaptureFixture[str]
) -> None:
    studies = [write(plan=StudyPlan(seed=str(number))) for number in range(2 + KILLS // KILLS_A_STUDY)]
    with pacs(tmp_path / "calm", port_base) as calm:
        counts = in_peace(calm, studies, tmp_path / "counts")
    kills = planned(counts)
    with pacs(tmp_path / "storm", port_base) as storm:
        source = Source(storm)
        reached = under_fire(source, studies, kills, tmp_path / "plan.json")
        with capsys.disabled():
            sys.stdout.write(f"\n{len(studies)} studies; {len(kills)} kills, {reached} of them at the planned line\n")
        assert every_instance_acknowledged_is_kept(storm) == {dataset_digest(file) for file in source.acknowledged}
        assert {file for study in studies for file in study.files} == source.acknowledged
        for study in studies:
            expected = results(calm, study.study_uid)
            assert results(storm, study.study_uid) == expected
            assert {result.path.name for result in storm.results(study.study_uid)} == set(expected)
    assert reached


def in_peace(calm: Rehearsal, studies: Sequence[WrittenStudy], folder: Path) -> Mapping[str, Mapping[str, int]]:
    """Have all studies reported by a node that nobody kills; the events of each role until the first is delivered."""
    folder.mkdir()
    source = Source(calm)
    with running(calm, KILL_COUNTS=folder):
        source.send(studies[:1])
        wait_until_delivered(calm, [studies[0].study_uid])
        counts = {role: json.loads((folder / f"{role}.json").read_text(encoding="utf-8")) for role in ROLES}
    with running(calm):
        source.send(studies[1:])
        wait_until_delivered(calm, [study.study_uid for study in studies])
    return counts


def planned(counts: Mapping[str, Mapping[str, int]]) -> list[Kill]:
    """Before and after each commit of each role in turn, as far as there are kills, and then anywhere."""
    chance = random.Random(KILLS)
    commits = [
        Kill(role, event, number)
        for role in ROLES
        for event in ("commit", "committed")
        for number in range(1, counts[role][event] + 1)
    ]
    chance.shuffle(commits)
    lines = [(role, counts[role]["line"]) for role in ROLES]
    anywhere = [
        Kill(role, "line", int(most ** chance.uniform(0.3, 1.0))) for role, most in chance.choices(lines, k=KILLS)
    ]
    return (commits + anywhere)[:KILLS]


def under_fire(source: Source, studies: Sequence[WrittenStudy], kills: Sequence[Kill], plan: Path) -> int:
    """Send the studies to a node that is killed and started again; how many kills came at the planned line.

    Where a line is not reached in time the node is killed then. What the main process leaves behind lives on for up to
    a second, beside its successors.
    """
    sending = threading.Thread(target=source.send, args=(studies,))
    sending.start()
    reached = 0
    for kill in kills:
        plan.write_text(json.dumps(vars(kill)), encoding="utf-8")
        with running(source.rehearsal, signal.SIGKILL, KILL_PLAN=plan):
            reached += happens(lambda: not plan.exists(), REACHED_WITHIN_S)
    plan.unlink(missing_ok=True)
    with running(source.rehearsal):
        sending.join()
        wait_until_delivered(source.rehearsal, [study.study_uid for study in studies])
    return reached
