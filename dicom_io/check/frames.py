"""The frames of a segmentation: their functional groups, and what each is of (PS3.3 C.7.6.16, C.8.20.3)."""

from collections.abc import Iterator
from typing import NamedTuple

from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node
from dicom_io.check.segments import segment_numbers

_SHARED = "SharedFunctionalGroupsSequence"
_PER_FRAME = "PerFrameFunctionalGroupsSequence"
_IN_PATIENT = ("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence")
_ON_SLIDE = ("PixelMeasuresSequence", "PlanePositionSlideSequence")


class Frame(NamedTuple):
    """The functional groups of a frame: its own, and those it shares."""

    own: Node
    shared: Node

    def group(self, keyword: str) -> Node:
        """The first item of a functional group, wherever it is; an empty one if there is none."""
        return (self.own if keyword in self.own else self.shared).first(keyword)

    def has(self, keyword: str) -> bool:
        return bool(self.own.items(keyword) or self.shared.items(keyword))


def frames(root: Node) -> tuple[Frame, ...]:
    """The frames in their order."""
    shared = root.first(_SHARED)
    return tuple(Frame(own, shared) for own in root.items(_PER_FRAME))


def faults(root: Node) -> Iterator[Fault]:
    """Faults of the functional groups."""
    found = frames(root)
    yield from _count(root, found)
    yield from _once(root, found)
    yield from _segments(root, found)


def _count(root: Node, found: tuple[Frame, ...]) -> Iterator[Fault]:
    count = root.integer("NumberOfFrames")
    if count != len(found):
        what = f"{len(found)} items for {root.text('NumberOfFrames') or 'no'} frames."
        yield root.fault(_PER_FRAME, what, Rule.FRAME_COUNT)
    if len(root.items(_SHARED)) > 1:
        yield root.fault(_SHARED, f"{len(root.items(_SHARED))} items; expected one.", Rule.FRAME_COUNT)


def _once(root: Node, found: tuple[Frame, ...]) -> Iterator[Fault]:
    """No group both shared and of a frame; those that are needed, somewhere."""
    shared = root.first(_SHARED)
    if "FrameContentSequence" in shared:
        yield shared.fault("FrameContentSequence", "Shared, but it is each frame's own.", Rule.FUNCTIONAL_GROUPS)
    needed = _needed(root, found)
    for frame in found:
        for keyword in frame.own.elements:
            if keyword in shared:
                yield frame.own.fault(keyword, "Both shared and of this frame.", Rule.FUNCTIONAL_GROUPS)
        for keyword in needed:
            if not frame.has(keyword):
                yield frame.own.fault(keyword, "Neither shared nor of this frame.", Rule.FUNCTIONAL_GROUPS)


def _needed(root: Node, found: tuple[Frame, ...]) -> tuple[str, ...]:
    identified = () if root.text("SegmentationType") == "LABELMAP" else ("SegmentIdentificationSequence",)
    if any(frame.has("PlanePositionSlideSequence") for frame in found):
        placed: tuple[str, ...] = _ON_SLIDE
    elif "FrameOfReferenceUID" in root or not any(frame.has("DerivationImageSequence") for frame in found):
        placed = _IN_PATIENT
    else:
        placed = ()
    return (*identified, "FrameContentSequence", *placed)


def _segments(root: Node, found: tuple[Frame, ...]) -> Iterator[Fault]:
    known = set(segment_numbers(root))
    shown = set()
    if root.text("SegmentationType") == "LABELMAP":
        return
    for frame in found:
        identification = frame.group("SegmentIdentificationSequence")
        number = identification.integer("ReferencedSegmentNumber")
        shown.add(number)
        if "ReferencedSegmentNumber" in identification and number not in known:
            what = f"There is no segment {identification.text('ReferencedSegmentNumber')}."
            yield identification.fault("ReferencedSegmentNumber", what, Rule.FRAME_SEGMENT)
    if found:
        for segment in root.items("SegmentSequence"):
            if segment.integer("SegmentNumber") not in shown:
                yield segment.fault("SegmentNumber", "No frame is of this segment.", Rule.SEGMENT_SHOWN)
