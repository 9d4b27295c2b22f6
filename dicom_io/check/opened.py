"""A data set opened once: its values as plain Python, in which the rules look things up.

Everything that can go wrong with hostile bytes goes wrong here; the rules only see values.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

from pydicom.datadict import keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.tag import BaseTag

from dicom_io.check.element import Element, Value, as_written, decoded
from dicom_io.check.fault import Fault, Rule
from dicom_io.header_values import as_number

MAXIMUM_DEPTH = 32


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
    if isinstance(stored, RawDataElement) and (written := as_written(stored)) is not None:
        return written
    element: DataElement = stored if isinstance(stored, DataElement) else dataset[tag]
    representation = str(element.VR)
    if representation != "SQ":
        return decoded(representation, element.value)
    if depth >= MAXIMUM_DEPTH:
        raise _TooDeep
    sequence = element.value if isinstance(element.value, DicomSequence) else ()
    items = [_opened(item, f"{where}[{n}].", faults, depth + 1) for n, item in enumerate(sequence, start=1)]
    return Element(representation, (), tuple(items))


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
