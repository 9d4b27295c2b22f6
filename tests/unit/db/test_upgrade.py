"""Migrations."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import inspect, text

from db.session import UnsupportedDatabase, open_engine
from db.tables import Base
from db.upgrade import is_current, upgrade


def test_an_empty_database_is_not_current_until_upgraded(empty_url: str) -> None:
    assert not is_current(empty_url)
    upgrade(empty_url)
    assert is_current(empty_url)


def test_upgrading_twice_changes_nothing(database_url: str) -> None:
    upgrade(database_url)
    assert is_current(database_url)


def test_migrations_make_exactly_the_tables_that_the_code_declares(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_an_upgrade_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    engine = open_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE findings (in_the_way INTEGER)"))
    with pytest.raises(Exception, match="findings"):
        upgrade(empty_url)
    assert inspect(engine).get_table_names() == ["findings"]
    engine.dispose()


def test_processes_that_start_together_upgrade_one_after_the_other(empty_url: str) -> None:
    failures: list[BaseException] = []

    def start() -> None:
        try:
            upgrade(empty_url)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert is_current(empty_url)


def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    engine = open_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert not is_current(database_url)
    with pytest.raises(CommandError, match="9999"):
        upgrade(database_url)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://somebody:secret@host/name"])
def test_other_databases_are_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(UnsupportedDatabase, match="expected sqlite") as refusal:
        upgrade(url)
    assert "secret" not in str(refusal.value)
