"""The database: engine, settings per connection, and the two kinds of transaction."""

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from config.reasons import UptakeError
from db import audit

BUSY_TIMEOUT_MS = 30_000
IDLE_TIMEOUT_MS = 10_000

_PATIENCE: Mapping[str, str] = {
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "15000",
}
"""For how long a server of PostgreSQL may be silent (seconds; the last, milliseconds); a URL may say otherwise."""


class UnsupportedDatabase(UptakeError):
    """A URL of a database that is neither SQLite in a file nor PostgreSQL."""


class Database:
    """SQLite in a file, or PostgreSQL by psycopg 3.

    SQLite runs in WAL mode with ``synchronous=FULL``, so that what was committed survives a power cut, and admits one
    writer at a time: writers of this process take turns, those of others wait up to 30 s.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        sqlite = engine.dialect.name == "sqlite"
        self._turn = threading.RLock() if sqlite else nullcontext()
        reader = (
            engine.execution_options(begin="BEGIN")
            if sqlite
            else engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        )
        self._writers = sessionmaker(engine, expire_on_commit=False)
        self._readers = sessionmaker(reader, expire_on_commit=False)

    @classmethod
    def open(cls, url: str) -> Self:
        """The database at a SQLAlchemy URL. Its tables are made by `db.upgrade.upgrade`.

        Raises
        ------
        UnsupportedDatabase
            If the URL is of another kind.
        """
        return cls(open_engine(url))

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A transaction that may write; its audit events join the chain as its last act before it is committed.

        Any exception undoes all of it. Not to be nested: a thread that holds one must not ask for another.
        """
        with self._turn, self._writers.begin() as session:
            yield session
            audit.seal(session)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A consistent view of the database at one moment; nothing that is written through it is kept."""
        with self._readers() as session:
            yield session

    def close(self) -> None:
        """Close all connections that are not in use."""
        self._engine.dispose()


def open_engine(url: str) -> Engine:
    """The engine that `Database` and migrations share; raises `UnsupportedDatabase`."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return _postgresql(parsed)
    if backend == "sqlite" and parsed.database not in (None, "", ":memory:"):
        return _sqlite(parsed)
    raise UnsupportedDatabase(
        f"{parsed.render_as_string()}: found {backend}, expected sqlite:////path/to/file or postgresql://host/name."
    )


def _postgresql(url: URL) -> Engine:
    bounded = url.set(drivername="postgresql+psycopg", query={**_PATIENCE, **url.query})
    engine = create_engine(bounded, pool_pre_ping=True, pool_size=10, hide_parameters=True)
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def _prepare_postgresql(connection: Any, _entry: ConnectionPoolEntry) -> None:
    # The server takes locks back from a client that froze, or whose machine is gone, in the middle of a transaction.
    connection.execute(f"SET idle_in_transaction_session_timeout = {IDLE_TIMEOUT_MS}")
    connection.commit()


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, pool_size=10, max_overflow=-1, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver then leaves BEGIN to _begin_sqlite
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _write_ahead(connection: Any) -> None:
    # Of several who turn a new file to WAL together all but one are told at once that it is locked, whatever the
    # busy_timeout: each holds a read lock already, and SQLite lets nobody wait who might wait for a waiting one.
    deadline_s = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as failure:
            if failure.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline_s:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # BEGIN IMMEDIATE takes the write lock at once: a reader that turns writer later fails instead of waiting.
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"))
