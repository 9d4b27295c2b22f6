"""``uptake probe`` as an administrator runs it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import ComprehensiveSRStorage, SegmentationStorage
from typer.testing import CliRunner

from db.capabilities import Capabilities, known_capabilities
from node.cli import app


@pytest.fixture
def pacs(peer: Callable[..., Any]) -> Any:
    return peer(SegmentationStorage)


@pytest.fixture
def config(node: Any, pacs: Any, tmp_path: Path) -> Path:
    file = tmp_path / "uptake.toml"
    file.write_text(
        f'[spool]\nfolder = "{node.settings.spool.folder}"\n'
        f'[[destinations]]\nname = "main PACS"\nae_title = "PACS"\nhost = "127.0.0.1"\nport = {pacs.port}\n'
    )
    return file


def probe(peer: str, config: Path, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["probe", peer, "--config", str(config), *options])
    return result.exit_code, result.stdout


def remembered(node: Any) -> Capabilities | None:
    with node.database.reading() as session:
        return known_capabilities(session, "main PACS")


def test_what_a_destination_answers_by_its_name_is_remembered(node: Any, config: Path) -> None:
    code, text = probe("main PACS", config)
    assert code == 0
    assert "Segmentation Storage" in text
    known = remembered(node)
    assert known is not None
    assert SegmentationStorage not in known.refused
    assert ComprehensiveSRStorage in known.refused


def test_any_other_peer_is_only_asked(node: Any, config: Path, pacs: Any) -> None:
    code, text = probe(f"PACS@127.0.0.1:{pacs.port}", config, "--json")
    assert code == 0
    assert json.loads(text)["accepts"][SegmentationStorage]
    assert remembered(node) is None


def test_who_does_not_answer_leaves_what_is_known(node: Any, config: Path, pacs: Any) -> None:
    probe("main PACS", config)
    before = remembered(node)
    pacs.stop()
    code, _ = probe("main PACS", config)
    assert code == 1
    assert remembered(node) == before


def test_before_the_node_has_run_the_answer_is_shown_and_not_remembered(config: Path, tmp_path: Path) -> None:
    config.write_text(config.read_text().replace('folder = "', f'folder = "{tmp_path}/new'))
    code, text = probe("main PACS", config)
    assert code == 0
    assert "Not remembered" in text


def test_a_name_that_is_neither_is_refused(config: Path) -> None:
    code, _ = probe("second PACS", config)
    assert code == 2
