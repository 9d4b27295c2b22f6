"""Captioner: 3D encoder of the patch, prompts of the location beside its features, X-Transformer decoder."""

import torch
from torch import nn

from inference.captioning.guidance import MOST_PROMPTS
from inference.captioning.tokens import PAD, PROMPT_LENGTH, TokenTable
from training.caption.x_transformer import Decoder, EncoderLayer
from training.location.image_encoder import Block

LENGTH = 20
"""Most words of a caption, start and end included."""


class PatchEncoder(nn.Module):
    """Features (N, 64, width) of 4 × 4 × 4 places in patches (N, channels, 32, 32, 32)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv3d(channels, 16, 3, 2, padding=1, bias=False), nn.BatchNorm3d(16), nn.ReLU(inplace=True),
            Block(16, 32, 1), Block(32, 64, 2), Block(64, width, 2),
        )  # fmt: skip

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        return self.layers(patches).flatten(2).transpose(1, 2)


class Captioner(nn.Module):
    """Logits (N, T, words) of captions, given what is seen and the location prompts.

    The memory that the decoder attends to is the features of the patch and, after them, the words of the prompts in
    the decoder's own embedding (CGLP), refined together by X-linear layers whose first query is the mean feature.
    """

    def __init__(self, table: TokenTable, channels: int, width: int = 96) -> None:
        super().__init__()
        self.table = table
        self.image = PatchEncoder(channels, width).to(memory_format=torch.channels_last_3d)
        words = nn.Embedding(len(table), width, padding_idx=PAD)
        nn.init.normal_(words.weight, std=width**-0.5)
        self.places = nn.Parameter(torch.randn(64 + MOST_PROMPTS * PROMPT_LENGTH, width) * 0.02)
        self.refine = nn.ModuleList(EncoderLayer(width) for _ in range(2))
        self.decoder = Decoder(words, LENGTH)

    def forward(self, patches: torch.Tensor, prompts: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        memory, present = self.remember(self.image(patches), prompts)
        return self.decoder(tokens, memory, present)

    def remember(self, features: torch.Tensor, prompts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The memory (N, M, width), and which of it (N, M) is there.

        Parameters
        ----------
        features
            What ``image`` makes of the patches, (N, 64, width).
        prompts
            Token numbers (N, ``MOST_PROMPTS`` × ``PROMPT_LENGTH``), padded.
        """
        present = torch.cat([torch.ones_like(features[..., 0], dtype=torch.bool), prompts != PAD], dim=1)
        memory = torch.cat([features, self.decoder.words(prompts)], dim=1) + self.places
        query = memory[:, : features.shape[1]].mean(dim=1, keepdim=True)
        for layer in self.refine:
            query, memory = layer(query, memory, present)
        return memory, present
