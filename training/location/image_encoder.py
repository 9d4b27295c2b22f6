"""Image encoder: two small 3D residual networks, one on the lesion's surroundings, one on the body around it."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from inference.retrieval.field_of_view import CHANNELS, SHAPE

Widths = tuple[int, int, int, int]
WIDTHS: Widths = (16, 32, 64, 128)
"""Channels after each halving; a second block at the first, which sees most voxels, would cost as much as the rest."""

_STRIDE = 16


class Block(nn.Module):
    """Residual block of two 3 × 3 × 3 convolutions (He et al. 2016) in three dimensions."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv3d(inputs, outputs, 3, stride, padding=1, bias=False), nn.BatchNorm3d(outputs), nn.ReLU(inplace=True)
        )
        self.second = nn.Sequential(nn.Conv3d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm3d(outputs))
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv3d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm3d(outputs))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.second(self.first(values)) + self.shortcut(values))


class Trunk(nn.Module):
    """Features (N, ``features``) of one stream (N, channels, \\*SHAPE).

    The last map is not averaged but flattened: what lies above, below and beside the lesion is what tells where it is.
    Each map is averaged over the lesion besides: what it lies in is finer than the last map.
    """

    def __init__(self, widths: Widths, squeezed: int = 48) -> None:
        super().__init__()
        stem = widths[0]
        self.stages = nn.ModuleList([_convolution(len(CHANNELS), stem, 3, stride=2)])
        for number, (before, after) in enumerate(pairwise(widths)):
            blocks = [Block(before, after, 2)] if number == 0 else [Block(before, after, 2), Block(after, after, 1)]
            self.stages.append(nn.Sequential(*blocks))
        self.squeeze = _convolution(widths[-1], squeezed, 1)
        places = [size // _STRIDE for size in SHAPE]
        self.features = squeezed * places[0] * places[1] * places[2] + sum(widths)

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        values, lesion = stream, stream[:, [CHANNELS.index("lesion")]]
        within = []
        for stage in self.stages:
            values, lesion = stage(values), functional.avg_pool3d(lesion, 2)
            within.append(_mean(values, lesion))
        return torch.cat([self.squeeze(values).flatten(1), *within], dim=1)


def _mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted means (N, C) of a map (N, C, …); as a product of matrices, a third of the cost of a sum of products."""
    shares = weights.flatten(2) / weights.flatten(2).sum(dim=2, keepdim=True).clamp(min=1e-6)
    channels_last = values.permute(0, 2, 3, 4, 1).flatten(1, 3)
    return torch.bmm(shares.to(values.dtype), channels_last).squeeze(1)


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, size, stride, padding=size // 2, bias=False),
        nn.BatchNorm3d(outputs),
        nn.ReLU(inplace=True),
    )


class ImageEncoder(nn.Module):
    """Unit vectors (N, dimension) of what ``look`` gives, (N, 10, \\*SHAPE)."""

    def __init__(self, dimension: int, widths: Widths = WIDTHS, hidden: int = 256) -> None:
        super().__init__()
        self.near, self.far = Trunk(widths), Trunk(widths)
        self.head = nn.Sequential(
            nn.Linear(self.near.features + self.far.features, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, dimension),
        )

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return self.embedded(self.features(seen))

    def features(self, seen: torch.Tensor) -> torch.Tensor:
        """What the convolutions make of both streams, (N, features)."""
        near, far = seen.split(len(CHANNELS), dim=1)
        return torch.cat([self.near(near), self.far(far)], dim=1)

    def embedded(self, features: torch.Tensor) -> torch.Tensor:
        return functional.normalize(self.head(features), dim=-1)
