"""Transactions and how connections are set up."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from db.intake import InstanceRecord, record_instance
from db.session import Database, open_engine
from db.states import Disposition
from db.tables import AuditEvent, Delivery, Study


def test_a_sqlite_connection_is_durable_patient_and_strict(migrated_file: Path) -> None:
    database = Database.open(f"sqlite:///{migrated_file}")
    with database.reading() as session:
        found = {
            pragma: session.execute(text(f"PRAGMA {pragma}")).scalar_one()
            for pragma in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        }
    database.close()
    assert found == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000, "foreign_keys": 1}


def test_a_new_file_that_another_process_is_about_to_write_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "uptake.db"
    engine = open_engine(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        finish = threading.Timer(0.2, other.execute, ["COMMIT"])
        finish.start()
        with engine.connect() as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        finish.join()
    engine.dispose()


def test_an_error_undoes_the_whole_transaction_and_its_audit_events(
    database: Database, instance: Callable[..., InstanceRecord], now: object
) -> None:
    def fail() -> None:
        with database.transaction() as session:
            record_instance(session, instance(), now)  # type: ignore[arg-type]
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()
    with database.reading() as session:
        assert session.scalars(select(Study)).all() == []
        assert session.scalars(select(AuditEvent)).all() == []


def test_reading_keeps_nothing_that_is_written(database: Database, arrive: Callable[..., Disposition]) -> None:
    arrive()
    with suppress(DBAPIError), database.reading() as session:  # PostgreSQL refuses, SQLite forgets
        session.scalars(select(Study)).one().patient_id = "other"
        session.flush()
    with database.reading() as session:
        assert session.scalars(select(Study)).one().patient_id == "P1"


def test_a_reader_sees_one_moment_while_others_write(database: Database, arrive: Callable[..., Disposition]) -> None:
    arrive("1.1")
    with database.reading() as session:
        before = session.scalars(select(Study.study_instance_uid)).all()
        arrive("1.2")
        assert session.scalars(select(Study.study_instance_uid)).all() == before == ["1.1"]


def test_foreign_keys_hold(database: Database, now: object) -> None:
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.add(
            Delivery(result_object_id=4711, destination="pacs", state="pending", attempts=0, next_attempt_at=now)
        )
