"""The UIDs of an instance, and what can stand in for them where an export dropped them."""

import re
from collections.abc import Iterable, Sequence

from pydicom.dataset import Dataset

from config.reasons import Reason, Refused
from dicom_io.header_values import items, text
from dicom_io.identity import derived_uid

_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_MAXIMUM_LENGTH = 64
_TELLS_SERIES_APART = (
    *("StudyInstanceUID", "FrameOfReferenceUID", "SOPClassUID", "Modality", "SeriesNumber", "SeriesDescription"),
    *("SeriesDate", "SeriesTime", "ProtocolName", "ImageType", "CorrectedImage", "ConvolutionKernel"),
    "ReconstructionMethod",
)


def is_uid(value: str) -> bool:
    """Whether a text is usable as a UID (PS3.5 Section 9.1; leading zeros in components occur and pass)."""
    return len(value) <= _MAXIMUM_LENGTH and _UID.fullmatch(value) is not None


def require_identifiers(header: Dataset, *keywords: str) -> None:
    """Raises ``Refused(MISSING_IDENTIFIERS)`` if one of the UIDs is absent or malformed."""
    for keyword in keywords:
        value = text(header, keyword)
        if not value:
            raise Refused(Reason.MISSING_IDENTIFIERS, f"{keyword} is absent.")
        if not is_uid(value):
            raise Refused(Reason.MISSING_IDENTIFIERS, f"{keyword} is not a UID: {value[:80]!r}.")


def set_uid(header: Dataset, keyword: str, value: str) -> None:
    """Set a UID, whatever unreadable bytes are in its place (which assignment by keyword would try to read)."""
    header.add_new(keyword, "UI", value)


def complete_series(headers: Sequence[Dataset]) -> None:
    """Set the Series Instance UID where it is absent or was derived: as another object names it, else derived.

    Some archives move series attributes out of the instances and lose them on the way back. An object that references
    the instance (Referenced Series Sequence, PS3.3 Section C.12.1.1.10.5) still knows its series.
    """
    named = dict(_series_named_by(headers))
    for header in headers:
        if not text(header, "SeriesInstanceUID") or has_derived_series(header):
            uid = named.get(text(header, "SOPInstanceUID")) or derived_series_uid(header)
            set_uid(header, "SeriesInstanceUID", uid)


def derived_series_uid(header: Dataset) -> str:
    """A Series Instance UID made of the attributes that instances of one series share."""
    return derived_uid("series", *(text(header, keyword) for keyword in _TELLS_SERIES_APART))


def has_derived_series(header: Dataset) -> bool:
    """Whether the header's Series Instance UID was derived by ``complete_series``."""
    return text(header, "SeriesInstanceUID") == derived_series_uid(header)


def _series_named_by(headers: Iterable[Dataset]) -> Iterable[tuple[str, str]]:
    for header in headers:
        for series in items(header, "ReferencedSeriesSequence"):
            uid = text(series, "SeriesInstanceUID")
            if is_uid(uid):
                for instance in items(series, "ReferencedInstanceSequence"):
                    yield text(instance, "ReferencedSOPInstanceUID"), uid
