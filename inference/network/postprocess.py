"""The way back: from a network's logits to labels on the original grid, as nnU-Net v2's export does it."""

import numpy as np

from config.finding import LabelMap
from inference.bundles.specification import Labels, Network
from inference.engines.arrays import Array, Arrays
from inference.network.preprocess import Prepared
from inference.network.resampling import Limits, Range, Triple, interpolation

_SLAB = 16


class LabelRestorer:
    """Turns logits into labels as they become final; logits are never held at the original grid, only a few slices.

    Each output is resampled on its own to the original spacing, a few slices at a time; the largest wins, or each
    region is written where its logit is above 0 (a sigmoid above 0.5). Cropping, transposing and turning are undone.

    Parts in which no foreground can come out are not resampled: linear interpolation gives nothing that is not there.
    Splines of order above 1 overshoot and are clipped to the range of the whole, so for them all logits are awaited.
    """

    def __init__(self, prepared: Prepared, network: Network, labels: Labels, arrays: Arrays) -> None:
        self._arrays = arrays
        self._outputs = len(labels.names)
        self._regions = labels.regions is not None
        self._values = np.array([0, *labels.values] if self._regions else labels.values, dtype=np.uint16)
        self._labels: LabelMap = np.zeros(prepared.original_shape, dtype=np.uint16)
        self._target = prepared.cut(self._labels)
        source = prepared.values.shape[1:]
        self._source: Triple = (source[0], source[1], source[2])
        self._onto = interpolation(
            self._source,
            network.spacing_mm,
            prepared.cropped_shape,
            prepared.spacing_mm,
            network.resample_logits,
            arrays,
        )
        self._convex = self._onto.is_convex
        self._held = arrays.zeros((self._outputs, 0, *self._source[1:]))
        self._begin = 0
        self._next = 0

    def add(self, first: int, last: int, logits: Array) -> None:
        """Take the final logits (outputs, last - first, rows, columns) of the network's slices, in their order."""
        held = self._begin + self._held.shape[1]
        if first != held or logits.shape != (self._outputs, last - first, *self._source[1:]):
            raise ValueError(f"expected logits from slice {held}, found {logits.shape} from {first} to {last}")
        self._held = self._arrays.join([self._held, logits], 1) if self._held.shape[1] else logits
        if self._onto.clips and last < self._source[0]:
            return
        limits = [self._onto.limits(one) for one in self._held]
        line, total = self._onto.lines[0], self._onto.shape[0]
        while self._next < total:
            wanted = (self._next, min(self._next + _SLAB, total))
            low, high = line.support(wanted)
            if high > last:
                break
            self._write(self._held[:, low - self._begin : high - self._begin], low, wanted, limits)
            self._next = wanted[1]
        if self._next < total:
            keep = max(self._begin, line.support((self._next, total))[0])
            self._held, self._begin = self._held[:, keep - self._begin :], keep

    def label_map(self) -> LabelMap:
        """The labels on the original grid, shape (slices, rows, columns); background outside of the box.

        Raises ValueError unless all slices were taken.
        """
        if self._next != self._onto.shape[0]:
            raise ValueError(f"labels of {self._next} of {self._onto.shape[0]} slices are known")
        return self._labels

    def _write(self, logits: Array, low: int, slices: Range, limits: "list[Limits | None]") -> None:
        _, rows, columns = self._onto.shape
        wanted = (slices, (0, rows), (0, columns))
        if self._convex:
            foreground = logits > 0.0 if self._regions else logits[1:] > logits[0]
            wanted = (
                slices,
                self._reached(1, foreground.any(axis=(0, 1, 3))),
                self._reached(2, foreground.any(axis=(0, 1, 2))),
            )
        if any(first == last for first, last in wanted):
            return
        from_row, to_row = self._onto.lines[1].support(wanted[1])
        from_column, to_column = self._onto.lines[2].support(wanted[2])
        sources = logits[:, :, from_row:to_row, from_column:to_column]
        found = self._places(sources, (low, from_row, from_column), wanted, limits)
        self._target[tuple(slice(*part) for part in wanted)] = self._values[self._arrays.fetch(found)]

    def _reached(self, axis: int, foreground: Array) -> Range:
        places = np.flatnonzero(self._arrays.fetch(foreground))
        if not len(places):
            return (0, 0)
        return self._onto.lines[axis].reached_from((int(places[0]), int(places[-1]) + 1))

    def _places(
        self, sources: Array, start: Triple, wanted: tuple[Range, Range, Range], limits: "list[Limits | None]"
    ) -> Array:
        """For each voxel of a part of the result the place of its label in ``_values``."""
        places = self._arrays.places(tuple(last - first for first, last in wanted))
        if self._outputs == 2 and not self._regions and not self._onto.clips:
            places[self._onto.part(sources[1] - sources[0], start, wanted, None) > 0.0] = 1
            return places
        largest = None
        for output, (source, limit) in enumerate(zip(sources, limits, strict=True)):
            logit = self._onto.part(source, start, wanted, limit)
            if self._regions:
                places[logit > 0.0] = output + 1
            elif largest is None:
                largest = logit
            else:
                places[logit > largest] = output
                largest = largest.clip(min=logit)
        return places
