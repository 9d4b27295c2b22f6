"""Faults that an object has from the images that it was made of.

Patient, study and equipment are copied as they are: a result that names the patient better than the images do would
be of another patient to a PACS. What it holds already is therefore no reason to hold a result back.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from pydicom.dataset import Dataset

from dicom_io.check.among import Among
from dicom_io.check.fault import Fault, Rule, Severity
from dicom_io.check.opened import Element, Node, Value, nodes, open_dataset

_OF_VALUES = frozenset(
    {
        Rule.ATTRIBUTE_PRESENT,
        Rule.ATTRIBUTE_VALUED,
        Rule.CHARACTER_SET,
        Rule.CODE,
        Rule.CODE_MEANING,
        Rule.ENUMERATED,
        Rule.MULTIPLICITY,
        Rule.REPRESENTATION,
        Rule.VALUE,
    }
)
_STEP = re.compile(r"(?P<keyword>\w+)(?:\[(?P<item>\d+)\]\.)?")


def softened(faults: Iterable[Fault], root: Node, among: Among) -> list[Fault]:
    """The faults, with those as warnings whose values stand so in an image that this node did not make."""
    faults = list(faults)
    if not any(fault.rule in _OF_VALUES for fault in faults):
        return faults
    of_series = {relative.series_uid: relative.dataset for relative in among.relatives if not relative.is_of_node}
    images = _Images(of_series.values())
    return [
        replace(fault, what=f"{fault.what} So it is in the images.", severity=Severity.WARNING)
        if fault.rule in _OF_VALUES and images.have(_elements(root, fault.where))
        else fault
        for fault in faults
    ]


class _Images:
    """What stands in the images, of which one a series is looked at."""

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self._roots = [open_dataset(dataset, []) for dataset in datasets]
        self._values: set[tuple[str, tuple[Value, ...]]] = set()
        self._uids: set[tuple[Value, ...]] = set()
        for root in self._roots:
            for _, node in nodes(root):
                for keyword, element in node.elements.items():
                    if element.values:
                        self._values.add((keyword, element.values))
                    if element.representation == "UI":
                        self._uids.add(element.values)

    def have(self, path: list[tuple[str, Element]]) -> bool:
        """Whether the value at the end of a path stands here, or the sequence that the path begins with."""
        if not path:
            return False
        (first, sequence), (last, element) = path[0], path[-1]
        if element.values and ((last, element.values) in self._values or element.values in self._uids):
            return True
        return any(_same(root.elements.get(first), sequence) for root in self._roots)


def _elements(root: Node, where: str) -> list[tuple[str, Element]]:
    """The elements on the way to a place, as far as they are there."""
    return list(_walk(root, where))


def _walk(node: Node, where: str) -> Iterator[tuple[str, Element]]:
    for step in _STEP.finditer(where.partition(" ")[0]):
        element = node.elements.get(step["keyword"])
        if element is None:
            return
        yield step["keyword"], element
        if step["item"] is None:
            return
        node = element.items[int(step["item"]) - 1]


def _same(one: Element | None, other: Element) -> bool:
    if one is None or one.values != other.values or len(one.items) != len(other.items):
        return False
    return all(
        left.elements.keys() == right.elements.keys()
        and all(_same(left.elements[keyword], element) for keyword, element in right.elements.items())
        for left, right in zip(one.items, other.items, strict=True)
    )
