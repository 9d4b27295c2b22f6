"""Network: a small U-Net in nnU-Net's manner (MONAI's DynUNet) for 4 mm voxels."""

import torch
from monai.networks.nets import DynUNet
from monai.networks.utils import pixelshuffle, pixelunshuffle
from torch import nn

from config.tracers import Tracer
from inference.bundles.specification import (
    Channel,
    Label,
    Labels,
    Network,
    Normalisation,
    Resampling,
    Specification,
    Task,
)
from inference.retrieval.body import SPACING_MM

PATCH = (64, 64, 64)
GRAPH = "lesions.onnx"
INTENDED_USE = "Research; not for clinical use."

_BLOCK = 2

PET = Channel("PET", Normalisation.CT, mean=0.0, std=5.0, percentile_00_5=0.0, percentile_99_5=40.0)
CT = Channel("CT", Normalisation.CT, mean=0.0, std=500.0, percentile_00_5=-1000.0, percentile_99_5=1500.0)


class LesionNetwork(nn.Module):
    """Logits (N, 2, \\*PATCH) of background and lesion from PET and CT (N, 2, \\*PATCH).

    Blocks of 2 × 2 × 2 voxels are handed to the U-Net as channels and taken back from it as such (Shi et al. 2016, in
    both directions): an eighth of the cost of a U-Net on all voxels, which on a CPU decides how much can be learned.
    """

    def __init__(self, filters: tuple[int, ...] = (16, 32, 64, 96)) -> None:
        super().__init__()
        levels = len(filters)
        self.unet = DynUNet(
            spatial_dims=3,
            in_channels=2 * _BLOCK**3,
            out_channels=2 * _BLOCK**3,
            kernel_size=[3] * levels,
            strides=[1, *[2] * (levels - 1)],
            upsample_kernel_size=[2] * (levels - 1),
            filters=list(filters),
            norm_name=("instance", {"affine": True}),
            res_block=False,
        ).to(memory_format=torch.channels_last_3d)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        blocks = pixelunshuffle(image, 3, _BLOCK).contiguous(memory_format=torch.channels_last_3d)
        return pixelshuffle(self.unet(blocks), 3, _BLOCK)


def specification(version: str, tracer: Tracer | None, training_data: str, licence: str) -> Specification:
    """What running the network needs to know, as the bundle says it."""
    linear = Resampling(order=1, order_z=1, separate_z=False)
    return Specification(
        name="uptake-lesions",
        version=version,
        task=Task.LESION_SEGMENTATION,
        channels=(PET, CT),
        labels=Labels((Label("background"), Label("lesion"))),
        network=Network(
            graphs=(GRAPH,),
            patch=PATCH,
            spacing_mm=(SPACING_MM,) * 3,
            resample_data=linear,
            resample_logits=linear,
            orientation="SPL",
            crop_to_nonzero=False,
        ),
        tracer=tracer,
        licence=licence,
        training_data=training_data,
        intended_use=INTENDED_USE,
    )
