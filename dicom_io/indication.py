"""What a study was made for, as far as its headers say."""

import re
from collections.abc import Iterator

from pydicom.dataset import Dataset

from config.indication import Indication
from dicom_io.header_values import items, text, texts

_CODED = (
    "AdmittingDiagnosesCodeSequence",
    "ReasonForPerformedProcedureCodeSequence",
    "ReasonForRequestedProcedureCodeSequence",
    "ReasonForVisitCodeSequence",
)
_WORDED = (
    "AdmittingDiagnosesDescription",
    "ReasonForPerformedProcedure",
    "ReasonForTheRequestedProcedure",
    "ReasonForVisit",
    "RequestedProcedureDescription",
    "StudyDescription",
)
_REQUESTS = ("RequestAttributesSequence", "ReferencedRequestSequence")

_ICD_10 = re.compile(r"C8[1-68]")  # Hodgkin lymphoma to immunoproliferative diseases; there is no C87
_SNOMED = frozenset({"118600007", "118599009", "118601006", "1163043007", "1163005009", "1172592001"})
_WORDS = re.compile(r"lymphom|hodgkin|\b(?:nhl|dlbcl|maltom\w*)\b", re.IGNORECASE)
_DOUBT = re.compile(r"\?|\b(?:no|not|non|without|exclu\w*|rule[ds]? out|r/o|kein\w*|ohne|ausschl\w*)\b", re.IGNORECASE)


def is_lymphoma(header: Dataset) -> bool:
    """Whether a header says that the study was made for a lymphoma.

    Codes of diagnoses and reasons count: ICD-10 C81 to C88, and SNOMED CT. So do words in their meanings and in the
    descriptions of study and procedure, in a text that neither denies nor doubts.
    """
    coded = [item for holder in _holders(header) for keyword in _CODED for item in items(holder, keyword)]
    if any(_is_code_of_lymphoma(item) for item in coded):
        return True
    worded = [value for holder in _holders(header) for keyword in _WORDED for value in texts(holder, keyword)]
    meanings = [text(item, "CodeMeaning") for item in coded]
    return any(_says_lymphoma(value) for value in (*worded, *meanings))


def indication(header: Dataset) -> Indication:
    """The indication by a header of the study."""
    return Indication.LYMPHOMA if is_lymphoma(header) else Indication.OTHER


def _holders(header: Dataset) -> Iterator[Dataset]:
    yield header
    for keyword in _REQUESTS:
        yield from items(header, keyword)


def _is_code_of_lymphoma(item: Dataset) -> bool:
    scheme, value = text(item, "CodingSchemeDesignator").upper(), text(item, "CodeValue").upper()
    if scheme in ("SCT", "SNOMED-CT"):
        return value in _SNOMED
    return scheme.startswith(("I10", "ICD10", "ICD-10")) and _ICD_10.match(value) is not None


def _says_lymphoma(words: str) -> bool:
    without_name = re.sub(r"non[- ]?hodgkin", "hodgkin", words, flags=re.IGNORECASE)
    return _WORDS.search(without_name) is not None and _DOUBT.search(without_name) is None
