"""MONAI bundles become ours where they say enough; expressions are never evaluated."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import pytest

from config.reasons import Reason, Refused
from inference.bundles.specification import Alignment, Channel, Labels, Normalisation, Resampling, Task, When
from inference.importers.description import Description
from inference.importers.monai import import_monai, read_specification
from inference.importers.monai_config import Configuration

DESCRIPTION = Description(Task.ORGAN_SEGMENTATION)
METADATA = {
    "version": "0.5.9",
    "name": "Spleen CT segmentation",
    "task": "Segmentation of the spleen",
    "data_source": "Task09_Spleen",
    "intended_use": "An example, not for diagnosis",
    "network_data_format": {
        "inputs": {"image": {"modality": "CT", "num_channels": 1, "channel_def": {"0": "image"}}},
        "outputs": {"pred": {"channel_def": {"0": "background", "1": "spleen"}}},
    },
}
INFERENCE = {
    "imports": ["$import glob"],
    "dataset_dir": "$os.path.abspath('.')",
    "size": [16, 16, 8],
    "network_def": {
        "_target_": "UNet",
        "spatial_dims": 3,
        "in_channels": 1,
        "out_channels": 2,
        "channels": [4, 8],
        "strides": [2],
        "num_res_units": 1,
        "norm": "batch",
    },
    "network": "$@network_def.to(@device)",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "LoadImaged", "keys": "@image_key"},
            {"_target_": "EnsureChannelFirstd", "keys": "image"},
            {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
            {"_target_": "Spacingd", "keys": "image", "pixdim": [1.5, 1.5, 2.0], "mode": "bilinear"},
            {
                "_target_": "ScaleIntensityRanged",
                "keys": "image",
                "a_min": -57,
                "a_max": 164,
                "b_min": 0,
                "b_max": 1,
                "clip": True,
            },
            {"_target_": "EnsureTyped", "keys": "image"},
        ],
    },
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": "@size", "sw_batch_size": 4, "overlap": 0.5},
    "postprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "Activationsd", "keys": "pred", "softmax": True},
            {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing"},
            {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
            {"_target_": "SaveImaged", "keys": "pred", "output_dir": "@output_dir"},
        ],
    },
}
WINDOWS = np.random.default_rng(5).normal(size=(2, 1, 16, 16, 8)).astype(np.float32)


def changed(path: str, value: Any, document: dict[str, Any] = INFERENCE) -> dict[str, Any]:
    """A document with one value replaced, found by keys and places."""
    result = copy.deepcopy(document)
    *parents, last = path.split("/")
    inner: Any = result
    for part in parents:
        inner = inner[int(part)] if isinstance(inner, list) else inner[part]
    inner[int(last) if isinstance(inner, list) else last] = value
    return result


def specification(inference=INFERENCE, metadata=METADATA, description=DESCRIPTION):
    return read_specification(metadata, Configuration(inference), description)


def test_the_documents_say_all_that_surrounds_the_network():
    found = specification()
    network = found.network
    assert (found.name, found.version, found.training_data) == ("Spleen CT segmentation", "0.5.9", "Task09_Spleen")
    (channel,) = found.channels
    assert (channel.name, channel.normalisation) == ("CT", Normalisation.CT)
    assert (channel.mean, channel.std, channel.percentile_00_5, channel.percentile_99_5) == (-57.0, 221.0, -57.0, 164.0)
    assert (network.patch, network.step, network.spacing_mm) == ((16, 16, 8), 0.5, (1.5, 1.5, 2.0))
    assert (network.orientation, network.transpose) == ("SAR", (2, 1, 0))
    assert (network.normalise, network.crop_to_nonzero) == (When.AFTER_RESAMPLING, False)
    assert network.resample_data == Resampling(1, 0, False, Alignment.FIRST_VOXEL)
    assert [label.name for label in found.labels.names] == ["background", "spleen"]


def test_a_sigmoid_gives_regions():
    inference = changed("postprocessing/transforms/0", {"_target_": "Activationsd", "sigmoid": True})
    inference = changed("postprocessing/transforms/2", {"_target_": "AsDiscreted", "threshold": 0.5}, inference)
    found: Labels = specification(inference).labels
    assert (found.regions, found.values) == (((1,), (2,)), (1, 2))


def test_a_range_is_scaled_as_monai_scales_it():
    scale = {"_target_": "ScaleIntensityRanged", "a_min": 0, "a_max": 20, "b_min": -1, "b_max": 1}
    (channel,) = specification(changed("preprocessing/transforms/4", scale)).channels
    assert (channel.mean, channel.std) == (10.0, 10.0)
    assert (channel.percentile_00_5 or 0.0) < -1e38
    assert (channel.percentile_99_5 or 0.0) > 1e38


def test_z_scores_within_what_is_not_zero():
    step = {"_target_": "NormalizeIntensityd", "nonzero": True, "channel_wise": True}
    assert specification(changed("preprocessing/transforms/4", step)).channels == (
        Channel("CT", Normalisation.ZSCORE, True),
    )


def test_a_person_names_channels_that_cannot_be_told():
    metadata = changed("network_data_format/inputs/image/modality", "SPECT", METADATA)
    with pytest.raises(Refused) as refused:
        specification(metadata=metadata)
    assert refused.value.reason is Reason.BUNDLE_CHANNELS
    named = specification(metadata=metadata, description=Description(Task.ORGAN_SEGMENTATION, channels=("PET",)))
    assert [channel.name for channel in named.channels] == ["PET"]


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("preprocessing/transforms/4", {"_target_": "HistogramNormalized"}, "HistogramNormalized"),
        ("preprocessing/transforms/4", {"_target_": "Lambdad", "func": "$lambda x: x"}, "Lambdad"),
        ("preprocessing/transforms/3", {"_target_": "EnsureTyped"}, "no Spacingd"),
        ("preprocessing/transforms/3/pixdim", "$[1.0] * 3", "expression"),
        ("preprocessing/transforms/3/mode", "bicubic", "bicubic"),
        ("preprocessing/transforms/4", INFERENCE["preprocessing"]["transforms"][3], "Spacingd twice"),
        ("preprocessing", "$glob.glob('*')", "not a list"),
        ("inferer", {"_target_": "SimpleInferer"}, "SlidingWindowInferer"),
        ("inferer/roi_size", [16, 16], "three numbers"),
        ("inferer/roi_size", "$[16] * 3", "expression"),
        ("postprocessing/transforms", [], "softmax"),
        ("postprocessing/transforms/2", {"_target_": "KeepLargestConnectedComponentd"}, "KeepLargest"),
    ],
)
def test_what_cannot_be_derived_is_refused_by_name(path, value, says):
    with pytest.raises(Refused, match=says.replace("[", r"\[")) as refused:
        specification(changed(path, value))
    assert refused.value.reason is Reason.MODEL_UNSUPPORTED


def test_missing_parts_are_named():
    without = {key: value for key, value in METADATA.items() if key != "network_data_format"}
    with pytest.raises(Refused, match="network_data_format") as refused:
        specification(metadata=without)
    assert refused.value.reason is Reason.BUNDLE_MALFORMED
    without = {key: value for key, value in INFERENCE.items() if key != "preprocessing"}
    with pytest.raises(Refused, match="no preprocessing"):
        specification(without)


def test_references_are_followed_but_not_in_circles():
    inference = {**INFERENCE, "size": "@first", "first": "@second::0", "second": [[16, 16, 8]]}
    assert specification(inference).network.patch == (16, 16, 8)
    with pytest.raises(Refused) as refused:
        specification({**INFERENCE, "size": "@size"})
    assert refused.value.reason is Reason.BUNDLE_MALFORMED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "spleen"
    for name, content in (("metadata", METADATA), ("inference", INFERENCE)):
        path = made / "configs" / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
    (made / "models").mkdir()
    return made


@pytest.fixture
def network() -> Any:
    torch = pytest.importorskip("torch", reason="needs torch")
    pytest.importorskip("onnx", reason="needs onnx")
    nets = pytest.importorskip("monai.networks.nets", reason="needs monai")
    torch.manual_seed(0)
    arguments = {key: value for key, value in INFERENCE["network_def"].items() if key != "_target_"}
    return nets.UNet(**arguments).eval()


def check_graph(bundle: Any, network: Any, windows: int) -> None:
    import torch

    with torch.inference_mode():
        expected = network(torch.from_numpy(WINDOWS[:windows])).numpy()
    compiled = openvino.Core().compile_model(str(bundle.graphs[0]), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(compiled(WINDOWS[:windows])[0], expected, rtol=0.0, atol=1e-4)


def test_weights_with_a_definition_are_imported(folder, network, tmp_path):
    import torch

    torch.save({"model": network.state_dict()}, folder / "models" / "model.pt")
    check_graph(import_monai(folder, tmp_path / "bundle", DESCRIPTION), network, 2)


def test_torchscript_is_imported(folder, network, tmp_path):
    import torch

    torch.jit.trace(network, torch.from_numpy(WINDOWS)).save(folder / "models" / "model.ts")
    check_graph(import_monai(folder, tmp_path / "bundle", DESCRIPTION), network, 2)


def test_onnx_of_any_size_gets_the_windows_size(folder, network, tmp_path):
    import onnx
    import torch

    axes = {"image": {0: "n", 2: "x", 3: "y", 4: "z"}, "pred": {0: "n", 2: "x", 3: "y", 4: "z"}}
    arguments = {"input_names": ["image"], "output_names": ["pred"], "dynamic_axes": axes, "dynamo": False}
    torch.onnx.export(network, (torch.from_numpy(WINDOWS),), folder / "models" / "model.onnx", **arguments)
    bundle = import_monai(folder, tmp_path / "bundle", DESCRIPTION)
    check_graph(bundle, network, 2)
    sizes = onnx.load(str(bundle.graphs[0])).graph.input[0].type.tensor_type.shape.dim
    assert [size.dim_value for size in sizes][1:] == [1, 16, 16, 8]


def test_onnx_with_other_channels_is_refused(folder, network, tmp_path):
    import torch

    path = folder / "models" / "model.onnx"
    torch.onnx.export(network, (torch.from_numpy(WINDOWS),), path, dynamo=False, input_names=["image"])
    metadata = changed(
        "network_data_format/inputs/image", {"num_channels": 2, "channel_def": {"0": "ct", "1": "pet"}}, METADATA
    )
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
    with pytest.raises(Refused) as refused:
        import_monai(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason is Reason.BUNDLE_CHANNELS


@pytest.mark.parametrize("content", [b"", b"\x00\x01not onnx", b"\x08\x08"])
def test_what_is_no_onnx_is_refused(folder, network, tmp_path, content):
    (folder / "models" / "model.onnx").write_bytes(content)
    with pytest.raises(Refused) as refused:
        import_monai(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason is Reason.BUNDLE_GRAPH
    assert not list(tmp_path.glob("bundle*"))


def test_onnx_that_fails_the_checker_is_refused(folder, network, tmp_path):
    """A graph whose only node reads what nobody gives."""
    import onnx

    shapes = {"image": [1, 1, 16, 16, 8], "pred": [1, 2, 16, 16, 8]}
    image, pred = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shapes[name]) for name in shapes)
    node = onnx.helper.make_node("Concat", ["image", "nothing"], ["pred"], axis=1)
    model = onnx.helper.make_model(onnx.helper.make_graph([node], "toy", [image], [pred]))
    onnx.save(model, folder / "models" / "model.onnx")
    with pytest.raises(Refused, match="nothing") as refused:
        import_monai(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason is Reason.BUNDLE_GRAPH


class Payload:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.witness),)


def test_weights_with_a_payload_are_refused_and_not_run(folder, network, tmp_path):
    import torch

    torch.save({"model": network.state_dict(), "notes": Payload(tmp_path / "witness")}, folder / "models" / "model.pt")
    with pytest.raises(Refused, match="mkdir") as refused:
        import_monai(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason is Reason.CHECKPOINT_UNSAFE
    assert not (tmp_path / "witness").exists()


def test_networks_that_are_not_listed_are_refused(folder, network, tmp_path):
    import torch

    torch.save(network.state_dict(), folder / "models" / "model.pt")
    for named in ("scripts.my_network.MyNet", "os.system", "$print('x')"):
        inference = changed("network_def/_target_", named)
        (folder / "configs" / "inference.json").write_text(json.dumps(inference))
        with pytest.raises(Refused, match="networks are built from") as refused:
            import_monai(folder, tmp_path / "bundle", DESCRIPTION)
        assert refused.value.reason is Reason.MODEL_UNSUPPORTED


def test_a_bundle_without_a_model_is_refused(folder, network, tmp_path):
    with pytest.raises(Refused, match=r"neither model\.onnx") as refused:
        import_monai(folder, tmp_path / "bundle", DESCRIPTION)
    assert refused.value.reason is Reason.BUNDLE_FILE_MISSING
