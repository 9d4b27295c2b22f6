"""Where an engine's arrays live, so that the same code works on a host and on a device."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Array: TypeAlias = Any
"""A NumPy array, or a torch tensor on the engine's device; images and logits are float32.

Both know slices, masks, comparisons, arithmetic also in place, ``clip``, ``any``, ``mean``, ``min`` and ``max`` of all.
"""

Weights: TypeAlias = "sparse.csr_array[np.float64]"


class Arrays(Protocol):
    """Makes arrays where an engine reads them, and does what NumPy and torch write differently."""

    def place(self, values: NDArray[Any]) -> Array:
        """The values where the engine reads them; not copied if they are there."""
        ...

    def zeros(self, shape: tuple[int, ...]) -> Array: ...

    def places(self, shape: tuple[int, ...]) -> Array:
        """int16 zeros, for places in a short list."""
        ...

    def stack(self, parts: Sequence[Array]) -> Array:
        """Parts of one shape, copied side by side along a new first axis."""
        ...

    def join(self, parts: Sequence[Array], axis: int) -> Array:
        """Parts copied one after the other along an axis they have."""
        ...

    def flip(self, values: Array, axes: tuple[int, ...]) -> Array: ...

    def double(self, values: Array) -> Array:
        """The values in float64."""
        ...

    def extremes(self, values: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
        """Least and largest over some axes, which stay with length 1."""
        ...

    def matrix(self, weights: Weights) -> Array:
        """What `along` needs of weights, shape (voxels of the result, voxels of the source)."""
        ...

    def along(self, matrix: Array, values: Array, axis: int, wanted: tuple[int, int], start: int) -> Array:
        """Rows ``wanted`` of a `matrix` times 3D values along one axis, on which they begin at source voxel ``start``.

        Computed in the type of the values; products are added in the order of the source, so that every kind of array
        gives the same bits.
        """
        ...

    def fetch(self, values: Array) -> NDArray[Any]:
        """The values on the host."""
        ...


class HostArrays:
    """NumPy arrays."""

    def place(self, values: NDArray[Any]) -> Array:
        return np.ascontiguousarray(values)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape, dtype=np.float32)

    def places(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape, dtype=np.int16)

    def stack(self, parts: Sequence[Array]) -> Array:
        return np.stack(parts)

    def join(self, parts: Sequence[Array], axis: int) -> Array:
        return np.concatenate(parts, axis)

    def flip(self, values: Array, axes: tuple[int, ...]) -> Array:
        return np.ascontiguousarray(np.flip(values, axes))

    def double(self, values: Array) -> Array:
        return values.astype(np.float64)

    def extremes(self, values: Array, axes: tuple[int, ...]) -> tuple[Array, Array]:
        return values.min(axis=axes, keepdims=True), values.max(axis=axes, keepdims=True)

    def matrix(self, weights: Weights) -> Array:
        """Sparse, so without BLAS, whose threads would wait for each other where the engine has all cores."""
        return weights

    def along(self, matrix: Array, values: Array, axis: int, wanted: tuple[int, int], start: int) -> Array:
        weights = matrix[slice(*wanted), start : start + values.shape[axis]].astype(values.dtype)
        shape = list(values.shape)
        shape[axis] = wanted[1] - wanted[0]
        if axis == 0:
            return np.asarray(weights @ values.reshape(len(values), -1)).reshape(shape)
        result = np.empty(shape, dtype=values.dtype)
        for plane, onto in zip(values, result, strict=True):
            onto[...] = weights @ plane if axis == 1 else (weights @ plane.T).T
        return result

    def fetch(self, values: Array) -> NDArray[Any]:
        return np.asarray(values)
