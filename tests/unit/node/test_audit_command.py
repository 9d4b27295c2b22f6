"""``uptake audit``."""

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from db.audit import AuditAction, AuditOutcome, record
from db.audit_export import claim_export, events_after, record_exported
from db.queries import AuditEntry, audit_events
from db.session import Database
from db.upgrade import upgrade
from node.cli import app

Ask = Callable[..., Result]


@pytest.fixture
def database(tmp_path: Path) -> Database:
    url = f"sqlite:///{tmp_path / 'spool' / 'uptake.db'}"
    (tmp_path / "spool").mkdir()
    upgrade(url)
    return Database.open(url)


@pytest.fixture
def ask(tmp_path: Path, database: Database) -> Ask:
    """Ask a trail of three events, the oldest of them a failure of a month ago."""
    now = datetime.now(UTC)
    hostile = "=cmd|' /C calc'!A0\x1b[2J"
    received = {"association": "a1", "address": "192.0.2.7", "accepted": 3, "duplicates": 0, "conflicts": 0}
    with database.transaction() as session:
        record(session, AuditAction.STUDY_FAILED, AuditOutcome.FAILURE, now - timedelta(days=30), who="worker")
        record(
            session,
            AuditAction.INSTANCES_RECEIVED,
            AuditOutcome.SUCCESS,
            now,
            who=hostile,
            study_uid="1.2.3",
            patient_id="P1",
            detail=received,
        )
        record(session, AuditAction.STUDY_FAILED, AuditOutcome.FAILURE, now, who="worker", study_uid="1.2.3")
    (tmp_path / "uptake.toml").write_text(f'[spool]\nfolder = "{tmp_path / "spool"}"\n')
    settings = ["--config", str(tmp_path / "uptake.toml")]
    return lambda *arguments: CliRunner().invoke(app, ["audit", *arguments, *settings], catch_exceptions=False)


def events(database: Database) -> tuple[AuditEntry, ...]:
    with database.reading() as session:
        return audit_events(session)


@pytest.mark.parametrize(
    ("question", "sequences"),
    [
        ([], [1, 2, 3]),
        (["--study", "1.2.3"], [2, 3]),
        (["--patient", "P1"], [2]),
        (["--who", "worker"], [1, 3]),
        (["--action", "study-failed"], [1, 3]),
        (["failures"], [3]),
        (["failures", "--days", "31"], [1, 3]),
    ],
)
def test_a_question_is_answered_in_json_and_csv(ask: Ask, question: list[str], sequences: list[int]) -> None:
    assert [event["sequence"] for event in json.loads(ask(*question, "--json").stdout)][: len(sequences)] == sequences
    rows = csv.DictReader(io.StringIO(ask(*question, "--csv").stdout))
    assert [int(row["sequence"]) for row in rows][: len(sequences)] == sequences


def test_every_question_is_put_on_record_with_who_asked(
    ask: Ask, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "uptake")
    monkeypatch.setenv("SUDO_USER", "alice")
    for question in (["--study", "1.2.3"], ["senders", "1.2.3"], ["findings", "1.2.3"], ["deliveries", "1.2.3"]):
        assert ask(*question).exit_code == 0
    asked = events(database)[3:]
    assert {event.action for event in asked} == {AuditAction.AUDIT_QUERIED}
    assert {(event.who, event.study_uid) for event in asked} == {("alice as uptake", "1.2.3")}
    assert [(event.detail["asked"], event.detail["answers"]) for event in asked] == [
        ("events", 2),
        ("senders", 1),
        ("findings", 0),
        ("deliveries", 0),
    ]


def test_who_sent_a_study_is_answered(ask: Ask) -> None:
    (sender,) = json.loads(ask("senders", "1.2.3", "--json").stdout)
    assert (sender["address"], sender["accepted"]) == ("192.0.2.7", 3)
    assert "192.0.2.7" in ask("senders", "1.2.3").stdout


def test_an_answer_without_rows_still_names_its_columns(ask: Ask) -> None:
    assert json.loads(ask("findings", "9", "--json").stdout) == []
    assert ask("findings", "9", "--csv").stdout.startswith("at,study_uid,revision,number,said,")


@pytest.mark.parametrize("question", [["--study", "1.2.3"], ["senders", "1.2.3"]])
def test_what_peers_say_can_not_act_on_a_terminal_or_a_spreadsheet(ask: Ask, question: list[str]) -> None:
    assert "\x1b" not in ask(*question).stdout
    assert "'=cmd" in ask(*question, "--csv").stdout


def test_a_whole_trail_is_verified_and_that_is_on_record(ask: Ask, database: Database) -> None:
    result = ask("verify")
    newest = events(database)[-2]
    assert (result.exit_code, f"{newest.sequence}:{newest.hash}" in result.stdout) == (0, True)
    assert (events(database)[-1].action, events(database)[-1].outcome) == ("audit-verified", "success")
    assert ask("verify", "--anchor", f"{newest.sequence}:{newest.hash}").exit_code == 0


def test_the_first_broken_link_is_named(ask: Ask, database: Database) -> None:
    with database.transaction() as session:
        session.execute(text("DROP TRIGGER audit_events_no_update"))
        session.execute(text("UPDATE audit_events SET who = 'nobody' WHERE sequence = 2"))
    result = ask("verify")
    assert result.exit_code == 1
    assert "broken at event 2" in result.output
    assert (events(database)[-1].outcome, events(database)[-1].detail["first_broken"]) == ("failure", 2)


def test_an_anchor_that_is_gone_fails(ask: Ask) -> None:
    assert ask("verify", "--anchor", f"9:{'a' * 64}").exit_code == 1


@pytest.mark.parametrize("wrong", [["verify", "--anchor", "9"], ["--action", "nonsense"], ["failures", "--days", "-1"]])
def test_a_question_that_makes_no_sense_is_refused(ask: Ask, wrong: list[str]) -> None:
    assert ask(*wrong).exit_code == 2


def test_collectors_say_how_far_they_were_told(ask: Ask, database: Database) -> None:
    now = datetime.now(UTC)
    with database.transaction() as session:
        claim_export(session, "siem", "node", 60, now)
        record_exported(session, "siem", "node", events_after(session, 0, 2), now)
    (state,) = json.loads(ask("collectors", "--json").stdout)
    assert (state["collector"], state["sequence"], state["behind"], state["failing_since"]) == ("siem", 2, 1, None)


def test_an_answer_that_may_not_be_all_says_so(ask: Ask) -> None:
    assert "the newest 1 events" in ask("--limit", "1").stdout
    assert "the newest 1 failures" in ask("failures", "--limit", "1").stdout
    assert "1 failures since" in ask("failures", "--limit", "9").stdout
    assert "newest" not in ask("failures", "--limit", "9").stdout
