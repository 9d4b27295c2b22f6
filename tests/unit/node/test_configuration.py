"""Changes of the settings in the audit trail."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.settings import Database as DatabaseSettings
from config.settings import Destination, Listener, Settings
from db.audit_actions import AuditAction
from db.queries import AuditEntry, audit_events
from db.session import Database
from db.upgrade import upgrade
from node.configuration import audit_configuration

NOW = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    upgrade(f"sqlite:///{tmp_path / 'uptake.db'}")
    database = Database.open(f"sqlite:///{tmp_path / 'uptake.db'}")
    yield database
    database.close()


def changes(database: Database) -> tuple[AuditEntry, ...]:
    with database.reading() as session:
        return audit_events(session, action=AuditAction.CONFIGURATION_CHANGED)


def peer(port: int) -> Destination:
    return Destination(name="pacs", ae_title="PACS", host="192.0.2.9", port=port)


def test_the_first_start_records_all_settings(database: Database) -> None:
    audit_configuration(database, Settings(listener=Listener(port=104)), NOW)
    (event,) = changes(database)
    assert event.detail["changed"] == {}
    assert event.detail["settings"]["listener.port"] == 104


def test_a_start_with_the_same_settings_says_nothing(database: Database) -> None:
    for _ in range(2):
        audit_configuration(database, Settings(), NOW)
    assert len(changes(database)) == 1


def test_a_changed_setting_is_told_with_what_it_was_and_is(database: Database) -> None:
    audit_configuration(database, Settings(destinations=(peer(104),)), NOW)
    audit_configuration(database, Settings(destinations=(peer(105),)), NOW)
    assert changes(database)[-1].detail["changed"] == {"destinations[0].port": [104, 105]}


def test_what_is_taken_out_is_told(database: Database) -> None:
    audit_configuration(database, Settings(destinations=(peer(104),)), NOW)
    audit_configuration(database, Settings(), NOW)
    changed = changes(database)[-1].detail["changed"]
    assert changed["destinations[0].host"] == ["192.0.2.9", None]
    assert changed["destinations"] == [None, []]


def test_no_secret_is_put_on_record(database: Database) -> None:
    secret = DatabaseSettings(url="postgresql://uptake:hunter2@db/uptake")
    audit_configuration(database, Settings(database=secret), NOW)
    assert "hunter2" not in str(changes(database))
