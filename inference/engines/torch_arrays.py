"""Arrays that are torch tensors. Imported only where torch is installed."""

from collections.abc import Sequence

import torch

from config.volume import FloatArray
from inference.engines.arrays import Array


class TorchArrays:
    """float32 tensors on one device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def place(self, values: FloatArray) -> Array:
        return torch.as_tensor(values, dtype=torch.float32, device=self._device)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return torch.zeros(shape, dtype=torch.float32, device=self._device)

    def stack(self, parts: Sequence[Array]) -> Array:
        return torch.stack(list(parts))

    def flip(self, values: Array, axes: tuple[int, ...]) -> Array:
        return torch.flip(values, axes)

    def fetch(self, values: Array) -> FloatArray:
        fetched: FloatArray = values.cpu().numpy()
        return fetched
