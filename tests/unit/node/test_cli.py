import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from config.reasons import Reason
from config.settings import load
from db.nodes import join, leave, nodes
from db.session import Database
from db.states import StudyState
from db.tables import Study
from node.cli import app
from node.spool import Spool

COMMANDS = [
    "serve",
    "demo",
    "analyze",
    "segment",
    "locate",
    "caption",
    "suv",
    "send",
    "probe",
    "status",
    "retry",
    "audit",
    "models",
    "config",
    "db",
    "train",
    "evaluate",
]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "uptake.toml"
    file.write_text(f'[listener]\nport = 11998\n[spool]\nfolder = "{tmp_path}/spool"\nminimum_free_mb = 1\n')
    return file


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    code, text = run(command, "--help")
    assert code == 0
    assert "Usage" in text


def test_help_answers_without_loading_what_only_commands_need() -> None:
    script = "import sys, node.cli; print([m for m in ('numpy', 'pydicom', 'SimpleITK', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_settings_are_shown_for_programs(config_file: Path) -> None:
    code, text = run("config", "show", "--json", "--config", str(config_file))
    assert code == 0
    assert json.loads(text)["listener"]["port"] == 11998


def test_settings_that_would_work_pass_the_check(config_file: Path) -> None:
    assert run("config", "check", "--config", str(config_file))[0] == 0


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    file = tmp_path / "uptake.toml"
    file.write_text("[listener]\nport = 0\n")
    code, text = run("config", "check", "--config", str(file))
    assert code == 1
    assert "listener.port" in text


def test_asking_a_node_that_never_ran_says_so(config_file: Path) -> None:
    code, text = run("status", "--config", str(config_file))
    assert code == 1
    assert "no database" in text


def test_the_database_is_made_and_asked(config_file: Path) -> None:
    assert run("db", "upgrade", "--config", str(config_file))[0] == 0
    code, text = run("status", "--json", "--config", str(config_file))
    assert (code, json.loads(text)) == (0, [])


def test_a_node_is_forgotten_once_others_have_its_journal(config_file: Path) -> None:
    run("db", "upgrade", "--config", str(config_file))
    settings, now = load(config_file), datetime(2026, 1, 5, tzinfo=UTC)
    database, left = Database.open(settings.database_url), Spool.of(settings).of_node("b")
    with database.transaction() as session:
        leave(session, "b", join(session, "b", "UPTAKE on b", (), now), now)
    (left.incoming / "association").mkdir(parents=True)
    code, text = run("db", "forget-node", "b", "--config", str(config_file))
    assert (code, "no other node has taken over yet" in text) == (1, True)
    (left.incoming / "association").rmdir()
    assert run("db", "forget-node", "b", "--config", str(config_file))[0] == 0
    with database.reading() as session:
        assert nodes(session) == ()
    database.close()


def test_a_study_that_waits_for_a_person_says_why_and_what_to_do(config_file: Path) -> None:
    run("db", "upgrade", "--config", str(config_file))
    database, now = Database.open(load(config_file).database_url), datetime(2026, 1, 5, tzinfo=UTC)
    with database.transaction() as session:
        arrived = {"first_arrival": now, "last_arrival": now, "updated_at": now}
        lost = {"state": StudyState.FAILED, "reason": Reason.DESTINATION_LOST_OBJECT, "detail": "1 of 5 deliveries"}
        session.add(Study(study_instance_uid="1.2.3", **arrived, **lost))
        session.add(Study(study_instance_uid="1.2.4", **arrived, state=StudyState.DELIVERED))
    database.close()
    code, text = run("status", "--state", "failed", "--config", str(config_file))
    assert code == 0
    assert "failed (destination-lost-object)" in text
    assert "1 of 5 deliveries — See the destination's log for the failure reason, then `uptake retry`." in text
    assert "1.2.4" not in text


def test_a_study_that_never_came_can_not_be_retried(config_file: Path) -> None:
    run("db", "upgrade", "--config", str(config_file))
    code, text = run("retry", "1.2.3", "--config", str(config_file))
    assert code == 1
    assert "1.2.3" in text


def test_all_that_failed_for_one_reason_is_retried_together(config_file: Path) -> None:
    run("db", "upgrade", "--config", str(config_file))
    database, now = Database.open(load(config_file).database_url), datetime(2026, 1, 5, tzinfo=UTC)
    with database.transaction() as session:
        arrived = {"first_arrival": now, "last_arrival": now, "updated_at": now, "state": StudyState.FAILED}
        failed = {"1.1": Reason.OUT_OF_MEMORY, "1.2": Reason.INTERNAL_ERROR, "1.3": Reason.OUT_OF_MEMORY}
        session.add_all(Study(study_instance_uid=uid, reason=reason, **arrived) for uid, reason in failed.items())
    database.close()
    code, text = run("retry", "--reason", "out-of-memory", "--config", str(config_file))
    assert code == 0
    assert [line.strip("✓ ") for line in text.splitlines()] == ["1.1 is complete.", "1.3 is complete."]
    code, text = run("retry", "--reason", "out-of-memory", "--config", str(config_file))
    assert code == 0
    assert "No study has failed as out-of-memory." in text


@pytest.mark.parametrize("named", [(), ("1.1", "--reason", "out-of-memory")], ids=["nothing", "both"])
def test_a_retry_is_of_a_study_or_of_a_reason(config_file: Path, named: tuple[str, ...]) -> None:
    code, text = run("retry", *named, "--config", str(config_file))
    assert code == 2
    assert "Name a study, or a reason." in text


def test_a_folder_without_dicom_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague")
    code, text = run("analyze", str(tmp_path), "--out", str(tmp_path / "out"))
    assert code == 2
    assert "not-dicom" in text


def test_a_peer_that_is_not_there_fails_the_probe() -> None:
    code, text = run("probe", "PACS@127.0.0.1:9")
    assert code == 1
    assert "destination-unreachable" in text
