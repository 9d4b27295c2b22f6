"""Whether the Specific Character Set can encode the text (PS3.3 C.12.1.1.2, PS3.5 Section 6.1)."""

from collections.abc import Iterator

from pydicom.charset import python_encoding

from dicom_io.check.element import Element
from dicom_io.check.fault import Rule
from dicom_io.check.opened import Node

Encodings = tuple[str, ...]
"""Python's names of the character sets between which the text may switch."""

DEFAULT: Encodings = ("ascii",)
_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_UNDECODABLE = "\ufffd"


def encodings_of(node: Node) -> Encodings:
    """Of Specific Character Set (0008,0005) in a data set or item; empty if that has none of its own."""
    named = (python_encoding.get(str(term)) for term in node.values("SpecificCharacterSet"))
    return tuple("ascii" if encoding == python_encoding[""] else encoding for encoding in named if encoding)


def encoding_faults(element: Element, encodings: Encodings) -> Iterator[tuple[str, Rule]]:
    """Text that can't be in a data set that is encoded so."""
    if element.representation in _TEXT:
        for value in element.values:
            text = str(value)
            if not text.isascii() and not _encodable(text, encodings):
                yield _in_words(text, encodings), Rule.CHARACTER_SET


def _encodable(text: str, encodings: Encodings) -> bool:
    """Each character in one of the encodings: code extensions switch between them."""
    return _UNDECODABLE not in text and all(
        any(_has(encoding, character) for encoding in encodings) for character in set(text)
    )


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _in_words(text: str, encodings: Encodings) -> str:
    if _UNDECODABLE in text:
        return "Its bytes are not of the Specific Character Set."
    if encodings == DEFAULT:
        return "Characters beyond ASCII, and no Specific Character Set that has them."
    return f"Characters that {' and '.join(encodings)} can't encode."
