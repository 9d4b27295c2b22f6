"""Values out of headers that may hold anything: missing, empty, of another type or unreadable all read as absent."""

import math
import struct

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as DicomSequence

UNREADABLE = (
    AttributeError,
    BytesLengthException,
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What pydicom raises when bytes don't fit their value representation, or sequences are nested without end."""


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Every value of an element as stripped text; empty if absent or unreadable."""
    try:
        value = dataset.get(keyword)
    except UNREADABLE:
        return ()
    return _as_texts(value)


def text(dataset: Dataset, keyword: str) -> str:
    """The first value of an element as stripped text; ``""`` if absent or unreadable."""
    return next(iter(texts(dataset, keyword)), "")


def number(dataset: Dataset, keyword: str) -> float | None:
    """The first value of an element as a finite number; None if absent, unreadable or not finite."""
    return as_number(text(dataset, keyword))


def as_written(dataset: Dataset, keyword: str) -> str:
    """What stands in an element, in quotes, for messages; ``missing`` if it is absent or empty."""
    found = text(dataset, keyword)
    if not found and keyword in dataset:
        found = _first(dataset.get_item(keyword).value)  # raw, where its bytes don't fit the VR
    return repr(found[:40]) if found else "missing"


def scale_factor(value: float | None) -> float | None:
    """A number that can be a scale factor: positive, and within what quotients and products of factors stand."""
    return value if value is not None and 1e-15 <= value <= 1e15 else None


def items(dataset: Dataset, keyword: str) -> tuple[Dataset, ...]:
    """The items of a sequence; empty if absent, unreadable or no sequence."""
    try:
        value = dataset.get(keyword)
        return tuple(value) if isinstance(value, DicomSequence) else ()
    except UNREADABLE:
        return ()


def are_equal(first: Dataset, second: Dataset) -> bool:
    """Whether two data sets hold the same; what can't be read equals nothing."""
    try:
        return bool(first == second)
    except UNREADABLE:
        return False


def private_text(
    dataset: Dataset, group: int, element_offset: int, creator: str, *, without_creator: bool = False
) -> str:
    """The value of a private element as text, whatever its VR (PS3.5 Section 7.8.1).

    It is found through its creator's block. With ``without_creator``, where the group has no creator at all, as after
    a clumsy de-identification, the first block (gggg,10xx) is taken for the creator's.
    """
    try:
        try:
            return _first(dataset.get_private_item(group, element_offset, creator).value)
        except KeyError:
            if not without_creator or any((group, block) in dataset for block in range(0x10, 0x100)):
                return ""
            element = dataset.get((group, 0x1000 + element_offset))
            return "" if element is None else _first(element.value)
    except UNREADABLE:
        return ""


def as_number(value: str) -> float | None:
    """Text as a finite number, or None."""
    try:
        parsed = float(value)
    except ValueError:
        return None
    return parsed if math.isfinite(parsed) else None


def _first(value: object) -> str:
    return next(iter(_as_texts(value)), "")


def _as_texts(value: object) -> tuple[str, ...]:
    if value is None or isinstance(value, DicomSequence):
        return ()
    if isinstance(value, bytes):
        return tuple(part.strip(" \0") for part in value.decode("latin-1").split("\\"))
    if isinstance(value, MultiValue | list | tuple):
        return tuple(str(part).strip(" \0") for part in value)
    return (str(value).strip(" \0"),)
