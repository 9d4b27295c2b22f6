"""Plans become specifications; what can't be reproduced is refused."""

from typing import Any

import pytest

from config.reasons import Reason, Refused
from config.tracers import Tracer
from inference.bundles.specification import Channel, Label, Normalisation, Resampling, Task
from inference.importers.description import Description
from inference.importers.plans import Plan, read_plan


def read(plans: dict[str, Any], dataset: dict[str, Any], name: str = "3d_fullres", **said: Any) -> Plan:
    description = Description(Task.LESION_SEGMENTATION, Tracer.FDG, **said)
    return read_plan(plans, dataset, name, ("fold_0.onnx",), (0, 1, 2), description)


def test_a_plan_says_all_that_surrounds_the_network(plans, dataset):
    specification = read(plans, dataset).specification
    network = specification.network
    assert specification.name == "Dataset042_Toy"
    assert specification.training_data == "Dataset042_Toy, 12 cases"
    assert specification.channels == (
        Channel("CT", Normalisation.CT, False, 120.0, 80.0, -50.0, 320.0),
        Channel("PET", Normalisation.ZSCORE, True),
    )
    assert (network.patch, network.spacing_mm, network.step) == ((8, 16, 16), (4.0, 2.0, 2.5), 0.5)
    assert (network.transpose, network.transpose_back) == ((1, 0, 2), (1, 0, 2))
    assert network.resample_data == Resampling(3, 0, None)
    assert network.resample_logits == Resampling(1, 0, None)
    assert network.orientation is None


def test_mirroring_is_an_option(plans, dataset):
    assert read(plans, dataset).specification.network.mirror_axes == ()
    assert read(plans, dataset, mirroring=True).specification.network.mirror_axes == (0, 1, 2)


def test_configurations_inherit(plans, dataset):
    network = read(plans, dataset, "3d_lowres").specification.network
    assert (network.spacing_mm, network.patch) == ((6.0, 4.0, 4.0), (8, 16, 16))


def test_volumes_are_turned_for_models_trained_by_the_reader_that_reorients(plans, dataset):
    plans["image_reader_writer"] = "NibabelIOWithReorient"
    assert read(plans, dataset).specification.network.orientation == "SAR"


def test_regions_keep_their_order(plans, dataset):
    dataset["labels"] = {"background": 0, "whole": [1, 2], "core": [2], "ignore": 3}
    dataset["regions_class_order"] = [1, 2]
    labels = read(plans, dataset).specification.labels
    assert labels.names == (Label("whole"), Label("core"))
    assert (labels.regions, labels.values) == (((1, 2), (2,)), (1, 2))


def test_classes_are_named_in_the_order_of_their_values(plans, dataset):
    dataset["labels"] = {"background": 0, "b": 2, "a": 1, "ignore": 3}
    assert read(plans, dataset).specification.labels.names == (Label("background"), Label("a"), Label("b"))


def test_torch_resampling_is_linear(plans, dataset):
    configuration = plans["configurations"]["3d_fullres"]
    configuration["resampling_fn_probabilities"] = "resample_torch_fornnunet"
    configuration["resampling_fn_probabilities_kwargs"] = {"is_seg": False, "force_separate_z": False}
    assert read(plans, dataset).specification.network.resample_logits == Resampling(1, 0, False)


def test_channels_can_be_named(plans, dataset):
    dataset["channel_names"] = {"0": "a", "1": "b"}
    with pytest.raises(Refused) as refused:
        read(plans, dataset)
    assert refused.value.reason is Reason.BUNDLE_CHANNELS
    named = read(plans, dataset, channels=("CT", "PET")).specification
    assert [channel.name for channel in named.channels] == ["CT", "PET"]


def test_plans_without_an_architecture_are_understood(plans, dataset):
    configuration = plans["configurations"]["3d_fullres"]
    described = configuration.pop("architecture")["arch_kwargs"]
    configuration |= {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": 4,
        "unet_max_num_features": 8,
        "n_conv_per_stage_encoder": [1, 1, 1],
        "n_conv_per_stage_decoder": [1, 1],
        "pool_op_kernel_sizes": described["strides"],
        "conv_kernel_sizes": described["kernel_sizes"],
    }
    plan = read(plans, dataset)
    assert plan.class_name == "dynamic_network_architectures.architectures.unet.PlainConvUNet"
    assert plan.arguments["features_per_stage"] == [4, 8, 8]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("2d", {}),
        ("3d_cascade", {}),
        ("3d_fullres", {"preprocessor_name": "MyPreprocessor"}),
        ("3d_fullres", {"normalization_schemes": ["CTNormalization", "MyNormalization"]}),
        ("3d_fullres", {"resampling_fn_data": "my_resampling"}),
        ("3d_fullres", {"resampling_fn_data_kwargs": {"order": 3, "anti_aliasing": True}}),
    ],
)
def test_what_is_not_nnunets_own_is_refused(plans, dataset, name, change):
    plans["configurations"]["3d_fullres"] |= change
    with pytest.raises(Refused) as refused:
        read(plans, dataset, name)
    assert refused.value.reason is Reason.MODEL_UNSUPPORTED


@pytest.mark.parametrize(
    "change",
    [
        {"transpose_forward": [0, 0, 1]},
        {"transpose_forward": [1, 2, 0], "transpose_backward": [1, 2, 0]},
        {"configurations": {}},
        {"configurations": {"3d_fullres": {"inherits_from": "3d_fullres"}}},
        {"foreground_intensity_properties_per_channel": {}},
    ],
)
def test_a_broken_plan_is_refused(plans, dataset, change):
    with pytest.raises(Refused) as refused:
        read(plans | change, dataset)
    assert refused.value.reason is Reason.BUNDLE_MALFORMED


@pytest.mark.parametrize("labels", [{"lesion": 1}, {"background": 0}, {"background": 0, "lesion": 2}, []])
def test_labels_that_name_no_outputs_are_refused(plans, dataset, labels):
    with pytest.raises(Refused) as refused:
        read(plans, dataset | {"labels": labels})
    assert refused.value.reason is Reason.BUNDLE_MALFORMED
