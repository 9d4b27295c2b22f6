"""Values: their representation, number, form, length and characters (PS3.5 Section 6.2, PS3.6 Section 6)."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import NamedTuple

from pydicom import config
from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.valuerep import validate_value

from dicom_io.check.element import BINARY, OR, Bytes, Element, Value
from dicom_io.check.fault import Rule

_FORMS: Mapping[str, str] = {
    "AE": "at most 16 characters of ASCII",
    "AS": "three digits and D, W, M or Y",
    "CS": "at most 16 of A–Z, 0–9, space and _",
    "DA": "a date, YYYYMMDD",
    "DS": "a decimal of at most 16 characters",
    "DT": "a date and time, YYYYMMDDHHMMSS.FFFFFF&ZZXX",
    "IS": "a whole number of at most 12 characters",
    "LO": "at most 64 characters without control characters",
    "LT": "at most 10240 characters of text",
    "PN": "at most three groups of 64 characters and five components",
    "SH": "at most 16 characters without control characters",
    "ST": "at most 1024 characters of text",
    "TM": "a time, HHMMSS.FFFFFF",
    "UC": "characters without control characters",
    "UI": "a UID: numbers without leading zeros, divided by dots, of at most 64 characters",
    "UR": "a URI",
    "UT": "text",
}
_PARAGRAPHS = frozenset({"LT", "ST", "UT"})
_CONTROL = re.compile(r"[\x00-\x1a\x1c-\x1f\x7f]")  # escape (1B) belongs to code extensions
_CONTROL_IN_PARAGRAPHS = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")  # but tab, LF, FF and CR
_QUOTED = frozenset({"AE", "CS", "DS", "IS", "UI", "AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_MAXIMUM_INTEGER = 2**31
_QUOTED_CHARACTERS = 40


class Definition(NamedTuple):
    """What the data dictionary says of an attribute (PS3.6 Section 6): representations, and how many values."""

    representations: frozenset[str]
    least: int
    most: int | None
    step: int


@cache
def definition(keyword: str) -> Definition | None:
    """None for what the data dictionary does not know."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        return None
    least, _, most = dictionary_VM(tag).split(" ")[0].partition("-")
    open_ended = most.endswith("n")
    step = int(most[:-1] or 1) if open_ended else 1
    return Definition(
        frozenset(dictionary_VR(tag).split(" or ")),
        int(least),
        None if open_ended else int(most or least),
        step,
    )


def value_faults(keyword: str, element: Element) -> Iterator[tuple[str, Rule]]:
    """What is wrong with the values of one element, by themselves; nothing if it has none."""
    defined = definition(keyword)
    representation = element.representation
    if defined is None:
        return
    if defined.representations.isdisjoint(representation.split(OR)):
        expected = " or ".join(sorted(defined.representations))
        yield f"Of value representation {representation}; expected {expected}.", Rule.REPRESENTATION
        return
    if element.is_empty:
        return
    are_bytes = BINARY.intersection(representation.split(OR)) and isinstance(element.values[0], Bytes)
    if element.items or are_bytes:
        return
    if not _is_count(len(element.values), defined):
        yield f"{len(element.values)} values; expected {_count_in_words(defined)}.", Rule.MULTIPLICITY
    for value in element.values:
        if value != "" and not _has_form(representation, value):
            expected = _FORMS.get(representation, f"a number that fits into {representation}")
            yield f"{quoted(keyword, representation, value)} is not {expected}.", Rule.VALUE


def quoted(keyword: str, representation: str, value: Value) -> str:
    """A value in a message; only "the value" if it could tell who the patient is."""
    tag = tag_for_keyword(keyword)
    if representation not in _QUOTED or tag is None or tag >> 16 == 0x0010:
        return "The value"
    return repr(value if len(str(value)) <= _QUOTED_CHARACTERS else f"{str(value)[:_QUOTED_CHARACTERS]}…")


def _is_count(count: int, defined: Definition) -> bool:
    if count < defined.least or (defined.most is not None and count > defined.most):
        return False
    return defined.most is not None or (count - defined.least) % defined.step == 0


def _count_in_words(defined: Definition) -> str:
    if defined.most is None:
        return f"{defined.least} or more" + (f", in steps of {defined.step}" if defined.step > 1 else "")
    return str(defined.least) if defined.most == defined.least else f"{defined.least} to {defined.most}"


def _has_form(representation: str, value: Value) -> bool:
    if isinstance(value, Bytes):
        return False
    try:
        validate_value(representation, value, config.RAISE)
    except (ValueError, TypeError):
        return False
    return not isinstance(value, str) or _has_finer_form(representation, value)


def _has_finer_form(representation: str, value: str) -> bool:
    """What pydicom's validators let pass: query ranges, days that no month has, control characters, long names."""
    match representation:
        case "DA":
            return _is_moment(value, "%Y%m%d")
        case "DT":
            return "-" not in value[:-5] and (len(value) < 8 or _is_moment(value[:8], "%Y%m%d"))
        case "TM":
            return "-" not in value
        case "IS":
            return -_MAXIMUM_INTEGER <= int(value) < _MAXIMUM_INTEGER
        case "AE":
            return "\\" not in value and bool(value.strip())
        case "PN":
            groups = value.split("=")
            fits = all(len(group) <= 64 and group.count("^") <= 4 for group in groups)
            return len(groups) <= 3 and fits and not _CONTROL.search(value)
        case "LO" | "SH" | "UC":
            return not _CONTROL.search(value) and "\\" not in value
        case _ if representation in _PARAGRAPHS:
            return not _CONTROL_IN_PARAGRAPHS.search(value)
        case "UR":
            return not value.startswith(" ")
        case _:
            return True


def _is_moment(value: str, form: str) -> bool:
    try:
        datetime.strptime(value, form)
    except ValueError:
        return False
    return True
