from pathlib import Path

import pytest
from typer.testing import CliRunner

from node.cli import app
from training.commands.plan import WrongPlan, read_plan
from training.data.sources import CohortSource

GOOD = """
out = "out"
cache = "cache"
[data]
kind = "cohort"
anatomy = "anatomy"
count = 4
[bundle]
name = "n"
version = "1"
licence = "l"
training_data = "t"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "anatomy").mkdir()
    return tmp_path / "train.toml"


def test_paths_are_relative_to_the_file(config: Path, tmp_path: Path) -> None:
    config.write_text(GOOD, encoding="utf-8")
    plan = read_plan(config)
    assert plan.out == tmp_path / "out"
    assert plan.data == CohortSource("cohort", tmp_path / "anatomy", 4, atlas=tmp_path / "atlas")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("count = 4", "cuont = 4", "data.cohort.cuont"),
        ("count = 4", "count = 0", "data.cohort.count"),
        ('"cohort"', '"dicom"', "data"),
        ('anatomy = "anatomy"', 'anatomy = "nowhere"', "there is no folder"),
        ('version = "1"', "", "bundle.version"),
        ('out = "out"', "out = ", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, said: str, config: Path) -> None:
    config.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(WrongPlan, match=said):
        read_plan(config)


def test_a_file_that_is_not_there_is_said(config: Path) -> None:
    with pytest.raises(WrongPlan, match="can't be read"):
        read_plan(config)


def test_validation_on_what_was_learned_is_refused(config: Path) -> None:
    config.write_text(GOOD + '[validation]\nkind = "cohort"\nanatomy = "anatomy"\ncount = 4\n', encoding="utf-8")
    with pytest.raises(WrongPlan, match="the same as data"):
        read_plan(config)


def test_without_torch_the_command_says_what_to_install(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.commands.train.find_spec", lambda name: None if name == "torch" else object())
    result = CliRunner().invoke(app, ["train", "location", "--config", str(config)])
    assert result.exit_code == 1
    assert "torch" in result.output
    assert "pip install 'uptake[train]'" in result.output


def test_an_unknown_model_is_refused(config: Path) -> None:
    assert CliRunner().invoke(app, ["train", "organs", "--config", str(config)]).exit_code == 2
