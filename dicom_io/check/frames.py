"""The frames of a segmentation: what each is of, and where it lies (PS3.3 C.7.6.16, C.8.20.3)."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node
from dicom_io.check.segments import segment_numbers

_SHARED = "SharedFunctionalGroupsSequence"
_PER_FRAME = "PerFrameFunctionalGroupsSequence"
_IN_PATIENT = ("PixelMeasuresSequence", "PlanePositionSequence", "PlaneOrientationSequence")
_ON_SLIDE = ("PixelMeasuresSequence", "PlanePositionSlideSequence")
_UNIT_TOLERANCE = 1e-3
_SPACING_TOLERANCE = 0.05  # of the spacing


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
    yield from _geometry(root, found)


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


class _Plane(NamedTuple):
    frame: Frame
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(self.orientation[:3], self.orientation[3:])


def _geometry(root: Node, found: tuple[Frame, ...]) -> Iterator[Fault]:
    planes = []
    judged: set[str] = set()
    for frame in found:
        wrong = list(_place(frame, judged))
        yield from wrong
        position = frame.group("PlanePositionSequence").numbers("ImagePositionPatient")
        orientation = frame.group("PlaneOrientationSequence").numbers("ImageOrientationPatient")
        if not wrong and len(position) == 3 and len(orientation) == 6:
            planes.append(_Plane(frame, np.array(position), np.array(orientation)))
    if planes and len(planes) == len(found):
        yield from _stack(planes)


_NEEDED = {
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PlanePositionSequence": ("ImagePositionPatient",),
}


def _place(frame: Frame, judged: set[str]) -> Iterator[Fault]:
    """Faults of one frame's place; what frames share is judged once."""
    for keyword, needed in _NEEDED.items():
        if not frame.has(keyword):
            continue
        group = frame.group(keyword)
        if group.where not in judged:
            judged.add(group.where)
            for attribute in needed:
                if attribute not in group:
                    yield group.fault(attribute, "Missing: where does the frame lie?", Rule.FRAME_GEOMETRY)
            yield from _numbers(group)


def _numbers(group: Node) -> Iterator[Fault]:
    if "ImagePositionPatient" in group and len(group.numbers("ImagePositionPatient")) != 3:
        yield group.fault("ImagePositionPatient", "Not three numbers.", Rule.FRAME_GEOMETRY)
    cosines = group.numbers("ImageOrientationPatient")
    if "ImageOrientationPatient" in group and not _is_orthonormal(cosines):
        yield group.fault("ImageOrientationPatient", "Not two unit vectors at right angles.", Rule.FRAME_GEOMETRY)
    for keyword, count in (("PixelSpacing", 2), ("SliceThickness", 1), ("SpacingBetweenSlices", 1)):
        values = group.numbers(keyword)
        if keyword in group and (len(values) != count or min(values) <= 0):
            yield group.fault(keyword, f"Not {count} number(s) above zero.", Rule.FRAME_GEOMETRY)


def _is_orthonormal(cosines: tuple[float, ...]) -> bool:
    if len(cosines) != 6:
        return False
    axes = np.reshape(cosines, (2, 3))
    return bool(np.allclose(axes @ axes.T, np.eye(2), atol=_UNIT_TOLERANCE))


def _stack(planes: list[_Plane]) -> Iterator[Fault]:
    first = planes[0]
    spacing = first.frame.group("PixelMeasuresSequence").number("SpacingBetweenSlices")
    seen: dict[tuple[int | None, float], str] = {}
    for plane in planes:
        position = plane.frame.group("PlanePositionSequence")
        offset = plane.position - first.position
        along = float(offset @ first.normal)
        aside = float(np.linalg.norm(offset - along * first.normal))
        if not np.allclose(plane.normal, first.normal, atol=_UNIT_TOLERANCE):
            orientation = plane.frame.group("PlaneOrientationSequence")
            yield orientation.fault("ImageOrientationPatient", "Not parallel to the first frame.", Rule.FRAME_STACK)
            continue
        if aside > _SPACING_TOLERANCE * (spacing or 1.0):
            what = f"{aside:.3g} mm aside of the line through the first frame along the slice normal."
            yield position.fault("ImagePositionPatient", what, Rule.FRAME_STACK)
        steps = along / spacing if spacing else 0.0
        if abs(steps - round(steps)) > _SPACING_TOLERANCE:
            what = f"{steps:.3f} times Spacing Between Slices from the first frame; expected a whole number."
            yield position.fault("ImagePositionPatient", what, Rule.FRAME_STACK)
        segment = plane.frame.group("SegmentIdentificationSequence").integer("ReferencedSegmentNumber")
        other = seen.setdefault((segment, round(along, 2)), plane.frame.own.where)
        if other != plane.frame.own.where:
            what = f"At the place of {other.rstrip('.')}, of the same segment."
            yield position.fault("ImagePositionPatient", what, Rule.FRAME_STACK)
