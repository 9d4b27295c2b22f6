"""nnU-Net result folders become bundles whose graphs compute what the networks compute."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest

from config.reasons import Reason, Refused
from inference.bundles.specification import Task
from inference.bundles.store import load_bundle
from inference.importers.description import Description
from inference.importers.nnunet import Folds, import_nnunet

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("onnx", reason="needs onnx")
pytest.importorskip("dynamic_network_architectures", reason="needs dynamic-network-architectures")

DESCRIPTION = Description(Task.LESION_SEGMENTATION)
RESIDUAL = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"
WINDOWS = np.random.default_rng(7).normal(size=(3, 2, 8, 16, 16)).astype(np.float32)


def logits_of_torch(folder: Path, plans: dict[str, Any], fold: int) -> np.ndarray:
    from inference.importers.architecture import build_network

    chosen = plans["configurations"]["3d_fullres"]["architecture"]
    network = build_network(chosen["network_class_name"], chosen["arch_kwargs"], 2, 2).eval()
    checkpoint = torch.load(folder / f"fold_{fold}" / "checkpoint_final.pth", weights_only=False)
    network.load_state_dict(checkpoint["network_weights"])
    with torch.inference_mode():
        return network(torch.from_numpy(WINDOWS)).numpy()


@pytest.mark.parametrize("residual", [False, True])
def test_graphs_compute_what_the_folds_compute(write_folder, plans, dataset, tmp_path, residual):
    if residual:
        described = plans["configurations"]["3d_fullres"]["architecture"]
        described["network_class_name"] = RESIDUAL
        described["arch_kwargs"]["n_blocks_per_stage"] = described["arch_kwargs"].pop("n_conv_per_stage")
    folder = write_folder(plans, dataset, folds=2)
    bundle = import_nnunet(folder, tmp_path / "bundle", DESCRIPTION)
    assert bundle.network.graphs == ("fold_0.onnx", "fold_1.onnx")
    for fold, path in enumerate(bundle.graphs):
        expected = logits_of_torch(folder, plans, fold)
        compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        np.testing.assert_allclose(compiled(WINDOWS)[0], expected, rtol=0.0, atol=1e-4)
        onnxruntime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        np.testing.assert_allclose(session.run(None, {"windows": WINDOWS})[0], expected, rtol=0.0, atol=1e-4)


def test_importing_again_gives_the_same_bytes(write_folder, plans, dataset, tmp_path):
    folder = write_folder(plans, dataset)
    first = import_nnunet(folder, tmp_path / "first", DESCRIPTION)
    second = import_nnunet(folder, tmp_path / "second", DESCRIPTION)
    assert first.digest == second.digest
    assert str(tmp_path).encode() not in first.graphs[0].read_bytes()
    assert b"site-packages" not in first.graphs[0].read_bytes()


def test_the_networks_nnunet_builds_take_the_same_weights(write_folder, plans, dataset):
    pytest.importorskip("nnunetv2", reason="needs nnunetv2")
    from nnunetv2.utilities.get_network_from_plans import get_network_from_plans

    chosen = plans["configurations"]["3d_fullres"]["architecture"]
    network = get_network_from_plans(
        chosen["network_class_name"], chosen["arch_kwargs"], chosen["_kw_requires_import"], 2, 2, deep_supervision=False
    ).eval()
    folder = write_folder(plans, dataset)
    content = torch.load(folder / "fold_0" / "checkpoint_final.pth", weights_only=False)
    network.load_state_dict(content["network_weights"])
    with torch.inference_mode():
        theirs = network(torch.from_numpy(WINDOWS)).numpy()
    np.testing.assert_array_equal(theirs, logits_of_torch(folder, plans, 0))


def test_chosen_folds_are_the_ensemble(write_folder, plans, dataset, tmp_path):
    folder = write_folder(plans, dataset, folds=2)
    bundle = import_nnunet(folder, tmp_path / "bundle", DESCRIPTION, Folds(("1",)))
    assert bundle.network.graphs == ("fold_1.onnx",)


class Payload:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.witness),)


def test_a_checkpoint_with_a_payload_is_refused_and_not_run(write_folder, plans, dataset, tmp_path):
    folder = write_folder(plans, dataset)
    path = folder / "fold_0" / "checkpoint_final.pth"
    content = torch.load(path, weights_only=False)
    torch.save({**content, "logging": Payload(tmp_path / "witness")}, path)
    with pytest.raises(Refused, match="mkdir") as refused:
        import_nnunet(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason is Reason.CHECKPOINT_UNSAFE
    assert not (tmp_path / "witness").exists()
    assert not list(tmp_path.glob("bundle*"))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("network_class_name", "os.system"),
        ("network_class_name", "dynamic_network_architectures.architectures.primus.Primus"),
        ("network_class_name", "evil.PlainConvUNet"),
    ],
)
def test_networks_are_not_imported_by_name(write_folder, plans, dataset, tmp_path, place, value):
    folder = write_folder(plans, dataset)
    plans["configurations"]["3d_fullres"]["architecture"][place] = value
    (folder / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(Refused) as refused:
        import_nnunet(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason is Reason.MODEL_UNSUPPORTED


def test_parts_are_not_imported_by_name(write_folder, plans, dataset, tmp_path):
    folder = write_folder(plans, dataset)
    plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["nonlin"] = "os.system"
    (folder / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(Refused) as refused:
        import_nnunet(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason is Reason.MODEL_UNSUPPORTED


def test_weights_of_another_network_are_refused(write_folder, plans, dataset, tmp_path):
    folder = write_folder(plans, dataset)
    plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"]["features_per_stage"] = [4, 8, 16]
    (folder / "plans.json").write_text(json.dumps(plans))
    with pytest.raises(Refused) as refused:
        import_nnunet(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason is Reason.MODEL_UNSUPPORTED


def test_a_damaged_checkpoint_is_refused(write_folder, plans, dataset, tmp_path):
    folder = write_folder(plans, dataset)
    path = folder / "fold_0" / "checkpoint_final.pth"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Refused) as refused:
        import_nnunet(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason in (Reason.BUNDLE_MALFORMED, Reason.CHECKPOINT_UNSAFE)


def test_a_folder_without_checkpoints_is_refused(write_folder, plans, dataset, tmp_path):
    folder = write_folder(plans, dataset, folds=0)
    with pytest.raises(Refused) as refused:
        import_nnunet(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason is Reason.BUNDLE_FILE_MISSING


def test_what_is_there_is_not_overwritten(write_folder, plans, dataset, tmp_path):
    folder = write_folder(plans, dataset)
    (tmp_path / "bundle").mkdir()
    with pytest.raises(Refused):
        import_nnunet(folder, tmp_path / "bundle", DESCRIPTION)
    assert not any((tmp_path / "bundle").iterdir())


def test_an_imported_bundle_verifies(write_folder, plans, dataset, tmp_path):
    bundle = import_nnunet(write_folder(plans, dataset), tmp_path / "bundle", DESCRIPTION)
    assert load_bundle(tmp_path / "bundle") == bundle
