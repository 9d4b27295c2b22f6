"""Text encoder: a small transformer over the words of descriptions, trained from nothing."""

import torch
from torch import nn
from torch.nn import functional

from inference.retrieval.words import WordTable
from training.location.descriptions import all_words

LENGTH = 40
_PAD = 0


def word_table() -> WordTable:
    """The words of all descriptions that ``descriptions`` can make."""
    return WordTable(sorted(all_words()), LENGTH)


class TextEncoder(nn.Module):
    """Unit vectors (N, dimension) of word numbers (N, ``LENGTH``): embedding, transformer, mean over words, linear."""

    def __init__(self, table_size: int, dimension: int, width: int = 64, layers: int = 1, heads: int = 4) -> None:
        super().__init__()
        self.words = nn.Embedding(table_size, width, padding_idx=_PAD)
        self.places = nn.Parameter(torch.randn(LENGTH, width) * 0.02)
        layer = nn.TransformerEncoderLayer(
            width, heads, 2 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, dimension)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        absent = numbers == _PAD
        encoded = self.norm(self.transformer(self.words(numbers) + self.places, src_key_padding_mask=absent))
        present = (~absent).to(encoded.dtype).unsqueeze(-1)
        mean = (encoded * present).sum(dim=1) / present.sum(dim=1).clamp(min=1.0)
        return functional.normalize(self.project(mean), dim=-1)
