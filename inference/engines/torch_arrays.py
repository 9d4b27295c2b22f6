"""Arrays that are torch tensors. Imported only where torch is installed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from inference.engines.arrays import Array, Weights


class TorchArrays:
    """Tensors on one device."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def place(self, values: NDArray[Any]) -> Array:
        return torch.as_tensor(values, device=self._device)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return torch.zeros(shape, dtype=torch.float32, device=self._device)

    def places(self, shape: tuple[int, ...]) -> Array:
        return torch.zeros(shape, dtype=torch.int16, device=self._device)

    def stack(self, parts: Sequence[Array]) -> Array:
        return torch.stack(list(parts))

    def join(self, parts: Sequence[Array], axis: int) -> Array:
        return torch.cat(list(parts), axis)

    def flip(self, values: Array, axes: tuple[int, ...]) -> Array:
        return torch.flip(values, axes)

    def double(self, values: Array) -> Array:
        return values.double()

    def extremes(self, values: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
        return values.amin(axes, keepdim=True), values.amax(axes, keepdim=True)

    def matrix(self, weights: Weights) -> Array:
        """For each voxel of the result its source voxels and their weights, filled up with weights of 0."""
        counts = np.diff(weights.indptr)
        counted = np.arange(counts.max()) < counts[:, None]
        voxels = np.repeat(weights.indices[weights.indptr[:-1], None], counts.max(), axis=1).astype(np.int64)
        factors = np.zeros(counted.shape)
        voxels[counted] = weights.indices
        factors[counted] = weights.data
        return self.place(voxels.T), self.place(factors.T)

    def along(self, matrix: Array, values: Array, axis: int, wanted: tuple[int, int], start: int) -> Array:
        """Plane by plane across the axis; a product and then a sum, each rounded, as on the host."""
        voxels, factors = (each[:, slice(*wanted)] for each in matrix)
        planes = values.movedim(axis, 0).contiguous()
        result = None
        for voxel, factor in zip(voxels - start, factors.to(values.dtype), strict=True):
            product = planes.index_select(0, voxel)
            product *= factor[:, None, None]
            if result is None:
                result = product
            else:
                result += product
        assert result is not None
        return result.movedim(0, axis)

    def fetch(self, values: Array) -> NDArray[Any]:
        fetched: NDArray[Any] = values.cpu().numpy()
        return fetched
