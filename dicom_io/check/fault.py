"""What is wrong with an object: the faults, and the rules that they break."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """An object with an error is not sent; a warning is for people to know."""

    ERROR = "error"
    WARNING = "warning"


class Scope(StrEnum):
    """Who asks for a rule: the standard of everybody, or this node of the objects that it makes itself.

    What the node asks of its own, an object made elsewhere is only warned of.
    """

    STANDARD = "standard"
    NODE = "node"


class Rule(StrEnum):
    """A rule by its stable code; documented in ``docs/check.md``."""

    def __new__(cls, code: str, meaning: str, section: str, scope: Scope = Scope.STANDARD) -> "Rule":
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        member.section = section
        member.scope = scope
        return member

    meaning: str
    section: str
    scope: Scope

    # Any object.
    SOP_CLASS = ("sop-class", "The SOP Class is one whose module tables are known.", "PS3.4 B.5")
    IDENTITY = (
        "identity",
        "Data set and File Meta Information name the same instance, and its UIDs are its own.",
        "PS3.10 7.1",
    )
    READABLE = ("readable", "Every value can be decoded.", "PS3.5 7")
    APPLICABLE = ("applicable", "Every rule can be applied: no value is so odd that it can't be judged.", "PS3.5 7")
    ATTRIBUTE_PRESENT = ("attribute-present", "Type 1 and Type 2 attributes are present.", "PS3.5 7.4")
    ATTRIBUTE_VALUED = ("attribute-valued", "Type 1 attributes have a value.", "PS3.5 7.4.1")
    EMPTY_SEQUENCE = ("empty-sequence", "An optional sequence that is there has items.", "PS3.5 7.4.5", Scope.NODE)
    CONDITION = ("condition", "Type 1C attributes are there when their condition holds.", "PS3.5 7.4.2")
    ATTRIBUTE_BELONGS = (
        "attribute-belongs",
        "Attributes belong to a module of the IOD.",
        "PS3.4 B.3.1",
        Scope.NODE,
    )
    PRIVATE = ("private", "There are no private attributes.", "PS3.5 7.8", Scope.NODE)
    REPRESENTATION = ("representation", "The value representation is that of the data dictionary.", "PS3.6 6")
    VALUE = ("value", "A value has the form, length and characters of its value representation.", "PS3.5 6.2")
    MULTIPLICITY = ("multiplicity", "There are as many values as the data dictionary says.", "PS3.6 6")
    ENUMERATED = ("enumerated", "A value is one of those enumerated.", "PS3.3 C")
    CHARACTER_SET = ("character-set", "The Specific Character Set can encode the text.", "PS3.3 C.12.1.1.2")
    CODE = ("code", "A code is whole: value, scheme and meaning, and its context group if it names one.", "PS3.3 8.8")
    CODE_MEANING = ("code-meaning", "A code of DICOM's own has DICOM's meaning.", "PS3.16 D", Scope.NODE)
    PIXELS = ("pixels", "Pixel description is consistent, and Pixel Data is as long as it says.", "PS3.3 C.7.6.3")
    SAME_PATIENT = (
        "same-patient",
        "Patient and study are those of the other objects of the study.",
        "PS3.3 A.1.2",
    )

    # Segmentations.
    SEGMENTATION_TYPE = (
        "segmentation-type",
        "Pixel description and SOP Class fit the Segmentation Type.",
        "PS3.3 C.8.20.2.3",
    )
    SEGMENT_NUMBERS = (
        "segment-numbers",
        "Segments are numbered 1, 2, 3 …; those of a label map once each.",
        "PS3.3 C.8.20.2.4",
    )
    SEGMENT_ALGORITHM = (
        "segment-algorithm",
        "A segment not made by hand says by which algorithm (Segmentation Algorithm Identification).",
        "IHE AI Results",
        Scope.NODE,
    )
    SEGMENT_TRACKED = (
        "segment-tracked",
        "A segment has both Tracking ID and Tracking UID, or neither.",
        "PS3.3 C.8.20.2",
    )
    SEGMENT_SHOWN = ("segment-shown", "Every segment has a frame.", "PS3.3 C.8.20.3", Scope.NODE)
    FRAME_COUNT = ("frame-count", "There are as many functional groups as frames.", "PS3.3 C.7.6.16")
    FUNCTIONAL_GROUPS = (
        "functional-groups",
        "What a frame needs stands once: shared, or with every frame.",
        "PS3.3 C.7.6.16.1",
    )
    FRAME_SEGMENT = ("frame-segment", "Every frame is of a segment that exists.", "PS3.3 C.8.20.3.1")
    FRAME_GEOMETRY = (
        "frame-geometry",
        "Every frame has a place, unit vectors at right angles and a pixel spacing.",
        "PS3.3 C.7.6.16.2",
    )
    FRAME_STACK = (
        "frame-stack",
        "Frames are parallel, regularly spaced slices, and no segment has two at one place.",
        "PS3.3 C.7.6.16.2.3",
        Scope.NODE,
    )
    DIMENSIONS = (
        "dimensions",
        "Dimension indices point to values that are there, one index for each value.",
        "PS3.3 C.7.6.17",
    )
    SOURCES = (
        "sources",
        "Images that frames are derived from are listed by series (Referenced Series Sequence).",
        "PS3.3 C.12.2",
    )
    SOURCE_SERIES = (
        "source-series",
        "A segmentation names the series that it lies upon; viewers need it.",
        "PS3.3 C.12.2",
        Scope.NODE,
    )

    # Structured reports and key object selections.
    VALUE_TYPE = ("value-type", "The SOP Class has content items of this value type.", "PS3.3 A.35")
    RELATIONSHIP = ("relationship", "The SOP Class lets these content items be so related.", "PS3.3 A.35")
    CONTENT_REFERENCE = ("content-reference", "A reference to a content item leads to one.", "PS3.3 C.17.3.2.5")
    ROOT = ("root", "The root is a named container.", "PS3.3 C.17.3")
    TEMPLATE = ("template", "The template's content items are there, as often and as related as it says.", "PS3.16 A")
    UNIT = ("unit", "A number is a decimal with its unit.", "PS3.3 C.18.1")
    REGION = ("region", "Coordinates are as many as the graphic type has, and lie in the image.", "PS3.3 C.18.6")
    REGION_CLOSED = (
        "region-closed",
        "An image region drawn as a polyline is closed: it encloses an area.",
        "PS3.16 TID 1410",
        Scope.NODE,
    )
    TRACKING = (
        "tracking",
        "No two segments, and no two groups of a kind, have the same tracking identity.",
        "PS3.16 TID 1500",
        Scope.NODE,
    )
    MEASUREMENT_ALGORITHM = (
        "measurement-algorithm",
        "A measurement says by which algorithm and which version it was made.",
        "IHE AI Results",
        Scope.NODE,
    )
    EVIDENCE = ("evidence", "What the content refers to is listed as evidence, once.", "PS3.3 C.17.2.3")
    DOCUMENT_STATE = (
        "document-state",
        "There are verifying observers if, and only if, the report is verified.",
        "PS3.3 C.17.2",
    )
    DOCUMENT_FINISHED = (
        "document-finished",
        "A partial report is neither final nor verified.",
        "PS3.3 C.17.2",
        Scope.NODE,
    )

    # Presentation states and documents.
    ANNOTATION = ("annotation", "Graphics lie on layers and images that the state has.", "PS3.3 C.10.5")
    DISPLAYED_AREA = ("displayed-area", "Every image referred to has a displayed area.", "PS3.3 C.10.4")
    DOCUMENT = ("document", "The document is the PDF that it is said to be.", "PS3.3 C.24.2")

    # Between objects.
    REFERENCE = ("reference", "What is referred to exists and is as it is said to be.", "PS3.3 10.3")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Parameters
    ----------
    where
        The attribute, as in ``SegmentSequence[2].TrackingUID (0062,0021)``; items count from 1.
    what
        What was found and what was expected. Values that can tell who the patient is are not quoted.
    rule
        The rule broken.
    section
        Where the rule stands; more exact than ``rule.section`` where that speaks of many places.
    severity
        Whether the object may still be sent.
    """

    where: str
    what: str
    rule: Rule
    section: str = ""
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        if not self.section:
            object.__setattr__(self, "section", self.rule.section)

    def __str__(self) -> str:
        return f"{self.where}: {self.what} ({self.rule}, {self.section})"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "severity": self.severity.value,
            "rule": self.rule.value,
            "where": self.where,
            "what": self.what,
            "section": self.section,
        }
