"""The content tree of structured reports and key object selections (PS3.3 A.35, C.17.3)."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from pydicom.uid import (
    BasicTextSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    KeyObjectSelectionDocumentStorage,
)

from dicom_io.check.content_items import REFERENCE
from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node

Name = tuple[str, str]
"""A code's value and scheme."""

NO_NAME: Name = ("", "")


class Item:
    """A content item with its children; ``all`` is the item and everything below it, in the order of the document.

    The root has no relationship, and what is there by reference no value type.
    """

    __slots__ = ("all", "children", "name", "node", "relationship", "value_type")

    def __init__(self, node: Node) -> None:
        self.node = node
        self.value_type = node.text("ValueType")
        self.relationship = node.text("RelationshipType")
        self.name = code_of(node, "ConceptNameCodeSequence")
        self.children = tuple(map(Item, node.items("ContentSequence")))
        self.all: tuple[Item, ...] = (self, *(item for child in self.children for item in child.all))

    @property
    def is_reference(self) -> bool:
        return REFERENCE in self.node

    def named(self, name: Name) -> Iterator["Item"]:
        """The children of that name."""
        return (child for child in self.children if child.name == name)


def code_of(node: Node, keyword: str) -> Name:
    """The code in a sequence's first item; empty texts if there is none."""
    items = node.items(keyword)
    if not items:
        return NO_NAME
    return items[0].text("CodeValue") or items[0].text("LongCodeValue"), items[0].text("CodingSchemeDesignator")


_POINTS = frozenset({"DATETIME", "DATE", "TIME"})
_BASIC = _POINTS | {"TEXT", "CODE", "UIDREF", "PNAME"}
_OBJECTS = frozenset({"COMPOSITE", "IMAGE", "WAVEFORM"})
_COORDINATES = frozenset({"SCOORD", "TCOORD"})
_CONTAINER = frozenset({"CONTAINER"})
_NUM = frozenset({"NUM"})
_OBSERVED = frozenset({"TEXT", "CODE", "NUM"})
_ANY = frozenset({"*"})

Row = tuple[frozenset[str], str, frozenset[str]]


class Document(NamedTuple):
    """What a SOP Class allows: source value types, relationship, target value types; and references to items."""

    rows: tuple[Row, ...]
    by_reference: bool = False


def _enhanced(extra: frozenset[str], coordinates: frozenset[str]) -> tuple[Row, ...]:
    """The rows of the Enhanced SR (Table A.35.2-2), with what a Comprehensive one has beyond them."""
    described = _BASIC | _NUM | _OBJECTS | coordinates | extra
    return (
        (_CONTAINER, "CONTAINS", _BASIC | _NUM | _OBJECTS | coordinates | _CONTAINER),
        (_CONTAINER | (_OBSERVED if extra else frozenset()), "HAS OBS CONTEXT", _BASIC | _NUM | {"COMPOSITE"}),
        (_CONTAINER | _OBJECTS | _NUM, "HAS ACQ CONTEXT", _BASIC | _NUM | extra),
        (_ANY, "HAS CONCEPT MOD", frozenset({"TEXT", "CODE"})),
        (_OBSERVED, "HAS PROPERTIES", described),
        (frozenset({"PNAME"}), "HAS PROPERTIES", _BASIC),
        (_OBSERVED, "INFERRED FROM", described),
        (frozenset({"SCOORD"}), "SELECTED FROM", frozenset({"IMAGE"})),
        (frozenset({"TCOORD"}), "SELECTED FROM", coordinates - {"TCOORD"} | {"IMAGE", "WAVEFORM"}),
    )


