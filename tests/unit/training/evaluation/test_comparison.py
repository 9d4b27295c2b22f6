"""The configuration of an evaluation."""

from pathlib import Path

import pytest

from inference.bundles.shipped import SHIPPED
from training.commands.comparison import read_comparison


def written(folder: Path, text: str) -> Path:
    (folder / "cached").mkdir()
    path = folder / "evaluate.toml"
    path.write_text(f'out = "out"\n{text}', encoding="utf-8")
    return path


def test_paths_are_relative_to_the_file_and_names_are_shipped_bundles(tmp_path: Path) -> None:
    text = 'cache = "cached"\n[location]\nplain = "runs/plain"\nshipped = "uptake-location"'
    evaluation = read_comparison(written(tmp_path, text))
    assert (evaluation.out, evaluation.data) == (tmp_path / "out", tmp_path / "cached")
    expected = (("plain", tmp_path / "runs/plain"), ("shipped", SHIPPED / "uptake-location"))
    assert evaluation.contenders.location == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "either"),
        ('cache = "cached"\n[data]\nkind = "nifti"\nfolder = "cached"', "either"),
        ('cache = "cached"\n[caption]\na = "a"', "guided"),
        ('cache = "cached"\n[segmentation]\na = "a"', "whole patients"),
        ('chace = "cached"', "chace"),
        ('[data]\nkind = "nifti"\nfolder = "nowhere"', "no folder"),
        ('cache = "nowhere"', "no folder"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_is_wrong(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_comparison(written(tmp_path, text))
