"""Migrations."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError

from db.detail import study_detail
from db.session import Database, UnsupportedDatabase, open_engine
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


OLDER_ROWS = (
    "INSERT INTO studies (id, study_instance_uid, state, revision, attempts, first_arrival, last_arrival, updated_at) "
    "VALUES (1, '1.2.3', 'delivered', 1, 1, '2026-01-05', '2026-01-05', '2026-01-05')",
    "INSERT INTO reports (id, study_id, revision, outcome, pet_series_uid, tracer, suv_factor, input_digest, "
    "settings_digest, software_version, remarks, timings_s, created_at) "
    "VALUES (1, 1, 1, 'no-lesions', '1.2.3.1', 'FDG', 0.5, 'a', 'b', '0.1.0', '[]', '{}', '2026-01-05')",
    "INSERT INTO result_objects (id, report_id, kind, sop_class_uid, sop_instance_uid, path, digest, size_bytes) "
    "VALUES (1, 1, 'SR', '1.2', '2.25.1', 'sr.dcm', 'd', 9)",
    "INSERT INTO deliveries (id, result_object_id, destination, state, attempts, next_attempt_at) "
    "VALUES (1, 1, 'pacs', 'sent', 1, '2026-01-05')",
)


def test_an_older_database_keeps_what_is_on_record(empty_url: str) -> None:
    upgrade(empty_url, "0001")
    engine = open_engine(empty_url)
    with engine.begin() as connection:
        for row in OLDER_ROWS:
            connection.execute(text(row))
    engine.dispose()
    upgrade(empty_url)
    database = Database.open(empty_url)
    with database.reading() as session:
        [report] = study_detail(session, "1.2.3").reports
    assert (report.tracer, report.suv_factor, report.quarantined) == ("FDG", 0.5, False)
    assert report.results[0].faults == ()
    assert report.results[0].deliveries[0].sent_instead is None
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(text("DELETE FROM reports"))
    database.close()


def test_a_study_of_which_nothing_is_kept_any_more_is_known_as_such_after_the_upgrade(empty_url: str) -> None:
    upgrade(empty_url, "0005")
    engine = open_engine(empty_url)
    with engine.begin() as connection:
        for number, disposition in enumerate(("expired", "accepted", "returned"), 1):
            connection.execute(
                text(
                    "INSERT INTO studies (id, study_instance_uid, state, revision, attempts, first_arrival, "
                    "last_arrival, updated_at) "
                    f"VALUES ({number}, '1.{number}', 'delivered', 1, 1, '2026-01-05', '2026-01-06', '2026-01-07')"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO instances (id, study_instance_uid, received_at, times_received, relevant, disposition)"
                    f" VALUES ({number}, '1.{number}', '2026-01-05', 1, true, '{disposition}')"
                )
            )
    upgrade(empty_url)
    with engine.connect() as connection:
        marked = connection.scalars(text("SELECT id FROM studies WHERE let_go_until = last_arrival")).all()
    engine.dispose()
    assert marked == [1]


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
