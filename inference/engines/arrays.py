"""Where an engine's arrays live, so that the same code works on a host and on a device."""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from config.volume import FloatArray

Array: TypeAlias = Any
"""float32: a NumPy array, or a torch tensor on the engine's device. Both know slices, ``+=``, ``*=`` and ``/=``."""


class Arrays(Protocol):
    """Makes arrays where an engine reads them."""

    def place(self, values: FloatArray) -> Array:
        """The values where the engine reads them; not copied if they are there."""
        ...

    def zeros(self, shape: tuple[int, ...]) -> Array: ...

    def stack(self, parts: Sequence[Array]) -> Array:
        """Parts of one shape, copied side by side along a new first axis."""
        ...

    def flip(self, values: Array, axes: tuple[int, ...]) -> Array: ...

    def fetch(self, values: Array) -> FloatArray:
        """The values on the host."""
        ...


class HostArrays:
    """NumPy arrays."""

    def place(self, values: FloatArray) -> Array:
        return np.ascontiguousarray(values, dtype=np.float32)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape, dtype=np.float32)

    def stack(self, parts: Sequence[Array]) -> Array:
        return np.stack(parts)

    def flip(self, values: Array, axes: tuple[int, ...]) -> Array:
        return np.ascontiguousarray(np.flip(values, axes))

    def fetch(self, values: Array) -> FloatArray:
        return np.asarray(values, dtype=np.float32)
