import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")
pytest.importorskip("monai", reason="monai is not installed (extra train)")

from inference.bundles.specification import Task  # noqa: E402
from training.cache import CachedPatient  # noqa: E402
from training.loop import Schedule  # noqa: E402
from training.segmentation.batches import cut  # noqa: E402
from training.segmentation.network import PATCH, LesionNetwork, specification  # noqa: E402
from training.segmentation.train import SegmentationRecipe, export_segmentation, train_segmentation  # noqa: E402


def test_a_cube_is_normalised_as_the_bundle_says(patients: tuple[CachedPatient, ...]) -> None:
    fine = patients[0].body.fine
    centre = np.rint(patients[0].voxels[1].mean(axis=0)).astype(int).tolist()
    image, label = cut(fine, patients[0], centre)
    middle = tuple(size // 2 for size in PATCH)
    suv, hu = float(fine[(0, *centre)]), float(fine[(1, *centre)])
    assert image[(0, *middle)] == pytest.approx(suv / 5.0, rel=1e-3)
    assert image[(1, *middle)] == pytest.approx(hu / 500.0, rel=1e-3)
    assert label[(0, *middle)] == 1.0


def test_beyond_the_body_a_cube_holds_air(patients: tuple[CachedPatient, ...]) -> None:
    image, label = cut(patients[0].body.fine, patients[0], [-100, 0, 0])
    assert (image[1] == -2.0).all()
    assert not image[0].any()
    assert not label.any()


def test_training_lowers_the_loss_and_the_bundle_loads(patients: tuple[CachedPatient, ...], tmp_path: Path) -> None:
    schedule = Schedule(steps=12, learning_rate=5e-3, warm_up=2, validate_every=12)
    recipe = SegmentationRecipe(schedule, batch=1, filters=(4, 8, 8), validation_cubes=2)
    network = train_segmentation(recipe, patients[:8], patients[8:], tmp_path / "run")
    losses = [loss for _, loss in json.loads((tmp_path / "run/curves.json").read_text())["loss"]]
    assert np.mean(losses[-4:]) < np.mean(losses[:4])
    bundle = export_segmentation(network, specification("0.1", None, "geometry", "Apache-2.0"), tmp_path / "bundle")
    assert bundle.task is Task.LESION_SEGMENTATION
    assert bundle.network.patch == PATCH


def test_blocks_come_back_to_where_they_were_taken_from() -> None:
    network = LesionNetwork((4, 8, 8))
    network.unet = torch.nn.Identity()
    image = torch.rand(1, 2, 8, 8, 8)
    assert torch.equal(network(image), image)
