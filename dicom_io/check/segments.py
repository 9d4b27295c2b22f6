"""The segments of a segmentation: type, numbers, algorithm, tracking (PS3.3 C.8.20.2)."""

from collections import Counter
from collections.abc import Iterator, Mapping

from pydicom.uid import SegmentationStorage

from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node
from dicom_io.sop_classes import LabelMapSegmentationStorage

_BITS: Mapping[str, tuple[int, ...]] = {"BINARY": (1,), "FRACTIONAL": (8,), "LABELMAP": (8, 16)}
_INTERPRETATIONS: Mapping[str, tuple[str, ...]] = {
    "BINARY": ("MONOCHROME2",),
    "FRACTIONAL": ("MONOCHROME2",),
    "LABELMAP": ("MONOCHROME2", "PALETTE COLOR"),
}
_BY_HAND = "MANUAL"
_BACKGROUND = 0  # of a label map: what is of no segment


def faults(root: Node) -> Iterator[Fault]:
    """Faults of the Segmentation Image Module."""
    kind = root.text("SegmentationType")
    if kind in _BITS:
        yield from _type(root, kind)
        yield from _numbers(root, kind)
    for segment in root.items("SegmentSequence"):
        if not (kind == "LABELMAP" and segment.integer("SegmentNumber") == _BACKGROUND):
            yield from _algorithm(segment)
        if ("TrackingID" in segment) != ("TrackingUID" in segment):
            missing = "TrackingUID" if "TrackingID" in segment else "TrackingID"
            yield segment.fault(missing, "Missing, but the other of the two is there.", Rule.SEGMENT_TRACKED)
    yield from _tracked_once(root)


def _type(root: Node, kind: str) -> Iterator[Fault]:
    expected_class = LabelMapSegmentationStorage if kind == "LABELMAP" else SegmentationStorage
    if root.text("SOPClassUID") != expected_class:
        what = f"{kind}, which is not of this SOP Class."
        yield root.fault("SegmentationType", what, Rule.SEGMENTATION_TYPE, "PS3.3 A.51")
    if root.integer("BitsAllocated") not in _BITS[kind]:
        bits = " or ".join(map(str, _BITS[kind]))
        what = f"{root.text('BitsAllocated') or 'none'}; {kind} has {bits}."
        yield root.fault("BitsAllocated", what, Rule.SEGMENTATION_TYPE)
    if root.text("PhotometricInterpretation") not in _INTERPRETATIONS[kind]:
        what = f"{root.text('PhotometricInterpretation')!r}; {kind} has {' or '.join(_INTERPRETATIONS[kind])}."
        yield root.fault("PhotometricInterpretation", what, Rule.SEGMENTATION_TYPE)
    for keyword, wanted in (("SamplesPerPixel", 1), ("PixelRepresentation", 0)):
        if root.integer(keyword) != wanted:
            what = f"{root.text(keyword) or 'none'}; a segmentation has {wanted}."
            yield root.fault(keyword, what, Rule.SEGMENTATION_TYPE)
    if kind == "LABELMAP" and root.text("SegmentsOverlap") == "YES":
        yield root.fault("SegmentsOverlap", "YES, but those of a label map can't.", Rule.SEGMENTATION_TYPE)


def segment_numbers(root: Node) -> tuple[int | None, ...]:
    """The Segment Number of every segment; None where it is none."""
    return tuple(segment.integer("SegmentNumber") for segment in root.items("SegmentSequence"))


def _numbers(root: Node, kind: str) -> Iterator[Fault]:
    numbers = segment_numbers(root)
    for number, times in Counter(numbers).items():
        if times > 1:
            what = f"{times} segments with the number {number}."
            yield root.fault("SegmentSequence", what, Rule.SEGMENT_NUMBERS)
    if kind != "LABELMAP" and len(set(numbers)) == len(numbers) and numbers != tuple(range(1, len(numbers) + 1)):
        found = ", ".join(map(str, numbers[:20]))
        yield root.fault("SegmentSequence", f"Numbers {found}; expected 1, 2, 3 ….", Rule.SEGMENT_NUMBERS)


def _algorithm(segment: Node) -> Iterator[Fault]:
    kind = segment.text("SegmentAlgorithmType")
    if kind and kind != _BY_HAND and not segment.items("SegmentationAlgorithmIdentificationSequence"):
        keyword = "SegmentationAlgorithmIdentificationSequence"
        yield segment.fault(keyword, f"Missing, but the segment was made {kind}.", Rule.SEGMENT_ALGORITHM)


def _tracked_once(root: Node) -> Iterator[Fault]:
    seen: dict[str, str] = {}
    for segment in root.items("SegmentSequence"):
        uid = segment.text("TrackingUID")
        other = seen.setdefault(uid, segment.where) if uid else segment.where
        if other != segment.where:
            yield segment.fault("TrackingUID", f"The same as that of {other.rstrip('.')}.", Rule.TRACKING)
