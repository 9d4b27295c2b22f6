"""nnU-Net v2 result folders with random weights, as its trainer writes them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

PLAIN = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
RESIDUAL = "dynamic_network_architectures.architectures.unet.ResidualEncoderUNet"


def architecture(class_name: str) -> dict[str, Any]:
    blocks = {"n_conv_per_stage": [1, 1, 1]} if class_name == PLAIN else {"n_blocks_per_stage": [1, 1, 1]}
    return {
        "network_class_name": class_name,
        "arch_kwargs": {
            "n_stages": 3,
            "features_per_stage": [4, 8, 8],
            "conv_op": "torch.nn.modules.conv.Conv3d",
            "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
            "strides": [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
            "n_conv_per_stage_decoder": [1, 1],
            "conv_bias": True,
            "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
            **blocks,
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }


def make_plans(class_name: str = PLAIN) -> dict[str, Any]:
    """Plans of a configuration ``3d_fullres`` and one that inherits from it."""
    statistics = {"mean": 120.0, "std": 80.0, "percentile_00_5": -50.0, "percentile_99_5": 320.0}
    separately = {"is_seg": False, "order_z": 0, "force_separate_z": None}
    return {
        "dataset_name": "Dataset042_Toy",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [1, 0, 2],
        "transpose_backward": [1, 0, 2],
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": statistics, "1": {**statistics, "mean": 3.0, "std": 2.0}},
        "configurations": {
            "3d_fullres": {
                "preprocessor_name": "DefaultPreprocessor",
                "batch_size": 2,
                "patch_size": [8, 16, 16],
                "spacing": [4.0, 2.0, 2.5],
                "normalization_schemes": ["CTNormalization", "ZScoreNormalization"],
                "use_mask_for_norm": [False, True],
                "resampling_fn_data": "resample_data_or_seg_to_shape",
                "resampling_fn_seg": "resample_data_or_seg_to_shape",
                "resampling_fn_data_kwargs": {**separately, "order": 3},
                "resampling_fn_seg_kwargs": {**separately, "is_seg": True, "order": 1},
                "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
                "resampling_fn_probabilities_kwargs": {**separately, "order": 1},
                "architecture": architecture(class_name),
            },
            "3d_lowres": {"inherits_from": "3d_fullres", "spacing": [6.0, 4.0, 4.0], "next_stage": "3d_cascade"},
            "3d_cascade": {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"},
            "2d": {"inherits_from": "3d_fullres", "patch_size": [16, 16]},
        },
    }


def make_dataset() -> dict[str, Any]:
    return {
        "channel_names": {"0": "CT", "1": "PET"},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": 12,
        "file_ending": ".nii.gz",
    }


@pytest.fixture
def plans() -> dict[str, Any]:
    return make_plans()


@pytest.fixture
def dataset() -> dict[str, Any]:
    return make_dataset()


Writer = Callable[..., Path]


@pytest.fixture
def write_folder(tmp_path: Path) -> Writer:
    """Writes a result folder; needs torch."""

    def write(
        plans: Mapping[str, Any],
        dataset: Mapping[str, Any],
        configuration: str = "3d_fullres",
        folds: int = 1,
        outputs: int = 2,
    ) -> Path:
        torch = pytest.importorskip("torch", reason="needs torch")
        pytest.importorskip("dynamic_network_architectures", reason="needs dynamic-network-architectures")
        from inference.importers.architecture import build_network

        folder = tmp_path / f"nnUNetTrainer__nnUNetPlans__{configuration}"
        folder.mkdir()
        (folder / "plans.json").write_text(json.dumps(plans))
        (folder / "dataset.json").write_text(json.dumps(dataset))
        chosen = plans["configurations"]["3d_fullres"]["architecture"]
        for fold in range(folds):
            torch.manual_seed(fold)
            network = build_network(chosen["network_class_name"], chosen["arch_kwargs"], 2, outputs)
            (folder / f"fold_{fold}").mkdir()
            content = {
                "network_weights": network.state_dict(),
                "logging": {"mean_fg_dice": [np.float64(0.5)], "epoch_end_timestamps": [1.0]},
                "_best_ema": np.float64(0.7),
                "current_epoch": 1000,
                "init_args": {"plans": plans, "configuration": configuration, "fold": fold, "device": "cuda"},
                "trainer_name": "nnUNetTrainer",
                "inference_allowed_mirroring_axes": (0, 1, 2),
            }
            torch.save(content, folder / f"fold_{fold}" / "checkpoint_final.pth")
        return folder

    return write
