"""Architectures: networks by name, from a list; nothing else that a plan names is imported."""

from collections.abc import Mapping
from typing import Any

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from dynamic_network_architectures.building_blocks.residual import BasicBlockD, BottleneckD

from config.reasons import Reason, Refused

NETWORKS = {"PlainConvUNet": PlainConvUNet, "ResidualEncoderUNet": ResidualEncoderUNet}
PARTS = {
    "Conv3d": torch.nn.Conv3d,
    "InstanceNorm3d": torch.nn.InstanceNorm3d,
    "BatchNorm3d": torch.nn.BatchNorm3d,
    "Dropout3d": torch.nn.Dropout3d,
    "LeakyReLU": torch.nn.LeakyReLU,
    "ReLU": torch.nn.ReLU,
    "PReLU": torch.nn.PReLU,
    "GELU": torch.nn.GELU,
    "BasicBlockD": BasicBlockD,
    "BottleneckD": BottleneckD,
}

_BY_NAME = ("conv_op", "norm_op", "dropout_op", "nonlin", "block")


def build_network(class_name: str, arguments: Mapping[str, Any], channels: int, outputs: int) -> torch.nn.Module:
    """The network of an nnU-Net plan, with random weights and without deep supervision.

    Raises
    ------
    Refused
        ``MODEL_UNSUPPORTED`` for a network or part that is not on the list; ``BUNDLE_MALFORMED`` for arguments that
        the network does not take.
    """
    network = _listed(class_name, NETWORKS, "dynamic_network_architectures.architectures.")
    plain = {key: value for key, value in arguments.items() if key not in (*_BY_NAME, "deep_supervision")}
    parts = {key: arguments[key] for key in _BY_NAME if arguments.get(key) is not None}
    chosen = {key: _listed(str(value), PARTS, ("torch.nn.", "dynamic_network_")) for key, value in parts.items()}
    try:
        built: torch.nn.Module = network(
            input_channels=channels, num_classes=outputs, deep_supervision=False, **plain, **chosen
        )
    except (TypeError, ValueError, AssertionError, IndexError, KeyError, RuntimeError) as error:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{class_name} does not take the plan's arguments: {error}.") from error
    return built


def _listed(name: str, listed: Mapping[str, Any], package: str | tuple[str, ...]) -> Any:
    last = name.rpartition(".")[2]
    if last not in listed or not name.startswith(package):
        known = ", ".join(listed)
        raise Refused(Reason.MODEL_UNSUPPORTED, f"The plan names {name}; networks are built from {known}.")
    return listed[last]
