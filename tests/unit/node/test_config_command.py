"""``uptake config``: what is shown is TOML again, and what would not work is told before a node is started."""

import tomllib
from pathlib import Path

import pytest
import trustme
from typer.testing import CliRunner

from config.settings import Settings
from node.cli import app


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """Settings of a node with TLS whose files are all there."""
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    leaf.cert_chain_pems[0].write_to_path(tmp_path / "node.pem")
    leaf.private_key_pem.write_to_path(tmp_path / "node.key")
    file = tmp_path / "uptake.toml"
    file.write_text(
        f'[listener]\nport = 11997\n[spool]\nfolder = "{tmp_path}/spool"\nminimum_free_mb = 1\n'
        f'[listener.tls]\ncertificate = "{tmp_path}/node.pem"\nprivate_key = "{tmp_path}/node.key"\n'
        f'authorities = "{tmp_path}/ca.pem"\n[models]\nlesion_segmentation = {{ FDG = "fdg" }}\n'
    )
    return file


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["config", *arguments])
    return result.exit_code, result.output


def test_what_is_shown_can_be_read_again(config_file: Path) -> None:
    code, text = run("show", "--config", str(config_file))
    shown = Settings(**tomllib.loads(text.replace('url = "**********"', 'url = ""')))
    assert code == 0
    assert shown.listener.tls is not None
    assert shown.listener.tls.private_key == config_file.parent / "node.key"
    assert shown.models.lesion_segmentation == {"FDG": "fdg"}


def test_a_key_that_is_another_certificates_is_told(config_file: Path) -> None:
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(config_file.parent / "node.key")
    code, text = run("check", "--config", str(config_file))
    assert (code, "listener: tls-files-unusable" in " ".join(text.split())) == (1, True)


def test_a_spool_that_others_can_read_is_told(config_file: Path) -> None:
    spool = config_file.parent / "spool"
    spool.mkdir(mode=0o755)
    assert "is open to other users" in " ".join(run("check", "--config", str(config_file))[1].split())
    spool.chmod(0o700)
    assert "other users" not in run("check", "--config", str(config_file))[1]
