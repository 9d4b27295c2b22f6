"""An element's values as plain Python, out of bytes as they were written or out of what pydicom has decoded."""

import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

if TYPE_CHECKING:
    from dicom_io.check.opened import Node

OR = " or "
"""Joins what pydicom leaves open (``US or SS``) where the data set, not yet written, does not tell."""

BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW"})
_HEAD_BYTES = 8
_NUMBERS: Mapping[str, str] = {"FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q"}
_SEVERAL = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"})
_ONE = frozenset({"LT", "ST", "UR", "UT"})
_ESCAPE = b"\x1b"
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
    items: "tuple[Node, ...]" = ()

    @property
    def is_empty(self) -> bool:
        return not (self.items or any(self.values) or 0 in self.values)


def as_written(raw: RawDataElement) -> Element | None:
    """An element straight out of its bytes; None for what pydicom has to decode: sequences, other character sets.

    Raises ``struct.error`` if the bytes are not a whole number of numbers.
    """
    representation, value = str(raw.VR), raw.value
    if value is None:  # left in the file
        return Element(representation, (Bytes(raw.length, b""),)) if raw.tag == _PIXEL_DATA else None
    if representation in BINARY:
        return Element(representation, (_bytes(value),) if value else ())
    if representation in _NUMBERS:
        order = "<" if raw.is_little_endian else ">"
        numbers = struct.iter_unpack(order + _NUMBERS[representation], value)
        return Element(representation, tuple([number for (number,) in numbers]))
    if representation not in _SEVERAL and representation not in _ONE:
        return None
    if not value.isascii() or _ESCAPE in value:
        return None
    text = value.decode("ascii")
    if not text:
        return Element(representation)
    several = text.split("\\") if representation in _SEVERAL else (text,)
    return Element(representation, tuple([_unpadded(representation, each) for each in several]))


def decoded(representation: str, value: Any) -> Element:
    """An element of what pydicom holds as the value of another representation than SQ."""
    if isinstance(value, str):
        return Element(representation, (_unpadded(representation, value),) if value else ())
    if value is None:
        return Element(representation)
    if isinstance(value, bytes | bytearray):
        return Element(representation, (_bytes(value),) if value else ())
    several = value if isinstance(value, Sequence) else (value,)
    return Element(representation, tuple([_plain(representation, each) for each in several]))


def _bytes(value: bytes | bytearray) -> Bytes:
    return Bytes(len(value), bytes(value[:_HEAD_BYTES]))


def _plain(representation: str, value: Any) -> Value:
    if value is None:
        return ""
    if representation == "AT":
        return int(value)  # pydicom's tags are integers that print as tags
    if representation in _NUMBERS or OR in representation:
        number = value.item() if hasattr(value, "item") else value  # NumPy's
        if isinstance(number, int | float):
            return number
    written = getattr(value, "original_string", value)  # of DS and IS; that of names is in bytes
    return _unpadded(representation, written if isinstance(written, str) else str(value))


def _unpadded(representation: str, text: str) -> str:
    return text.rstrip("\0" if representation == "UI" else " \0")
