"""``uptake status`` of a cluster."""

from datetime import UTC, datetime
from pathlib import Path

from typer.testing import CliRunner

from db.nodes import beat, join
from db.session import Database
from db.upgrade import upgrade
from node.cli import app

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_it_names_the_nodes_and_when_they_were_last_heard_of(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'uptake.db'}"
    upgrade(url)
    database = Database.open(url)
    with database.transaction() as session:
        incarnation = join(session, "pet-a", "UPTAKE on pet-a", ["pacs"], NOW)
        beat(session, "pet-a", incarnation, NOW.replace(hour=7))
    database.close()
    (tmp_path / "uptake.toml").write_text(f'[spool]\nfolder = "{tmp_path}"\n')
    told = CliRunner().invoke(app, ["status", "--config", str(tmp_path / "uptake.toml")], catch_exceptions=False).output
    assert "node pet-a  up, since 2026-03-04 05:06:07, last heard of 2026-03-04 07:06:07" in told
