"""Encapsulated documents: a PDF that begins and is as long as one (PS3.3 C.24.2)."""

from collections.abc import Iterator

from dicom_io.check.element import Bytes
from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node

_BEGINNING = b"%PDF-"


def faults(root: Node) -> Iterator[Fault]:
    """Faults of the Encapsulated Document Module."""
    for value in root.values("EncapsulatedDocument"):
        if not isinstance(value, Bytes):
            continue
        if not value.head.startswith(_BEGINNING):
            yield root.fault("EncapsulatedDocument", "Does not begin as a PDF does.", Rule.DOCUMENT)
        length = root.integer("EncapsulatedDocumentLength")
        if length is not None and value.length not in (length, length + length % 2):
            what = f"{length}, but the document has {value.length} bytes."
            yield root.fault("EncapsulatedDocumentLength", what, Rule.DOCUMENT)
