"""The standard's module tables by SOP Class (PS3.3 Annexes A and C), out of the data that highdicom carries.

The only place that knows where highdicom keeps them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any

from config.reasons import UptakeError

CONTENT_MODULE = "sr-document-content"
_STRICTEST_FIRST = ("1", "2", "1C", "2C", "3")
_MANDATORY = "M"
_FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


class TablesMissing(UptakeError):
    """The installed highdicom does not carry the standard's tables where it used to."""


@dataclass(slots=True)
class Attribute:
    """An attribute in a place: its type (``1``, ``1C``, ``2``, ``2C`` or ``3``), and what its items hold."""

    type: str
    module: str
    items: "Level" = field(default_factory=dict)


Level = dict[str, Attribute]
"""The attributes that a data set or an item may hold, by keyword."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module that an object may lack; ``own`` are the attributes by which it is known to be there."""

    name: str
    level: Level
    own: frozenset[str]


@dataclass(frozen=True, slots=True)
class ObjectDefinition:
    """An IOD: the attributes of its data set, its modules that may be absent, and of a content item if it has any."""

    level: Level
    optional: tuple[Module, ...]
    content: Level


@lru_cache(maxsize=64)
def object_definition(sop_class_uid: str) -> ObjectDefinition | None:
    """The IOD of a storage SOP Class; None if there is no such class.

    Attributes of mandatory modules have the strictest of the types that these give them; attributes of optional
    modules alone are of Type 3 here and of their own type in ``optional``. So are functional groups, which may be
    shared or of each frame.
    """
    name = _standard("get_sop_class_iod_map").get(sop_class_uid)
    if name is None:
        return None
    usages = {module["key"]: module["usage"] for module in _standard("get_iod_module_map")[name]}
    levels = {key: _level(key) for key in usages}
    content = levels.get(CONTENT_MODULE, {})
    if content:
        levels[CONTENT_MODULE] = {key: content[key] for key in _ROOT_KEYWORDS if key in content}
    merged: Level = {}
    for key, level in levels.items():
        if usages[key] == _MANDATORY:
            _merge(merged, level)
    mandatory = frozenset(merged)
    optional = {key: level for key, level in levels.items() if usages[key] != _MANDATORY}
    for level in optional.values():
        _merge(merged, level, optional=True)
    if {"general-series", "sc-equipment"} <= usages.keys():
        merged["Modality"].type = "3"  # SC Equipment overrides General Series (PS3.3 C.8.6.1)
    for keyword in _FUNCTIONAL_GROUPS:
        for group in merged[keyword].items.values() if keyword in merged else ():
            group.type = "3"
    return ObjectDefinition(merged, tuple(_modules(optional, mandatory)), content)


_ROOT_KEYWORDS = (
    "ObservationDateTime",
    "ObservationUID",
    "ValueType",
    "ConceptNameCodeSequence",
    "ContinuityOfContent",
    "ContentTemplateSequence",
    "ContentSequence",
)


def _modules(optional: Mapping[str, Level], mandatory: frozenset[str]) -> Iterable[Module]:
    for key, level in optional.items():
        others = {keyword for other in optional if other != key for keyword in optional[other]}
        yield Module(title(key), level, frozenset(level) - mandatory - others)


def title(key: str) -> str:
    """A module's name as PS3.3 writes it, nearly: ``sop-common`` is SOP Common."""
    words = (word.upper() if word in _ACRONYMS else word.capitalize() for word in key.split("-"))
    return " ".join(words)


_ACRONYMS = frozenset({"sop", "sr", "sc", "icc", "lut", "voi", "ct", "pet"})


def _merge(into: Level, level: Level, *, optional: bool = False) -> None:
    """Adds a module's attributes; an optional module makes nothing required."""
    for keyword, attribute in level.items():
        mine = into.get(keyword)
        if mine is None:
            into[keyword] = mine = Attribute("3" if optional else attribute.type, attribute.module)
        elif not optional:
            mine.type = min(mine.type, attribute.type, key=_STRICTEST_FIRST.index)
        _merge(mine.items, attribute.items)


def _level(module: str) -> Level:
    level: Level = {}
    for row in _standard("get_module_attribute_map")[module]:
        place = level
        for keyword in row["path"]:
            place = place[keyword].items
        place[row["keyword"]] = Attribute(row["type"], title(module))
    return level


def _standard(getter: str) -> Any:
    try:
        return getattr(import_module("highdicom._standard_utils"), getter)()
    except (ImportError, AttributeError, OSError) as error:
        raise TablesMissing(
            f"highdicom does not carry the standard's module tables as version 0.28 did ({error}). Install the version "
            "named in pyproject.toml."
        ) from error
