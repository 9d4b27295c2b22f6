"""``uptake models import`` makes bundles that the other commands list, show, verify, build, time and run."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from typer.testing import CliRunner

from config.reasons import Reason
from node.cli import app

pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("onnx", reason="needs onnx")

SHAPE, SPACING_MM = (20, 30, 36), (4.0, 2.5, 2.5)
UNET = {
    "spatial_dims": 3,
    "in_channels": 2,
    "out_channels": 2,
    "channels": [4, 8],
    "strides": [2],
    "num_res_units": 1,
    "norm": "batch",
}
METADATA = {
    "version": "0.3.1",
    "name": "PET/CT lesions",
    "copyright": "CC BY 4.0",
    "network_data_format": {
        "inputs": {"image": {"num_channels": 2, "channel_def": {"0": "CT", "1": "PET"}}},
        "outputs": {"pred": {"channel_def": {"0": "background", "1": "lesion"}}},
    },
}
INFERENCE = {
    "device": "$torch.device('cuda')",
    "network_def": {"_target_": "UNet", **UNET},
    "network": "$@network_def.to(@device)",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "image"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
            {"_target_": "Spacingd", "keys": "image", "pixdim": [3.0, 3.0, 3.0], "mode": "bilinear"},
            {"_target_": "NormalizeIntensityd", "keys": "image", "channel_wise": True},
        ],
    },
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 8], "overlap": 0.5},
    "postprocessing": {"_target_": "Compose", "transforms": [{"_target_": "AsDiscreted", "argmax": True}]},
}


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.stdout, result.stderr


def write_monai(folder: Path, *, script: bool) -> Path:
    """A bundle of the Model Zoo's form with random weights: TorchScript, or a state dict and its network's name."""
    import torch

    nets = pytest.importorskip("monai.networks.nets", reason="needs monai")
    torch.manual_seed(0)
    network = nets.UNet(**UNET).eval()
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    (folder / "configs" / "metadata.json").write_text(json.dumps(METADATA))
    (folder / "configs" / "inference.json").write_text(json.dumps(INFERENCE))
    if script:
        torch.jit.script(network).save(folder / "models" / "model.ts")
    else:
        torch.save(network.state_dict(), folder / "models" / "model.pt")
    return folder


@pytest.fixture(params=["nnunet", "monai, TorchScript", "monai, weights"])
def imported(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[int, str, str]:
    """What the command said that made the bundle ``toy``."""
    out = ("--out", tmp_path / "models" / "toy", "--tracer", "FDG", "--licence", "CC0", "--json")
    if request.param == "nnunet":
        write_folder: Callable[[Mapping[str, Any], Mapping[str, Any]], Path] = request.getfixturevalue("write_folder")
        folder = write_folder(request.getfixturevalue("plans"), request.getfixturevalue("dataset"))
        return run("models", "import", "nnunet", folder, *out)
    folder = write_monai(tmp_path / "zoo", script=request.param.endswith("TorchScript"))
    return run("models", "import", "monai", folder, *out)


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "uptake.toml"
    file.write_text(
        f'[spool]\nfolder = "{tmp_path}/spool"\n'
        f'[models]\nfolder = "{tmp_path}/models"\nprecision = "fp32"\nlesion_segmentation = {{ FDG = "toy" }}\n'
    )
    return file


def test_an_imported_model_is_listed_shown_verified_built_and_timed(
    imported: tuple[int, str, str], config_file: Path
) -> None:
    code, text, said = imported
    assert (code, said) == (0, "")
    digest = json.loads(text)["digest"]
    options = ("--config", config_file, "--json")
    (listed,) = (row for row in json.loads(run("models", "list", *options)[1]) if row["from"] == "folder")
    assert (listed["digest"], listed["channels"], listed["in_use"]) == (digest, "CT, PET", "FDG")
    shown = json.loads(run("models", "show", "toy", *options)[1])
    assert (shown["tracer"], shown["licence"], shown["digest"]) == ("FDG", "CC0", digest)
    (verified,) = json.loads(run("models", "verify", "toy", *options)[1])
    assert verified["verified"]
    assert run("models", "build", "toy", *options)[0] == 0
    code, text, _ = run("models", "bench", "toy", "--engine", "openvino", "--engine", "torch", *options)
    assert code == 0
    assert [row["agrees"] for row in json.loads(text)] == [True, True]


def test_an_imported_model_segments(imported: tuple[int, str, str], config_file: Path, tmp_path: Path) -> None:
    files = {}
    for name, scale in (("pet", 3.0), ("ct", 400.0)):
        values = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32) * scale
        image = SimpleITK.GetImageFromArray(values)
        image.SetSpacing(SPACING_MM[::-1])
        files[name] = tmp_path / f"{name}.nii.gz"
        SimpleITK.WriteImage(image, str(files[name]))
    mask = tmp_path / "mask.nii.gz"
    chosen = ("--bundle", "toy", "--out", mask, "--config", config_file, "--json")
    code, text, _ = run("segment", "--pet", files["pet"], "--ct", files["ct"], *chosen)
    labels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(mask)))
    assert code == 0
    assert labels.shape == SHAPE
    assert set(np.unique(labels)) <= {0, 1}
    volume_ml = np.count_nonzero(labels) * np.prod(SPACING_MM) / 1000.0
    assert json.loads(text)["volumes_ml"]["lesion"] == pytest.approx(volume_ml, abs=0.01)


def test_a_refused_import_says_why_and_what_to_do_and_leaves_nothing(tmp_path: Path) -> None:
    folder = write_monai(tmp_path / "zoo", script=False)
    (folder / "models" / "model.pt").unlink()
    code, _, said = run("models", "import", "monai", folder, "--out", tmp_path / "models" / "toy")
    assert code == 2
    assert Reason.BUNDLE_FILE_MISSING in said
    assert Reason.BUNDLE_FILE_MISSING.action in said
    assert not list((tmp_path / "models").iterdir())


def test_a_bundle_is_not_imported_over_another(tmp_path: Path) -> None:
    folder = write_monai(tmp_path / "zoo", script=False)
    (tmp_path / "toy").mkdir()
    code, _, said = run("models", "import", "monai", folder, "--out", tmp_path / "toy")
    assert code == 2
    assert "exists already" in said
    assert not any((tmp_path / "toy").iterdir())
