"""A header as one of its frames sees it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from dicom_io.header_values import items, number, texts


@dataclass(frozen=True, slots=True)
class FrameView:
    """Layers to look a value up in: a frame's functional groups, the shared ones, then the top level.

    Legacy converted images keep what has no functional group in Unassigned … Converted Attributes Sequences, which
    lie among the groups (PS3.3 Section C.7.6.16.2.25.1). ``frame`` counts from 1; None in a single-frame image.
    """

    header: Dataset
    frame: int | None
    layers: tuple[Dataset, ...]

    def texts(self, keyword: str) -> tuple[str, ...]:
        """Every value of the first layer that has one, as text; empty if none has."""
        return next((found for layer in self.layers if any(found := texts(layer, keyword))), ())

    def text(self, keyword: str) -> str:
        return next(iter(self.texts(keyword)), "")

    def number(self, keyword: str) -> float | None:
        return next((found for layer in self.layers if (found := number(layer, keyword)) is not None), None)

    def items(self, keyword: str) -> tuple[Dataset, ...]:
        return next((found for layer in self.layers if (found := items(layer, keyword))), ())

    @classmethod
    def all_of(cls, header: Dataset) -> Iterator[Self]:
        """The views of a header: one for each frame of a multi-frame image, else one."""
        per_frame = items(header, "PerFrameFunctionalGroupsSequence")
        shared = _flattened(items(header, "SharedFunctionalGroupsSequence")[:1])
        if not per_frame:
            yield cls(header, None, (*shared, header))
        for frame, groups in enumerate(per_frame, start=1):
            yield cls(header, frame, (*_flattened((groups,)), *shared, header))


def _flattened(groups: tuple[Dataset, ...]) -> tuple[Dataset, ...]:
    inner = (item for group in groups for tag in sorted(group.keys()) for item in items(group, keyword_for_tag(tag)))
    return (*groups, *inner)
