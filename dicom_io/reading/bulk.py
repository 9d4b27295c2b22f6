"""Bulk: long values beside the pixels, which nobody reads, are left out of headers, for these stay in memory.

What is read of a header, or copied into results, are short values of elements that the standard knows, sequences of
such, and short private values outside of sequences. So it does not matter how bulk is encoded or what it calls itself.
"""

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from config.reasons import Reason, Refused
from dicom_io.header_values import UNREADABLE

LONGEST_VALUE_BYTES = 2**16
"""No VR for text but UC, UR and UT allows more (PS3.5 Section 6.2), and no list of numbers that is read comes near."""

MOST_BYTES = 2**25
"""A multi-frame image of 10,000 frames has 3 kB of functional groups a frame."""


def leave_out_bulk(header: Dataset) -> None:
    """Remove every value of more than 64 KiB, in sequences too, and all private sequences.

    Raises
    ------
    Refused
        NOT_DICOM if more than 32 MiB are left.
    """
    kept_bytes = _leave_out(header)
    if kept_bytes > MOST_BYTES:
        found = f"{kept_bytes} bytes beside Pixel Data that can't be left out; {MOST_BYTES} are the most."
        raise Refused(Reason.NOT_DICOM, found)


def _leave_out(dataset: Dataset) -> int:
    """The bytes of the values that are kept."""
    kept_bytes = 0
    for tag, element in list(dataset.items()):
        length = _length(element)
        if length is not None and length <= LONGEST_VALUE_BYTES:
            kept_bytes += length
            continue
        items = None if tag.is_private else _items(dataset, tag, element)
        if items is None:
            del dataset[tag]
        else:
            kept_bytes += sum(_leave_out(item) for item in items)
    return kept_bytes


def _length(element: DataElement | RawDataElement) -> int | None:
    """Of a value; None for a sequence that pydicom has decoded, as it does with those of open length.

    It has decoded the Specific Character Set, too.
    """
    if isinstance(element, RawDataElement):
        return len(element.value or b"")
    return None if element.VR == "SQ" else len(str(element.value))


def _items(dataset: Dataset, tag: BaseTag, element: DataElement | RawDataElement) -> Sequence | None:
    """None if it is no sequence, or can't be read as one."""
    if element.VR != "SQ" and _known_representation(tag) != "SQ":
        return None
    try:
        value = dataset[tag].value
    except UNREADABLE:
        return None
    return value if isinstance(value, Sequence) else None


def _known_representation(tag: BaseTag) -> str:
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return ""
