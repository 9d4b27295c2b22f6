"""A data set opened once: its values as plain Python, in which the rules look things up.

Everything that can go wrong with hostile bytes goes wrong here; the rules only see values.
"""

from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag, Tag

from dicom_io.check.fault import Fault, Rule
from dicom_io.header_values import as_number

MAXIMUM_DEPTH = 32
OR = " or "
"""Joins what pydicom leaves open (``US or SS``) where the data set, not yet written, does not tell."""

BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_HEAD_BYTES = 8
_NUMBERS = frozenset({"AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_PIXEL_DATA = Tag(0x7FE0, 0x0010)


class Bytes(NamedTuple):
    """The value of a binary element: its length, and how it begins. The rest is not touched."""

    length: int
    head: bytes


Value = str | int | float | Bytes


class Element(NamedTuple):
    """An element: values of numbers as numbers, of everything else as text without padding; or items."""

    representation: str
    values: tuple[Value, ...] = ()
    items: tuple["Node", ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.items or any(self.values) or 0 in self.values)


class Node:
    """A data set or an item, by keyword (``(0009,1001)`` where there is none), and where it stands."""

    __slots__ = ("elements", "where")

    def __init__(self, where: str, elements: dict[str, Element]) -> None:
        self.where = where
        self.elements = elements

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.elements

    def values(self, keyword: str) -> tuple[Value, ...]:
        """Every value; empty if absent."""
        element = self.elements.get(keyword)
        return element.values if element else ()

    def text(self, keyword: str) -> str:
        """The first value as text; ``""`` if absent."""
        element = self.elements.get(keyword)
        return str(element.values[0]) if element and element.values else ""

    def number(self, keyword: str) -> float | None:
        """The first value as a finite number; None if absent or no number."""
        return as_number(self.text(keyword))

    def integer(self, keyword: str) -> int | None:
        """The first value as a whole number; None if absent or none."""
        value = self.number(keyword)
        return int(value) if value is not None and value.is_integer() else None

    def numbers(self, keyword: str) -> tuple[float, ...]:
        """Every value, if all are finite numbers; else empty."""
        numbers = [as_number(str(value)) for value in self.values(keyword)]
        return tuple(number for number in numbers if number is not None) if None not in numbers else ()

    def items(self, keyword: str) -> tuple["Node", ...]:
        """The items of a sequence; empty if absent."""
        element = self.elements.get(keyword)
        return element.items if element else ()

    def first(self, keyword: str) -> "Node":
        """The first item of a sequence; an empty one if there is none."""
        return next(iter(self.items(keyword)), None) or Node(f"{self.where}{keyword}[1].", {})

    def at(self, keyword: str) -> str:
        """Where an attribute of this node stands, for people."""
        return f"{self.where}{keyword}{_tag_in_words(keyword)}"

    def fault(self, keyword: str, what: str, rule: Rule, section: str = "") -> Fault:
        """What is wrong with an attribute of this node."""
        return Fault(self.at(keyword), what, rule, section)


def open_dataset(dataset: Dataset, faults: list[Fault]) -> Node:
    """The data set as plain values; what can't be decoded is left out and becomes a fault."""
    return _opened(dataset, "", faults, 0)


def nodes(node: Node) -> Iterator[tuple[str, Node]]:
    """The node and all items below it, each with the keyword of its sequence (``""`` for the first)."""
    waiting = [("", node)]
    while waiting:
        keyword, each = waiting.pop()
        yield keyword, each
        for name, element in each.elements.items():
            waiting += [(name, item) for item in element.items]


def _opened(dataset: Dataset, where: str, faults: list[Fault], depth: int) -> Node:
    node = Node(where, {})
    for tag, stored in list(dataset.items()):
        keyword = keyword_of(int(tag))
        try:
            node.elements[keyword] = _element(dataset, tag, stored, f"{where}{keyword}", faults, depth)
        except _TooDeep:
            faults.append(node.fault(keyword, f"Nested more than {MAXIMUM_DEPTH} deep.", Rule.READABLE))
        except Exception as error:  # a boundary: hostile bytes raise anything
            faults.append(node.fault(keyword, f"Can't be decoded: {type(error).__name__}.", Rule.READABLE))
    return node


class _TooDeep(Exception):
    pass


def _element(dataset: Dataset, tag: BaseTag, stored: Any, where: str, faults: list[Fault], depth: int) -> Element:
    if isinstance(stored, RawDataElement) and tag == _PIXEL_DATA:
        return Element(stored.VR or "OW", (_bytes(stored.value or b"", stored.length),))
    element: DataElement = stored if isinstance(stored, DataElement) else dataset[tag]
    representation, value = str(element.VR), element.value
    if representation == "SQ":
        return Element(representation, (), _items(value, where, faults, depth))
    if isinstance(value, str):
        return Element(representation, (_plain(representation, value),) if value else ())
    if value is None:
        return Element(representation)
    if isinstance(value, bytes | bytearray):
        return Element(representation, (_bytes(value),) if value else ())
    several = value if isinstance(value, Sequence) else (value,)
    return Element(representation, tuple(_plain(representation, each) for each in several))


def _items(value: Any, where: str, faults: list[Fault], depth: int) -> tuple[Node, ...]:
    if depth >= MAXIMUM_DEPTH:
        raise _TooDeep
    sequence = value if isinstance(value, DicomSequence) else ()
    return tuple([_opened(item, f"{where}[{n}].", faults, depth + 1) for n, item in enumerate(sequence, start=1)])


def _bytes(value: bytes | bytearray, length: int | None = None) -> Bytes:
    return Bytes(len(value) if length is None else length, bytes(value[:_HEAD_BYTES]))


def _plain(representation: str, value: Any) -> Value:
    if type(value) is str:
        return value.rstrip(" \0")
    if representation in _NUMBERS or OR in representation:
        number = value.item() if hasattr(value, "item") else value  # NumPy's
        if isinstance(number, int | float):
            return int(number) if representation == "AT" else number  # pydicom's tags are integers that print as tags
    if value is None:
        return ""
    written = getattr(value, "original_string", value)  # of DS and IS; that of names is in bytes
    return str(written if isinstance(written, str) else value).rstrip("\0" if representation == "UI" else " \0")


@lru_cache(maxsize=8192)
def keyword_of(tag: int) -> str:
    """The keyword of a tag, or the tag itself where it has none."""
    if tag & 0xFFFF == 0:
        return "GroupLength"
    return keyword_for_tag(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@cache
def _tag_in_words(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    return "" if tag is None else f" ({tag >> 16:04X},{tag & 0xFFFF:04X})"
