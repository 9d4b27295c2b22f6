"""Nothing is lost and nothing done twice, wherever a process of the node is killed.

``UPTAKE_SOAK_KILLS`` says how often: first before and after every commit of every process, then at random lines.
Studies go on coming meanwhile. Afterwards the node has every instance that it acknowledged, one report of every study,
byte for byte that of a node that nobody killed, in the PACS, too, and an audit trail without a gap.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.audit import verify_chain
from db.detail import study_detail
from db.session import Database
from db.states import StudyState
from db.tables import Instance, Study
from dicom_io.digest import dataset_digest
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from node.rehearsal import Rehearsal, rehearse

KILLS = int(os.environ.get("UPTAKE_SOAK_KILLS", "0"))
KILLS_A_STUDY = 6
ROLES = ("MainProcess", "clerk", "worker")
REACHED_WITHIN_S = 30.0
DELIVERED_WITHIN_S = 600.0
SITE = Path(__file__).with_name("site")

SETTINGS = """
[completeness]
quiet_time_s = 3600

[analysis]
maximum_attempts = 100000

[delivery]
maximum_attempts = 100000
first_retry_s = 0.2
last_retry_s = 1.0
"""

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
            expected = results(calm, study)
            assert results(storm, study) == expected
            assert {result.path.name for result in storm.results(study.study_uid)} == set(expected)
    assert reached


def in_peace(calm: Rehearsal, studies: Sequence[WrittenStudy], folder: Path) -> Mapping[str, Mapping[str, int]]:
    """Have all studies reported by a node that nobody kills; the events of each role until the first is delivered."""
    folder.mkdir()
    source = Source(calm)
    with running(calm, KILL_COUNTS=folder):
        source.send(studies[:1])
        wait_until_delivered(calm, studies[:1])
        counts = {role: json.loads((folder / f"{role}.json").read_text(encoding="utf-8")) for role in ROLES}
    with running(calm):
        source.send(studies[1:])
        wait_until_delivered(calm, studies)
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
        wait_until_delivered(source.rehearsal, studies)
    return reached


@contextmanager
def pacs(folder: Path, port_base: int) -> Iterator[Rehearsal]:
    """A PACS, and the settings of a node that delivers to it and does not run yet."""
    with rehearse(folder, port_base, SETTINGS) as rehearsal:
        node = rehearsal.processes.pop()
        node.send_signal(signal.SIGTERM)
        node.wait(30)
        yield rehearsal


@contextmanager
def running(rehearsal: Rehearsal, end: int = signal.SIGTERM, **variables: Path) -> Iterator[None]:
    """The node, until it is ended by a signal, if it has not ended before."""
    command = [sys.executable, "-m", "node", "serve", "--config", str(rehearsal.config_file)]
    root = str(Path(__file__).parents[2])
    environment = {key: value for key, value in os.environ.items() if not key.startswith("UPTAKE_")}
    environment |= {"PYTHONPATH": os.pathsep.join((str(SITE), root))} | {
        key: str(one) for key, one in variables.items()
    }
    with (rehearsal.folder / "node.log").open("ab") as log:
        node = subprocess.Popen(command, stdout=log, stderr=log, cwd=rehearsal.folder, env=environment)
    try:
        yield
    finally:
        node.send_signal(end)
        node.wait(60)


def happens(condition: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def database(rehearsal: Rehearsal) -> Iterator[Session]:
    opened = Database.open(f"sqlite:///{rehearsal.folder}/spool/uptake.db")
    with opened.reading() as session:
        yield session
    opened.close()


def wait_until_delivered(rehearsal: Rehearsal, studies: Sequence[WrittenStudy]) -> None:
    def delivered() -> bool:
        with database(rehearsal) as session:
            states = dict(iter(session.execute(select(Study.study_instance_uid, Study.state))))
        return all(states.get(study.study_uid) is StudyState.DELIVERED for study in studies)

    assert happens(delivered, DELIVERED_WITHIN_S), (rehearsal.folder / "node.log").read_text()[-3000:]


def every_instance_acknowledged_is_kept(rehearsal: Rehearsal) -> set[str]:
    """The digests of the instances on record, each of which is that of its file; the trail has no gap."""
    with database(rehearsal) as session:
        assert verify_chain(session) is None
        kept = session.execute(select(Instance.digest, Instance.path)).all()
    assert all(dataset_digest(rehearsal.folder / "spool" / path) == digest for digest, path in kept)
    assert len({path for _, path in kept}) == len(kept)
    return {digest for digest, _ in kept}


def results(rehearsal: Rehearsal, study: WrittenStudy) -> dict[str, bytes]:
    """The result objects of the only report of a study, by SOP Instance UID."""
    with database(rehearsal) as session:
        (report,) = study_detail(session, study.study_uid).reports
    assert report.revision == 1
    return {
        one.sop_instance_uid: (rehearsal.folder / "spool" / one.path).read_bytes()
        for one in report.results
        if one.deliveries
    }
