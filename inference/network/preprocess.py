"""Preparation: from volumes to what a network sees, as nnU-Net v2's DefaultPreprocessor does it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray

from config.reasons import Reason, Refused
from config.volume import FloatArray, Volume
from inference.bundles.specification import Channel, Network, When
from inference.engines.arrays import Array, Arrays
from inference.network.normalisation import normalise
from inference.network.orientation import AS_STORED, Turn, turn_to
from inference.network.resampling import Triple, grid_shape, interpolation

Box = tuple[slice, slice, slice]
Mask = NDArray[np.bool_]

_SAME_PLACE_MM = 1e-2


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a network sees of a patient, and the way back.

    Parameters
    ----------
    values
        float32, shape (channels, slices, rows, columns) along the axes of the network and at its spacing, where the
        engine reads it.
    original_shape
        The volumes' (slices, rows, columns).
    turn, transpose
        How the volumes were turned, and then transposed.
    box
        What was cut out of the turned and transposed volumes.
    spacing_mm
        The original spacing along the axes of the network.
    """

    values: Array
    original_shape: Triple
    turn: Turn
    transpose: tuple[int, int, int]
    box: Box
    spacing_mm: tuple[float, float, float]

    @property
    def cropped_shape(self) -> Triple:
        """Voxels in the box, before resampling."""
        slices, rows, columns = (side.stop - side.start for side in self.box)
        return slices, rows, columns

    def cut(self, original: NDArray[Any]) -> NDArray[Any]:
        """What is in the box, of an array on the grid of the volumes: a view along the axes of the network."""
        return self.turn.there(original).transpose(self.transpose)[self.box]


def prepare(volumes: Mapping[str, Volume], channels: tuple[Channel, ...], network: Network, arrays: Arrays) -> Prepared:
    """Turn, transpose and crop to what is not zero; then normalise and resample where the engine's arrays are.

    One channel after the other, so that no more than one is there on the original grid.

    Raises
    ------
    Refused
        ``BUNDLE_CHANNELS`` if a channel is missing, or the volumes are not on one grid.
    """
    chosen = _chosen(volumes, channels)
    turn = AS_STORED if network.orientation is None else turn_to(network.orientation, chosen[0].affine)
    views = [turn.there(volume.values).transpose(network.transpose) for volume in chosen]
    spacing = [float(chosen[0].spacing_mm[turn.axes[axis]]) for axis in network.transpose]
    spacing_mm = (spacing[0], spacing[1], spacing[2])
    box = _box_of_nonzero(views) if network.crop_to_nonzero else _whole(views[0])
    views = [view[box] for view in views]
    first = network.normalise is When.BEFORE_RESAMPLING
    mask = arrays.place(_nonzero(views)) if first and any(channel.use_mask for channel in channels) else None
    cropped = (views[0].shape[0], views[0].shape[1], views[0].shape[2])
    new_shape = grid_shape(cropped, spacing_mm, network.spacing_mm, network.resample_data.alignment)
    onto = interpolation(cropped, spacing_mm, new_shape, network.spacing_mm, network.resample_data, arrays)
    result = arrays.zeros((len(channels), *new_shape))
    for channel, view, values in zip(channels, views, result, strict=True):
        if first:
            onto.resample(_normalised(np.array(view, dtype=np.float32, order="C"), channel, mask, arrays), values)
        else:
            onto.resample(arrays.place(np.ascontiguousarray(view, dtype=np.float32)), values)
            normalise(values, channel, values != 0.0 if channel.use_mask else None)
    return Prepared(result, chosen[0].shape, turn, network.transpose, box, spacing_mm)


def _normalised(copied: FloatArray, channel: Channel, mask: Array | None, arrays: Arrays) -> Array:
    values = arrays.place(copied)
    normalise(values, channel, mask)
    return values


def _chosen(volumes: Mapping[str, Volume], channels: tuple[Channel, ...]) -> list[Volume]:
    """The volumes in the order of the channels, all on one grid."""
    missing = [channel.name for channel in channels if channel.name not in volumes]
    if missing:
        found = ", ".join(volumes) or "none"
        raise Refused(Reason.BUNDLE_CHANNELS, f"No {', '.join(missing)} among the volumes given: {found}.")
    chosen = [volumes[channel.name] for channel in channels]
    for channel, volume in zip(channels, chosen, strict=True):
        corners = np.array([[0, 0, 0], volume.shape])
        if volume.shape != chosen[0].shape or not np.allclose(
            volume.points_mm(corners), chosen[0].points_mm(corners), rtol=0.0, atol=_SAME_PLACE_MM
        ):
            raise Refused(Reason.BUNDLE_CHANNELS, f"{channel.name} is not on the grid of {channels[0].name}.")
    return chosen


def _box_of_nonzero(views: list[FloatArray]) -> Box:
    """The smallest box outside of which every channel is zero; the whole if all is zero."""
    sides = []
    seen = [np.zeros(size, dtype=bool) for size in views[0].shape]
    for view in views:
        nonzero = view != 0.0
        for axis, side in enumerate(seen):
            side |= nonzero.any(axis=tuple(other for other in range(3) if other != axis))
    for side in seen:
        places = np.flatnonzero(side)
        sides.append(slice(int(places[0]), int(places[-1]) + 1) if len(places) else slice(0, len(side)))
    return sides[0], sides[1], sides[2]


def _whole(view: FloatArray) -> Box:
    slices, rows, columns = (slice(0, size) for size in view.shape)
    return slices, rows, columns


def _nonzero(views: list[FloatArray]) -> Mask:
    """Where a channel is not zero, holes filled: zeros that do not reach the border over shared faces."""
    nonzero = views[0] != 0.0
    for view in views[1:]:
        nonzero |= view != 0.0
    zeros = cc3d.connected_components(np.ascontiguousarray(~nonzero), connectivity=6)
    faces = [zeros[0], zeros[-1], zeros[:, 0], zeros[:, -1], zeros[:, :, 0], zeros[:, :, -1]]
    outside = np.zeros(int(zeros.max()) + 1, dtype=bool)
    for face in faces:
        outside[np.unique(face)] = True
    outside[0] = False
    return np.asarray(~outside[zeros])
