"""Faults that an object has from the images that it was made of.

Patient, study and equipment are copied as they are: a result that names the patient better than the images do would
be of another patient to a PACS. What it holds already is therefore no reason to hold a result back.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from dicom_io.check.among import Among, Relative
from dicom_io.check.element import Element
from dicom_io.check.fault import Fault, Rule, Severity
from dicom_io.check.opened import Node, nodes, open_dataset

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
_OF_COPIES = frozenset({Rule.ATTRIBUTE_BELONGS, Rule.CONDITION, Rule.EMPTY_SEQUENCE, Rule.PRIVATE})
"""What counts as inherited only inside of a sequence that was copied as a whole."""

_STEP = re.compile(r"(?P<keyword>\w+)(?:\[(?P<item>\d+)\]\.)?")


def softened(faults: Iterable[Fault], root: Node, among: Among) -> list[Fault]:
    """The faults, with those as warnings whose values stand so in an image that this node did not make."""
    faults = list(faults)
    if not any(fault.rule in _OF_VALUES | _OF_COPIES for fault in faults):
        return faults
    images = _Images([relative for relative in among.relatives if not relative.is_of_node])
    return [
        replace(fault, what=f"{fault.what} So it is in the images.", severity=Severity.WARNING)
        if images.have(fault.rule, list(_path(root, fault.where)))
        else fault
        for fault in faults
    ]


class _Images:
    """What stands in the images, of which one a series is looked at; and all their UIDs."""

    def __init__(self, relatives: Iterable[Relative]) -> None:
        relatives = tuple(relatives)
        of_series = {relative.series_uid: relative.dataset for relative in relatives}
        self._roots = [open_dataset(dataset, []) for dataset in of_series.values()]
        self._values = {
            (keyword, element.values)
            for root in self._roots
            for _, node in nodes(root)
            for keyword, element in node.elements.items()
            if element.values
        }
        self._uids = {uid for relative in relatives for uid in relative.uids}

    def have(self, rule: Rule, path: list[tuple[str, Element]]) -> bool:
        """Whether the value at the end of a path stands here, or the sequence that the path begins with."""
        if not path:
            return False
        (first, sequence), (last, element) = path[0], path[-1]
        if rule in _OF_VALUES and element.values:
            if (last, element.values) in self._values or self._uids.issuperset(element.values):
                return True
        elif rule not in _OF_VALUES | _OF_COPIES:
            return False
        return bool(sequence.items) and any(_same(root.elements.get(first), sequence) for root in self._roots)


def _path(node: Node, where: str) -> Iterator[tuple[str, Element]]:
    """The elements on the way to a place, as far as they are there."""
    for step in _STEP.finditer(where.partition(" ")[0]):
        element = node.elements.get(step["keyword"])
        if element is None:
            return
        yield step["keyword"], element
        if step["item"] is None or int(step["item"]) > len(element.items):
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
