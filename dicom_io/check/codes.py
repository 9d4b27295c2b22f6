"""Codes: whole, and if of DICOM's own scheme, of DICOM's own meaning (PS3.3 Section 8.8, PS3.16 Annex D)."""

from collections.abc import Iterator, Mapping
from functools import cache

from pydicom.sr.codedict import codes

from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node

_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")
_OF_CONTEXT_GROUP = ("MappingResource", "ContextGroupVersion")
_OF_EXTENSION = ("ContextGroupLocalVersion", "ContextGroupExtensionCreatorUID")
_LONGEST_SHORT_VALUE = 16
_DICOM = "DCM"


def code_faults(code: Node) -> Iterator[Fault]:
    """Faults of one code, an item of a code sequence."""
    given = [keyword for keyword in _VALUES if code.text(keyword)]
    if len(given) != 1:
        what = f"{' and '.join(given) or 'None'} of {', '.join(_VALUES)}; expected one."
        yield code.fault("CodeValue", what, Rule.CODE)
    if "URNCodeValue" not in given and not code.text("CodingSchemeDesignator"):
        yield code.fault("CodingSchemeDesignator", "Missing: a code without its scheme says nothing.", Rule.CODE)
    if not code.text("CodeMeaning"):
        yield code.fault("CodeMeaning", "Missing: people can't read the code.", Rule.CODE)
    if 0 < len(code.text("LongCodeValue")) <= _LONGEST_SHORT_VALUE:
        yield code.fault("LongCodeValue", "Fits into CodeValue, where it belongs.", Rule.CODE)
    yield from _context(code)
    yield from _meaning(code)


def _context(code: Node) -> Iterator[Fault]:
    required = [("ContextIdentifier", keyword) for keyword in _OF_CONTEXT_GROUP if code.text("ContextIdentifier")]
    if code.text("ContextGroupExtensionFlag") == "Y":
        required += [("ContextGroupExtensionFlag", keyword) for keyword in _OF_EXTENSION]
    for because, keyword in required:
        if not code.text(keyword):
            yield code.fault(keyword, f"Missing, but there is {because}.", Rule.CODE)


def _meaning(code: Node) -> Iterator[Fault]:
    if code.text("CodingSchemeDesignator") != _DICOM:
        return
    known = _meanings().get(code.text("CodeValue"))
    meaning = code.text("CodeMeaning")
    if known and meaning and meaning.casefold() not in known:
        value = code.text("CodeValue")
        what = f"({value}, DCM) means {' or '.join(sorted(known.values()))!r}, not {meaning[:64]!r}."
        yield code.fault("CodeMeaning", what, Rule.CODE_MEANING)


@cache
def _meanings() -> Mapping[str, dict[str, str]]:
    """The meanings of each code of DICOM's: as written, by their case-folded form."""
    meanings: dict[str, dict[str, str]] = {}
    for code in codes.DCM.concepts.values():
        meanings.setdefault(code.value, {})[code.meaning.casefold()] = code.meaning
    return meanings
