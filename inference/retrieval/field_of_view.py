"""Field of view: what the location network sees of a body around one lesion."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from config.volume import FloatArray
from inference.retrieval.body import AIR_HU, CONTEXT_FACTOR, HU, SUV, VALID, Body, HalfArray, Voxels

SHAPE = (64, 48, 48)
"""Voxels of either stream: 256 × 192 × 192 mm around the lesion, 768 × 576 × 576 mm of context."""

CHANNELS = ("PET", "CT", "CT soft tissue", "lesion", "valid")

_HIGHEST_SUV = 20.0
_WIDE_HU = (-1000.0, 1000.0)
_SOFT_TISSUE_HU = (-160.0, 240.0)
_EVERYWHERE = (float("-inf"), float("inf"))


@dataclass(frozen=True, slots=True)
class View:
    """How a lesion is looked at; the default is what the node does, the rest is for training.

    ``shift`` of the centre, in voxels of the body. ``zoom``: voxels of the body per voxel seen, along each axis.
    ``cut``: what was scanned along each axis, in voxels of the body from its first one; the rest is not valid.
    ``mirrored``: right and left change places. ``suv_gain`` multiplies SUV, ``hu_offset`` is added. ``unmarked``: all
    of the scan counts as measured, as in a CT that has air where a field of view ends and not padding.
    """

    shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    zoom: tuple[float, float, float] = (1.0, 1.0, 1.0)
    cut: tuple[tuple[float, float], ...] = field(default=(_EVERYWHERE, _EVERYWHERE, _EVERYWHERE))
    mirrored: bool = False
    suv_gain: float = 1.0
    hu_offset: float = 0.0
    unmarked: bool = False


def look(body: Body, voxels: Voxels, view: View = View()) -> FloatArray:
    """What the network sees of one lesion.

    Parameters
    ----------
    voxels
        The lesion on the body's grid, (N, 3), N ≥ 1; its centroid is the centre.

    Returns
    -------
    FloatArray
        Shape (10, *SHAPE), in [0, 1]: the five ``CHANNELS`` of the body, then those of the context. SUV as the square
        root of its share of 20, CT from −1000 to 1000 HU and again from −160 to 240 HU.
    """
    centre = voxels.mean(axis=0) + np.asarray(view.shift)
    streams = []
    for array, factor in ((body.fine, 1), (body.context, CONTEXT_FACTOR)):
        axes = [_axis(array.shape[1 + axis], axis, centre[axis], factor, view) for axis in range(3)]
        lesion = np.zeros(array.shape[1:], dtype=np.bool_)
        lesion[tuple((voxels // factor).T)] = True
        seen = _taken(array, axes)
        if view.unmarked:
            slices, rows, columns = (indices >= 0 for indices in axes)
            seen[VALID] = slices[:, None, None] & rows[:, None] & columns
        streams.append(_channels(seen, _taken(lesion[None], axes)[0], view))
    return np.concatenate(streams)


def _axis(size: int, axis: int, centre: float, factor: int, view: View) -> NDArray[np.int64]:
    """Indices into an axis of ``size`` voxels, −1 where nothing was measured."""
    offsets = (np.arange(SHAPE[axis]) - SHAPE[axis] // 2) * view.zoom[axis] * factor
    places = centre - offsets if view.mirrored and axis == 2 else centre + offsets
    indices = np.floor((places + 0.5) / factor).astype(np.int64)
    first, last = view.cut[axis]
    inside = (indices >= 0) & (indices < size) & (places >= first) & (places < last)
    return np.where(inside, indices, -1)


def _taken(array: NDArray[np.generic], axes: list[NDArray[np.int64]]) -> NDArray[np.generic]:
    """The voxels of (channels, …) at the product of the indices; zero at −1."""
    box = []
    for indices in axes:
        used = indices[indices >= 0]
        box.append((int(used.min()), int(used.max()) + 1) if len(used) else (0, 1))
    (s0, s1), (r0, r1), (c0, c1) = box
    part = array[:, s0:s1, r0:r1, c0:c1]
    for axis, (indices, (first, last)) in enumerate(zip(axes, box, strict=True)):
        part = part.take(np.clip(indices - first, 0, last - first - 1), axis=1 + axis)
    for axis, indices in enumerate(axes):
        part[(slice(None),) * (1 + axis) + (indices < 0,)] = 0
    return part


def _channels(seen: NDArray[np.generic], lesion: NDArray[np.generic], view: View) -> FloatArray:
    values: HalfArray = seen  # type: ignore[assignment]
    valid = values[VALID].astype(np.float32)
    result = np.empty((len(CHANNELS), *lesion.shape), dtype=np.float32)
    suv = values[SUV].astype(np.float32) * np.float32(view.suv_gain / _HIGHEST_SUV)
    np.sqrt(np.clip(suv, 0.0, 1.0, out=suv), out=result[0])
    hu = np.where(valid > 0, values[HU].astype(np.float32) + np.float32(view.hu_offset), np.float32(AIR_HU))
    for channel, (low, high) in ((1, _WIDE_HU), (2, _SOFT_TISSUE_HU)):
        np.clip((hu - np.float32(low)) / np.float32(high - low), 0.0, 1.0, out=result[channel])
    result[3] = lesion
    result[4] = valid
    return result
