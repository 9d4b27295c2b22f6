"""Type 1C attributes and the conditions under which they are there (PS3.3), of the objects that are made here.

The module tables carry no conditions; these are those that a program can decide.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node

_PALETTE = "PALETTE COLOR"
_RESCALE = ("RescaleIntercept", "RescaleSlope", "RescaleType")
_CLOSED_BY_TYPE = frozenset({"CIRCLE", "ELLIPSE"})


class Condition(NamedTuple):
    """An attribute required of the items of ``sequence`` (the data set: ``""``) for which ``when`` holds."""

    sequence: str
    keyword: str
    when: Callable[[Node], bool]
    words: str
    section: str


def _equals(keyword: str, value: str) -> Callable[[Node], bool]:
    return lambda node: node.text(keyword) == value


def _there(keyword: str) -> Callable[[Node], bool]:
    return lambda node: keyword in node


def _is_closed(graphic: Node) -> bool:
    data = graphic.numbers("GraphicData")
    return graphic.text("GraphicType") in _CLOSED_BY_TYPE or (len(data) > 4 and data[:2] == data[-2:])


def _in_patient(root: Node) -> bool:
    groups = (*root.items("SharedFunctionalGroupsSequence"), *root.items("PerFrameFunctionalGroupsSequence")[:1])
    return any("PlanePositionSequence" in group for group in groups)


def _is_state(root: Node) -> bool:
    return bool(root.text("SOPClassUID") == GrayscaleSoftcopyPresentationStateStorage)


def _has_no_lut(root: Node) -> bool:
    return _is_state(root) and "PresentationLUTSequence" not in root


def _rescales(root: Node) -> bool:
    return _is_state(root) and any(keyword in root for keyword in _RESCALE)


CONDITIONS = (
    # Images (C.7.6.3, C.7.6.1, C.11.15, C.7.4.1).
    Condition(
        "",
        "PlanarConfiguration",
        lambda root: (root.number("SamplesPerPixel") or 1) > 1,
        "Samples per Pixel is more than 1",
        "PS3.3 C.7.6.3.1.3",
    ),
    *(
        Condition(
            "",
            f"{colour}PaletteColorLookupTableDescriptor",
            _equals("PhotometricInterpretation", _PALETTE),
            f"Photometric Interpretation is {_PALETTE}",
            "PS3.3 C.7.6.3.1.5",
        )
        for colour in ("Red", "Green", "Blue")
    ),
    Condition(
        "",
        "LossyImageCompressionRatio",
        _equals("LossyImageCompression", "01"),
        "Lossy Image Compression is 01",
        "PS3.3 C.7.6.1.1.5",
    ),
    Condition("", "FrameOfReferenceUID", _in_patient, "frames have a place in the patient", "PS3.3 C.7.4.1"),
    # Segmentations (C.8.20).
    *(
        Condition(
            "",
            keyword,
            _equals("SegmentationType", "FRACTIONAL"),
            "Segmentation Type is FRACTIONAL",
            "PS3.3 C.8.20.2.3",
        )
        for keyword in ("SegmentationFractionalType", "MaximumFractionalValue")
    ),
    Condition(
        "SegmentSequence",
        "SegmentAlgorithmName",
        lambda segment: segment.text("SegmentAlgorithmType") in ("AUTOMATIC", "SEMIAUTOMATIC"),
        "Segment Algorithm Type is not MANUAL",
        "PS3.3 C.8.20.2",
    ),
    # Presentation states (C.10.4, C.10.5).
    Condition(
        "GraphicObjectSequence",
        "GraphicFilled",
        _is_closed,
        "the graphic is closed",
        "PS3.3 C.10.5.1.2",
    ),
    Condition(
        "TextObjectSequence",
        "AnchorPoint",
        lambda text: "BoundingBoxTopLeftHandCorner" not in text,
        "there is no bounding box",
        "PS3.3 C.10.5.1.1",
    ),
    *(
        Condition("TextObjectSequence", keyword, _there(wanting), f"there is {wanting}", "PS3.3 C.10.5.1.1")
        for wanting, keywords in (
            ("AnchorPoint", ("AnchorPointAnnotationUnits", "AnchorPointVisibility")),
            (
                "BoundingBoxTopLeftHandCorner",
                (
                    "BoundingBoxBottomRightHandCorner",
                    "BoundingBoxAnnotationUnits",
                    "BoundingBoxTextHorizontalJustification",
                ),
            ),
        )
        for keyword in keywords
    ),
    Condition(
        "DisplayedAreaSelectionSequence",
        "PresentationPixelAspectRatio",
        lambda area: "PresentationPixelSpacing" not in area,
        "there is no Presentation Pixel Spacing",
        "PS3.3 C.10.4",
    ),
    Condition(
        "DisplayedAreaSelectionSequence",
        "PresentationPixelSpacing",
        _equals("PresentationSizeMode", "TRUE SIZE"),
        "Presentation Size Mode is TRUE SIZE",
        "PS3.3 C.10.4",
    ),
    Condition(
        "DisplayedAreaSelectionSequence",
        "PresentationPixelMagnificationRatio",
        _equals("PresentationSizeMode", "MAGNIFY"),
        "Presentation Size Mode is MAGNIFY",
        "PS3.3 C.10.4",
    ),
    Condition("", "PresentationLUTShape", _has_no_lut, "there is no Presentation LUT Sequence", "PS3.3 C.11.6"),
    *(Condition("", keyword, _rescales, "the presentation state rescales", "PS3.3 C.11.1") for keyword in _RESCALE),
    Condition("SoftcopyVOILUTSequence", "WindowWidth", _there("WindowCenter"), "there is WindowCenter", "PS3.3 C.11.2"),
    *(
        Condition(sequence, keyword, _there(other), f"there is {other}", "PS3.3 C.10.5")
        for sequence in ("GraphicObjectSequence", "TextObjectSequence", "CompoundGraphicSequence")
        for keyword, other in (("TrackingID", "TrackingUID"), ("TrackingUID", "TrackingID"))
    ),
    # Structured reports (C.17.2).
    Condition(
        "",
        "VerifyingObserverSequence",
        _equals("VerificationFlag", "VERIFIED"),
        "Verification Flag is VERIFIED",
        "PS3.3 C.17.2",
    ),
)


_BY_SEQUENCE = {
    sequence: tuple(condition for condition in CONDITIONS if condition.sequence == sequence)
    for sequence in {condition.sequence for condition in CONDITIONS}
}


def condition_faults(sequence: str, node: Node) -> Iterator[Fault]:
    """Attributes that an item of ``sequence`` lacks although their condition holds."""
    for condition in _BY_SEQUENCE.get(sequence, ()):
        if condition.keyword not in node and condition.when(node):
            what = f"Missing, but {condition.words}."
            yield node.fault(condition.keyword, what, Rule.CONDITION, condition.section)
