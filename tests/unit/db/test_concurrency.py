"""Many at once, and the power cut."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from db import audit
from db.delivery import claim_deliveries
from db.intake import InstanceRecord, record_instance
from db.queries import audit_events
from db.session import Database
from db.tables import Instance, Series, Study
from db.work import Claimed, claim_study

ROOT = Path(__file__).parents[3]

WRITER = """
import sys
from datetime import UTC, datetime
from db import audit
from db.session import Database
database = Database.open(sys.argv[1])
for number in range(int(sys.argv[2])):
    with database.transaction() as session:
        audit.record(session, audit.AuditAction.NODE_STARTED, audit.AuditOutcome.SUCCESS, datetime.now(UTC), who="w")
        if number == int(sys.argv[3]):
            audit.seal(session)
            print("in the middle", flush=True)
            sys.stdin.read()
"""


def at_once(works: list[Callable[[], None]]) -> None:
    """Run all in threads of their own; raise what the first that fails raised."""
    failures: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        start.wait()
        try:
            work()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


@pytest.fixture
def writer(database_url: str) -> Callable[[int, int], subprocess.Popen[str]]:
    """A process that writes so many audit events, and stops inside the transaction of one."""

    def start(count: int, stop_in: int = -1) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", WRITER, database_url, str(count), str(stop_in)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    return start


def test_eight_threads_record_instances_of_one_study(
    database: Database, instance: Callable[..., InstanceRecord], now: datetime
) -> None:
    def store(thread: int) -> None:
        for number in range(12):
            with database.transaction() as session:
                record_instance(session, instance(n=100 * thread + number), now)

    at_once([lambda thread=thread: store(thread) for thread in range(8)])  # type: ignore[misc]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Instance)) == 96
        assert session.scalars(select(Series.number_of_instances)).one() == 96
        assert len(session.scalars(select(Study)).all()) == 1
        assert len(audit_events(session)) == 1


def test_one_instance_from_eight_threads_is_accepted_once(
    database: Database, instance: Callable[..., InstanceRecord], now: datetime
) -> None:
    def store() -> None:
        with database.transaction() as session:
            record_instance(session, instance(), now)

    at_once([store] * 8)
    with database.reading() as session:
        assert session.scalars(select(Instance.times_received)).all() == [8]


def test_no_two_workers_get_the_same_study(database: Database, complete: Callable[..., None], now: datetime) -> None:
    studies = [f"1.{number}" for number in range(12)]
    for study in studies:
        complete(study)
    claims: list[str] = []

    def work(owner: str) -> None:
        while True:
            with database.transaction() as session:
                claim = claim_study(session, owner, 60, now)
            if claim is None:
                return
            claims.append(claim.study_uid)

    at_once([lambda owner=f"w{n}": work(owner) for n in range(4)])  # type: ignore[misc]
    assert sorted(claims) == sorted(studies)
    with database.reading() as session:
        assert audit.verify_chain(session) is None


def test_no_two_senders_get_the_same_delivery(
    database: Database, encoded: Callable[..., Claimed], now: datetime
) -> None:
    for number in range(4):
        encoded(f"1.{number}")
    claims: list[int] = []

    def send(owner: str) -> None:
        while True:
            with database.transaction() as session:
                found = claim_deliveries(session, "pacs", owner, 60, now, limit=2)
            if not found:
                return
            claims.extend(claim.delivery_id for claim in found)

    at_once([lambda owner=f"s{n}": send(owner) for n in range(4)])  # type: ignore[misc]
    assert len(claims) == len(set(claims)) == 12


def test_of_two_transactions_the_second_joins_the_chain_after_the_first_is_committed(
    database: Database, now: datetime
) -> None:
    first_joined, second_began, second_ended = threading.Event(), threading.Event(), threading.Event()

    def second() -> None:
        first_joined.wait()
        second_began.set()
        with database.transaction() as other:
            audit.record(other, audit.AuditAction.NODE_STOPPED, audit.AuditOutcome.SUCCESS, now, who="second")
        second_ended.set()

    thread = threading.Thread(target=second)
    thread.start()
    with database.transaction() as session:
        audit.record(session, audit.AuditAction.NODE_STARTED, audit.AuditOutcome.SUCCESS, now, who="first")
        audit.seal(session)
        first_joined.set()
        second_began.wait()
        assert not second_ended.wait(0.3)
    thread.join()
    assert second_ended.is_set()
    with database.reading() as session:
        assert [event.who for event in audit_events(session)] == ["first", "second"]
        assert audit.verify_chain(session) is None


def test_processes_that_write_together_do_not_fork_the_chain(
    database: Database, writer: Callable[..., subprocess.Popen[str]]
) -> None:
    writers = [writer(20) for _ in range(2)]
    for process in writers:
        process.communicate(timeout=60)
        assert process.returncode == 0
    with database.reading() as session:
        assert len(audit_events(session)) == 40
        assert audit.verify_chain(session) is None


def test_a_process_killed_inside_a_transaction_leaves_the_chain_whole(
    database: Database, writer: Callable[..., subprocess.Popen[str]], arrive: Callable[..., object]
) -> None:
    process = writer(10, 4)
    assert process.stdout is not None
    assert process.stdout.readline() == "in the middle\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    arrive()
    with database.reading() as session:
        assert len(audit_events(session)) == 5
        assert audit.verify_chain(session) is None
