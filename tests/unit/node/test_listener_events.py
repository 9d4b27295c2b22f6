"""What the listener tells while database or disk are away."""

import errno
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from config.reasons import Reason, Remark
from db.queries import audit_events
from db.session import Database
from db.upgrade import upgrade
from dicom_io.network.listener import AssociationInfo, Outcome
from node.listener_events import ListenerEvents
from node.spool import Spool

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    upgrade(f"sqlite:///{tmp_path}/uptake.db")
    opened = Database.open(f"sqlite:///{tmp_path}/uptake.db")
    yield opened
    opened.close()


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path / "spool")
    spool.create()
    return spool


@pytest.fixture
def events(database: Database, spool: Spool) -> ListenerEvents:
    return ListenerEvents(database, spool, "UPTAKE on a")


def association(identifier: str) -> AssociationInfo:
    return AssociationInfo(identifier, "SCANNER", "UPTAKE", "10.1.2.3", 104, NOW)


def raises(error: Exception) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> Any:
        raise error

    return fail


def on_record(database: Database) -> list[str]:
    with database.reading() as session:
        found = audit_events(session)
    return [
        event.detail.get("found") or event.detail["association"] for event in sorted(found, key=lambda e: e.sequence)
    ]


def test_what_happens_while_the_database_is_away_comes_on_record_in_its_order(
    events: ListenerEvents, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "transaction", raises(OperationalError("", None, Exception("away"))))
    events.association_opened(association("1"))
    events.instance_refused(association("1"), "2.25.1", Remark(Reason.DISK_FULL, "first"))
    events.association_rejected(association("2"), Remark(Reason.CALLING_AE_NOT_ALLOWED, "second"))
    monkeypatch.undo()
    assert on_record(database) == []
    events.association_rejected(association("3"), Remark(Reason.CALLING_AE_NOT_ALLOWED, "third"))
    assert on_record(database) == ["1", "first", "second", "third"]


def test_the_supervisor_works_off_what_waits(
    events: ListenerEvents, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "transaction", raises(OperationalError("", None, Exception("away"))))
    events.association_rejected(association("1"), Remark(Reason.CALLING_AE_NOT_ALLOWED, "refused"))
    monkeypatch.undo()
    events.catch_up()
    assert on_record(database) == ["refused"]


def test_the_end_of_an_association_waits_until_the_disk_takes_it(
    events: ListenerEvents, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    (spool.incoming / "1").mkdir()
    monkeypatch.setattr(Spool, "end_association", raises(OSError(errno.ENOSPC, "no room")))
    events.association_closed(association("1"), Outcome.RELEASED, 3)
    monkeypatch.undo()
    assert list(spool.taken_associations()) == []
    events.catch_up()
    assert list(spool.taken_associations()) == [("1", "released")]


def test_what_the_database_never_takes_keeps_nothing_else_waiting(
    events: ListenerEvents, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.listener_events.audit.record", raises(ValueError("never")))
    events.association_rejected(association("1"), Remark(Reason.CALLING_AE_NOT_ALLOWED, "lost"))
    monkeypatch.undo()
    events.association_rejected(association("2"), Remark(Reason.CALLING_AE_NOT_ALLOWED, "kept"))
    assert on_record(database) == ["kept"]
