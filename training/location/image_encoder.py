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
    """

    def __init__(self, widths: Widths, squeezed: int = 48) -> None:
        super().__init__()
        stem = widths[0]
        layers: list[nn.Module] = [
            nn.Conv3d(len(CHANNELS), stem, 3, 2, padding=1, bias=False),
            nn.BatchNorm3d(stem),
            nn.ReLU(inplace=True),
        ]
        for number, (before, after) in enumerate(pairwise(widths)):
            layers += [Block(before, after, 2)] if number == 0 else [Block(before, after, 2), Block(after, after, 1)]
        layers += [nn.Conv3d(widths[-1], squeezed, 1, bias=False), nn.BatchNorm3d(squeezed), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)
        places = [size // _STRIDE for size in SHAPE]
        self.features = squeezed * places[0] * places[1] * places[2]

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        return self.layers(stream).flatten(1)


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
