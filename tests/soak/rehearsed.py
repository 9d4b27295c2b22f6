"""A node beside its PACS, as it is run, waited for and looked at where things go wrong on purpose."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.audit import verify_chain
from db.detail import study_detail
from db.session import Database
from db.states import StudyState
from db.tables import Instance, Study
from dicom_io.digest import dataset_digest
from node.rehearsal import Rehearsal, rehearse

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


def wait_until_delivered(
    rehearsal: Rehearsal, study_uids: Collection[str], within_s: float = DELIVERED_WITHIN_S
) -> None:
    def delivered() -> bool:
        with database(rehearsal) as session:
            states = dict(iter(session.execute(select(Study.study_instance_uid, Study.state))))
        return all(states.get(uid) is StudyState.DELIVERED for uid in study_uids)

    assert happens(delivered, within_s), (rehearsal.folder / "node.log").read_text()[-3000:]


def every_instance_acknowledged_is_kept(rehearsal: Rehearsal) -> set[str]:
    """The digests of the instances on record, each of which is that of its file; the trail has no gap."""
    with database(rehearsal) as session:
        assert verify_chain(session) is None
        kept = session.execute(select(Instance.digest, Instance.path)).all()
    assert all(dataset_digest(rehearsal.folder / "spool" / path) == digest for digest, path in kept)
    assert len({path for _, path in kept}) == len(kept)
    return {digest for digest, _ in kept}


def results(rehearsal: Rehearsal, study_uid: str) -> dict[str, bytes]:
    """The result objects of the only report of a study, by SOP Instance UID."""
    with database(rehearsal) as session:
        (report,) = study_detail(session, study_uid).reports
    assert report.revision == 1
    return {
        one.sop_instance_uid: (rehearsal.folder / "spool" / one.path).read_bytes()
        for one in report.results
        if one.deliveries
    }
