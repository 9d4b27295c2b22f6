"""A PostgreSQL database of a test's own, on the server that ``UPTAKE_TEST_POSTGRESQL_URL`` names."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, make_url, text

SERVER = os.environ.get("UPTAKE_TEST_POSTGRESQL_URL")
NUMBERS = itertools.count(1)


@contextmanager
def postgresql_database(url: str, template: str | None = None) -> Iterator[str]:
    """A database of its own on the server of ``url``, dropped afterwards."""
    server = make_url(url).set(drivername="postgresql+psycopg", database="postgres")
    name = f"uptake_test_{os.getpid()}_{next(NUMBERS)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"' + (f' TEMPLATE "{template}"' if template else "")))
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    engine.dispose()
