"""Every attribute of a data set: is it there, may it be there, and is its value one that it may have?"""

from collections.abc import Iterator

from dicom_io.check.character_set import DEFAULT, Encodings, encoding_faults, encodings_of
from dicom_io.check.codes import code_faults
from dicom_io.check.conditions import condition_faults
from dicom_io.check.content_items import ItemLevels
from dicom_io.check.element import Element
from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node
from dicom_io.check.tables import Attribute, Level, ObjectDefinition
from dicom_io.check.terms import term_faults
from dicom_io.check.values import value_faults

_ALWAYS_PRESENT = frozenset({"1", "2"})
_ALWAYS_VALUED = frozenset({"1", "1C"})
_PADDING = frozenset({"DataSetTrailingPadding", "GroupLength"})
_CODES = "CodeSequence"
_IN_CODES = {"CodeValue", "CodeMeaning"}
_FEW = 8


def faults(root: Node, definition: ObjectDefinition) -> list[Fault]:
    """Faults of the data set and of the items of all its sequences."""
    walk = _Walk(definition)
    walk.item(root, definition.level, "", DEFAULT)
    for module in definition.optional:
        if any(keyword in root for keyword in module.own):
            walk.faults += _missing(root, module.level, f"{module.name}, which is there in part")
            walk.faults += _empty(root, module.level)
    return walk.faults


class _Walk:
    """One walk over a data set. What occurs again and again, as codes do in reports, is judged once."""

    def __init__(self, definition: ObjectDefinition) -> None:
        self.faults: list[Fault] = []
        self._item_levels = ItemLevels(definition.content) if definition.content else None
        self._judged: dict[tuple[str, Element, Encodings], tuple[tuple[str, Rule], ...]] = {}
        self._sound: set[tuple[object, ...]] = set()

    def item(self, node: Node, level: Level, sequence: str, encodings: Encodings) -> None:
        """Judge an item of ``sequence`` that should be as ``level`` says, and what is below it."""
        encodings = encodings_of(node) or encodings
        known = (id(level), sequence, encodings, *node.elements.items()) if len(node.elements) <= _FEW else ()
        if known and known in self._sound:
            return
        before = len(self.faults)
        self.faults += _missing(node, level)
        self.faults += condition_faults(sequence, node)
        self.faults += _empty(node, level)
        if level.keys() >= _IN_CODES or sequence.endswith(_CODES):
            self.faults += code_faults(node)
        for keyword, element in node.elements.items():
            attribute = level.get(keyword)
            self._element(node, keyword, element, attribute, encodings)
            for below in element.items:
                self.item(below, self._below(keyword, below, attribute), keyword, encodings)
        if known and len(self.faults) == before:
            self._sound.add(known)

    def _element(
        self, node: Node, keyword: str, element: Element, attribute: Attribute | None, encodings: Encodings
    ) -> None:
        if attribute is None:
            self.faults += _foreign(node, keyword)
        elif attribute.type == "3" and element.representation == "SQ" and not element.items:
            self.faults.append(node.fault(keyword, "A sequence without items.", Rule.EMPTY_SEQUENCE))
        key = (keyword, element, encodings)
        if element.items:  # which are judged by themselves
            found = tuple(value_faults(keyword, element))
        elif (judged := self._judged.get(key)) is not None:
            found = judged
        else:
            found = self._judged[key] = (
                *value_faults(keyword, element),
                *term_faults(keyword, element),
                *encoding_faults(element, encodings),
            )
        for what, rule in found:
            self.faults.append(node.fault(keyword, what, rule))

    def _below(self, keyword: str, item: Node, attribute: Attribute | None) -> Level:
        if keyword == "ContentSequence" and self._item_levels:
            return self._item_levels.of(item)
        return attribute.items if attribute else {}


def _missing(node: Node, level: Level, where: str = "") -> Iterator[Fault]:
    for keyword, attribute in level.items():
        if attribute.type in _ALWAYS_PRESENT and keyword not in node.elements:
            what = f"Missing, but of Type {attribute.type} in {where or attribute.module}."
            yield node.fault(keyword, what, Rule.ATTRIBUTE_PRESENT)


def _empty(node: Node, level: Level) -> Iterator[Fault]:
    for keyword, element in node.elements.items():
        attribute = level.get(keyword)
        if attribute is not None and attribute.type in _ALWAYS_VALUED and element.is_empty:
            what = f"Empty, but of Type {attribute.type} in {attribute.module}."
            yield node.fault(keyword, what, Rule.ATTRIBUTE_VALUED)


def _foreign(node: Node, keyword: str) -> Iterator[Fault]:
    if keyword.startswith("("):
        odd_group = int(keyword[4], 16) % 2 == 1
        what = "A private attribute." if odd_group else "Not in the data dictionary."
        yield node.fault(keyword, what, Rule.PRIVATE if odd_group else Rule.ATTRIBUTE_BELONGS)
    elif keyword not in _PADDING:
        yield node.fault(keyword, "Not of this place in the IOD.", Rule.ATTRIBUTE_BELONGS)
