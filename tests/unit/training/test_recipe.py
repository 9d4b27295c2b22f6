from importlib.resources import files
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed (extra train)")
pytest.importorskip("monai", reason="monai is not installed (extra train)")

from training.caption.train import CaptionRecipe
from training.location.contrastive import Negatives
from training.location.train import LocationRecipe
from training.loop import Schedule
from training.recipe import read_recipe
from training.segmentation.train import SegmentationRecipe


def test_a_recipe_is_read_and_what_it_leaves_out_has_its_default(tmp_path: Path) -> None:
    path = tmp_path / "location.toml"
    path.write_text('batch = 8\nnegatives = "random"\n[schedule]\nsteps = 20\n', encoding="utf-8")
    found = read_recipe(path, LocationRecipe)
    assert found == LocationRecipe(Schedule(steps=20), batch=8, negatives=Negatives.RANDOM)


def test_a_misspelt_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "location.toml"
    path.write_text("bacth = 8\n[schedule]\nsteps = 20\n", encoding="utf-8")
    with pytest.raises(ValueError, match="bacth"):
        read_recipe(path, LocationRecipe)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("location", LocationRecipe), ("caption", CaptionRecipe), ("segmentation", SegmentationRecipe)],
)
def test_the_recipes_that_ship_are_read(name: str, kind: type) -> None:
    assert isinstance(read_recipe(Path(str(files("training") / "recipes" / f"{name}.toml")), kind), kind)
