"""Content items of structured reports: which attributes each value type has (PS3.3 C.17.3, C.18)."""

from collections.abc import Mapping
from typing import NamedTuple

from dicom_io.check.opened import Node
from dicom_io.check.tables import Attribute, Level


class ValueType(NamedTuple):
    """The attributes of a value type, and whether an item of it must have a name."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    named: bool = True


VALUE_TYPES: Mapping[str, ValueType] = {
    "TEXT": ValueType(("TextValue",)),
    "NUM": ValueType(("MeasuredValueSequence",), ("NumericValueQualifierCodeSequence",)),
    "CODE": ValueType(("ConceptCodeSequence",)),
    "DATETIME": ValueType(("DateTime",)),
    "DATE": ValueType(("Date",)),
    "TIME": ValueType(("Time",)),
    "UIDREF": ValueType(("UID",)),
    "PNAME": ValueType(("PersonName",)),
    "COMPOSITE": ValueType(("ReferencedSOPSequence",), named=False),
    "IMAGE": ValueType(("ReferencedSOPSequence",), named=False),
    "WAVEFORM": ValueType(("ReferencedSOPSequence",), named=False),
    "SCOORD": ValueType(("GraphicData", "GraphicType"), ("PixelOriginInterpretation", "FiducialUID"), named=False),
    "SCOORD3D": ValueType(
        ("GraphicData", "GraphicType", "ReferencedFrameOfReferenceUID"), ("FiducialUID",), named=False
    ),
    "TCOORD": ValueType(
        ("TemporalRangeType",),
        ("ReferencedSamplePositions", "ReferencedTimeOffsets", "ReferencedDateTime"),
        named=False,
    ),
    "CONTAINER": ValueType(("ContinuityOfContent",), ("ContentTemplateSequence",), named=False),
    "TABLE": ValueType(("TabulatedValuesSequence",)),
}

REFERENCE = "ReferencedContentItemIdentifier"
_MODULE = "SR Document Content"
_ANY = ("ObservationDateTime", "ObservationUID", "ConceptNameCodeSequence", "ContentSequence")
_MAY_BE_EMPTY = "MeasuredValueSequence"  # Type 2: no items mean that the value is not known


class ItemLevels:
    """What an item of Content Sequence (0040,A730) may hold, given what any item may hold."""

    def __init__(self, content: Level) -> None:
        self._levels = {name: _level(value_type, content) for name, value_type in VALUE_TYPES.items()}
        anything = {keyword: Attribute("3", _MODULE, known.items) for keyword, known in content.items()}
        self._unknown = {**anything, **_typed()}

    def of(self, item: Node) -> Level:
        """By value type; an unknown one, which is a fault by itself, may have any attribute."""
        return _REFERENCE_LEVEL if REFERENCE in item else self._levels.get(item.text("ValueType"), self._unknown)


_REFERENCE_LEVEL: Level = {"RelationshipType": Attribute("1", _MODULE), REFERENCE: Attribute("1", _MODULE)}


def _typed() -> Level:
    return {"RelationshipType": Attribute("1", _MODULE), "ValueType": Attribute("1", _MODULE)}


def _level(value_type: ValueType, content: Level) -> Level:
    level = _typed()
    for keyword in (*_ANY, *value_type.required, *value_type.optional):
        known = content.get(keyword)
        kind = "3" if keyword not in value_type.required else "2" if keyword == _MAY_BE_EMPTY else "1"
        level[keyword] = Attribute(kind, _MODULE, known.items if known else {})
    if value_type.named:
        level["ConceptNameCodeSequence"].type = "1"
    return level