DOCUMENTS: Mapping[str, Document] = {
    BasicTextSRStorage: Document(  # Table A.35.1-2
        (
            (_CONTAINER, "CONTAINS", _BASIC | _OBJECTS | _CONTAINER),
            (_CONTAINER, "HAS OBS CONTEXT", _BASIC | {"COMPOSITE"}),
            (_CONTAINER | _OBJECTS, "HAS ACQ CONTEXT", _BASIC),
            (_ANY, "HAS CONCEPT MOD", frozenset({"TEXT", "CODE"})),
            (frozenset({"TEXT"}), "HAS PROPERTIES", _BASIC | _OBJECTS),
            (frozenset({"PNAME"}), "HAS PROPERTIES", _BASIC),
            (frozenset({"TEXT"}), "INFERRED FROM", _BASIC | _OBJECTS),
        )
    ),
    EnhancedSRStorage: Document(_enhanced(frozenset(), _COORDINATES)),
    ComprehensiveSRStorage: Document(_enhanced(_CONTAINER, _COORDINATES), by_reference=True),  # Table A.35.3-2
    Comprehensive3DSRStorage: Document(  # Table A.35.13-2
        (
            *_enhanced(_CONTAINER | {"TABLE"}, _COORDINATES | {"SCOORD3D"}),
            (_CONTAINER, "CONTAINS", frozenset({"TABLE"})),
        ),
        by_reference=True,
    ),
    KeyObjectSelectionDocumentStorage: Document(  # Table A.35.4-2
        (
            (_CONTAINER, "CONTAINS", _OBJECTS | {"TEXT"}),
            (_CONTAINER, "HAS OBS CONTEXT", frozenset({"TEXT", "CODE", "UIDREF", "PNAME"})),
            (_CONTAINER, "HAS CONCEPT MOD", frozenset({"CODE"})),
        )
    ),
}


def faults(root: Item, sop_class_uid: str) -> Iterator[Fault]:
    """Faults of the tree's shape; of SOP Classes other than those of ``DOCUMENTS``, only what holds for all."""
    yield from _root(root)
    document = DOCUMENTS.get(sop_class_uid)
    allowed = _allowed(document) if document else {}
    value_types = frozenset().union(*allowed.values())
    for item in root.all:
        yield from _number(item)
        for child in item.children:
            if child.is_reference:
                yield from _reference(root, child, document)
            elif document and child.value_type:
                yield from _related(item, child, value_types, allowed)


def _root(root: Item) -> Iterator[Fault]:
    if root.value_type and root.value_type != "CONTAINER":
        yield root.node.fault("ValueType", f"{root.value_type!r}; the root is a CONTAINER.", Rule.ROOT)
    if root.name == NO_NAME:
        yield root.node.fault("ConceptNameCodeSequence", "The root has no name.", Rule.ROOT)
    if not root.children:
        yield root.node.fault("ContentSequence", "The document has no content.", Rule.ROOT)


def _allowed(document: Document) -> Mapping[tuple[str, str], frozenset[str]]:
    allowed: dict[tuple[str, str], frozenset[str]] = {}
    for sources, relationship, targets in document.rows:
        for source in sources:
            key = (source, relationship)
            allowed[key] = allowed.get(key, frozenset()) | targets
    return allowed


def _related(
    item: Item, child: Item, value_types: frozenset[str], allowed: Mapping[tuple[str, str], frozenset[str]]
) -> Iterator[Fault]:
    if child.value_type not in value_types:
        what = f"{child.value_type!r} is none of {', '.join(sorted(value_types))}."
        yield child.node.fault("ValueType", what, Rule.VALUE_TYPE)
        return
    targets = allowed.get((item.value_type, child.relationship)) or allowed.get(("*", child.relationship), frozenset())
    if child.relationship and child.value_type not in targets:
        what = f"{item.value_type} {child.relationship} {child.value_type} is not allowed."
        yield child.node.fault("RelationshipType", what, Rule.RELATIONSHIP)


def _reference(root: Item, child: Item, document: Document | None) -> Iterator[Fault]:
    if document and not document.by_reference:
        yield child.node.fault(REFERENCE, "The SOP Class has no relationships by reference.", Rule.RELATIONSHIP)
    target: Item | None = root
    path = [int(number) for number in child.node.numbers(REFERENCE)]
    for place in path[1:]:
        target = target.children[place - 1] if target and 0 < place <= len(target.children) else None
    if path[:1] != [1] or target is None or target.is_reference:
        yield child.node.fault(REFERENCE, "Leads to no content item.", Rule.CONTENT_REFERENCE)


def _number(item: Item) -> Iterator[Fault]:
    if item.value_type != "NUM":
        return
    measured = item.node.items("MeasuredValueSequence")
    if len(measured) > 1:
        yield item.node.fault("MeasuredValueSequence", f"{len(measured)} items; expected one.", Rule.UNIT)
    for value in measured[:1]:
        if value.number("NumericValue") is None:
            yield value.fault("NumericValue", "Not a decimal.", Rule.UNIT)
        if code_of(value, "MeasurementUnitsCodeSequence") == NO_NAME:
            yield value.fault("MeasurementUnitsCodeSequence", "A number without its unit.", Rule.UNIT)
    if not measured and "NumericValueQualifierCodeSequence" not in item.node:
        yield item.node.fault("MeasuredValueSequence", "Empty, and no qualifier says why.", Rule.UNIT)
