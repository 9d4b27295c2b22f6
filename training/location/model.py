"""Model: both encoders and their temperatures, as one network to train."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from config.volume import FloatArray
from inference.retrieval.coarse_to_fine import TextIndex
from inference.retrieval.words import WordTable
from training.location.contrastive import INITIAL_TEMPERATURE, TEMPERATURE_RANGE
from training.location.descriptions import Wording, canonical
from training.location.entries import entries
from training.location.image_encoder import WIDTHS, ImageEncoder, Widths
from training.location.text_encoder import TextEncoder


class LocationModel(nn.Module):
    """Image and text encoder, and the logarithms of the temperatures of leaves and of coarse names."""

    def __init__(self, table: WordTable, dimension: int = 128, widths: Widths = WIDTHS) -> None:
        super().__init__()
        self.table = table
        self.image = ImageEncoder(dimension, widths).to(memory_format=torch.channels_last_3d)
        self.text = TextEncoder(len(table), dimension)
        self.log_temperatures = nn.Parameter(torch.full((2,), INITIAL_TEMPERATURE).log())

    def temperatures(self) -> torch.Tensor:
        """Of leaves and of coarse names, within the range that is learned."""
        return self.log_temperatures.exp().clamp(*TEMPERATURE_RANGE)

    def texts(self, texts: Sequence[str]) -> torch.Tensor:
        """Unit vectors (N, dimension) of texts."""
        return self.text(torch.from_numpy(self.table.numbers(texts)))

    def index(self, wording: Wording) -> TextIndex:
        """The vocabulary as it is searched at run time."""
        known = entries()
        with torch.no_grad():
            leaves, coarse = (
                self.texts([canonical(entry, wording) for entry in level]).numpy()
                for level in (known.leaves, known.coarse)
            )
        return TextIndex(leaves, coarse, known.parents)

    def embed(self, images: torch.Tensor) -> FloatArray:
        """Unit vectors (N, dimension) of what ``look`` gives, without gradients."""
        with torch.no_grad():
            embedded: FloatArray = self.image(images).numpy()
        return np.asarray(embedded, dtype=np.float32)
