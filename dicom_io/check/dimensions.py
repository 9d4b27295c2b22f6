"""Dimension indices of a multi-frame object (PS3.3 C.7.6.17): pointers to what is there, one index for each value."""

from collections.abc import Iterator

from dicom_io.check.element import Element
from dicom_io.check.fault import Fault, Rule
from dicom_io.check.frames import Frame, frames
from dicom_io.check.opened import Node, keyword_of

_LAST_TAG = 0xFFFFFFFF


def faults(root: Node) -> Iterator[Fault]:
    """Faults of the Multi-frame Dimension Module, and of the Dimension Index Values of the frames."""
    organizations = {item.text("DimensionOrganizationUID") for item in root.items("DimensionOrganizationSequence")}
    dimensions = root.items("DimensionIndexSequence")
    for dimension in dimensions:
        uid = dimension.text("DimensionOrganizationUID")
        if uid and uid not in organizations:
            what = "Not one of Dimension Organization Sequence."
            yield dimension.fault("DimensionOrganizationUID", what, Rule.DIMENSIONS)
    found = frames(root)
    indices = [tuple(map(int, frame.group("FrameContentSequence").numbers("DimensionIndexValues"))) for frame in found]
    for frame, values in zip(found, indices, strict=True):
        content = frame.group("FrameContentSequence")
        if len(values) != len(dimensions):
            what = f"{len(values)} values for {len(dimensions)} dimensions."
            yield content.fault("DimensionIndexValues", what, Rule.DIMENSIONS)
        elif any(value < 1 for value in values):
            yield content.fault("DimensionIndexValues", "An index below 1.", Rule.DIMENSIONS)
    if all(len(values) == len(dimensions) for values in indices):
        for place, dimension in enumerate(dimensions):
            yield from _dimension(dimension, [(frame, of[place]) for frame, of in zip(found, indices, strict=True)])


def _dimension(dimension: Node, indexed: list[tuple[Frame, int]]) -> Iterator[Fault]:
    """Frames with the same value of a dimension have the same index, and others another."""
    attribute, group = (_pointed(dimension, key) for key in ("DimensionIndexPointer", "FunctionalGroupPointer"))
    if not attribute or attribute.startswith("(") or group.startswith("("):
        return  # private: whose values nobody else knows
    index_of: dict[Element, int] = {}
    value_of: dict[int, Element] = {}
    for frame, index in indexed:
        holder = frame.group(group) if group else frame.own
        element = holder.elements.get(attribute)
        content = frame.group("FrameContentSequence")
        if element is None:
            what = f"{attribute} of dimension {dimension.where.rstrip('.')} is not there for this frame."
            yield content.fault("DimensionIndexValues", what, Rule.DIMENSIONS)
        elif index_of.setdefault(element, index) != index:
            what = f"{index} and {index_of[element]} for the same {attribute}."
            yield content.fault("DimensionIndexValues", what, Rule.DIMENSIONS)
        elif value_of.setdefault(index, element) != element:
            what = f"{index} for several values of {attribute}."
            yield content.fault("DimensionIndexValues", what, Rule.DIMENSIONS)


def _pointed(dimension: Node, keyword: str) -> str:
    tag = dimension.integer(keyword)
    return keyword_of(tag) if tag is not None and 0 <= tag <= _LAST_TAG else ""
