"""Finding DICOM instances in files: what each file is, and what is passed over with its reason."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import get_decoder
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from config.reasons import Reason, Refused, Remark
from dicom_io.digest import dataset_digest
from dicom_io.header_values import number, text
from dicom_io.reading.bulk import leave_out_bulk
from dicom_io.reading.elements import Layout, read_layout
from dicom_io.reading.identifiers import complete_series, require_identifiers, set_uid
from dicom_io.sop_classes import ACCEPTED, CT, PET, SECONDARY_CAPTURE, SEGMENTATION
from dicom_io.trouble import is_of_machine

# What the node relies on it checks itself; pydicom's warnings quote values, which may be a patient's.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

_IMAGES = CT | PET | SEGMENTATION | SECONDARY_CAPTURE
_UNCOMPRESSED = frozenset(
    {ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian}
)


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file that is not used, and why."""

    path: Path
    remark: Remark


@dataclass(frozen=True)
class Inventory:
    """The usable instances under a path, ordered by path, and the files passed over.

    A header is the data set without its pixel data and bulk; ``header.filename`` is its file.
    """

    headers: tuple[Dataset, ...]
    passed_over: tuple[PassedOver, ...]


def read_header(path: Path) -> Dataset:
    """The data set in a file without its pixel data and bulk, once the file is known to be whole and of use.

    A SOP Instance UID that is only in the File Meta Information is taken from there (PS3.10 Section 7.1). An absent
    Series Instance UID is derived: see ``identifiers.complete_series``.

    Raises
    ------
    Refused
        NOT_DICOM, TRUNCATED, UNSUPPORTED_SOP_CLASS, MISSING_IDENTIFIERS, NO_PIXEL_DATA or UNSUPPORTED_TRANSFER_SYNTAX.
    OSError
        If the file can't be read.
    MemoryError
        If there is no room for it.
    """
    header = _read(path)
    complete_series([header])
    return header


def find_instances(path: Path) -> Inventory:
    """The DICOM instances in a file or below a folder of anything.

    A second copy of an instance is passed over as DUPLICATES_DROPPED, one with other content as UID_CONFLICT; the first
    by path is used. Instances without a Series Instance UID get one: see ``identifiers.complete_series``.

    Raises ``OSError`` if there is no such path.
    """
    first: dict[str, Dataset] = {}
    passed_over: list[PassedOver] = []
    for file in _files(path):
        try:
            header = _read(file)
            known = first.setdefault(str(header.SOPInstanceUID), header)
            if known is not header:
                passed_over.append(PassedOver(file, _copy_of(Path(str(known.filename)), file)))
        except Refused as refused:
            passed_over.append(PassedOver(file, refused.remark))
        except OSError as error:
            passed_over.append(PassedOver(file, Remark(Reason.NOT_DICOM, f"The file can't be read: {error.strerror}.")))
    headers = tuple(first.values())
    complete_series(headers)
    return Inventory(headers, tuple(passed_over))


def _files(path: Path) -> Iterator[Path]:
    """Regular files in the order of their paths; links to folders aren't followed."""
    if not path.is_dir():
        path.stat()
        yield path
        return
    for folder, subfolders, names in os.walk(path):
        subfolders.sort()
        yield from (file for name in sorted(names) if (file := Path(folder, name)).is_file())


def _read(path: Path) -> Dataset:
    with path.open("rb") as stream:
        layout = read_layout(stream)
        header = _parse(stream, path)
    if not layout.has_meta:
        header.file_meta = FileMetaDataset()
        header.file_meta.TransferSyntaxUID = UID(layout.transfer_syntax_uid)
    _require_sop_class(header)
    if not text(header, "SOPInstanceUID"):
        set_uid(header, "SOPInstanceUID", text(header.file_meta, "MediaStorageSOPInstanceUID"))
    require_identifiers(header, "SOPInstanceUID", "StudyInstanceUID")
    if text(header, "SeriesInstanceUID"):
        require_identifiers(header, "SeriesInstanceUID")
    if header.SOPClassUID in _IMAGES:
        _require_pixels(header, layout)
    _require_decoder(header, layout)
    return header


def _parse(stream: BinaryIO, path: Path) -> Dataset:
    stream.seek(0)
    try:
        header = pydicom.dcmread(stream, stop_before_pixels=True, force=True)
    except Exception as error:  # a boundary: hostile bytes raise anything
        if is_of_machine(error):
            raise
        raise Refused(Reason.NOT_DICOM, f"The data set can't be parsed: {type(error).__name__}: {error}.") from error
    header.filename = str(path)
    header.buffer = None  # of a deflated file, all that it inflates to
    leave_out_bulk(header)
    return header


def _require_sop_class(header: Dataset) -> None:
    sop_class = UID(text(header, "SOPClassUID") or text(header.file_meta, "MediaStorageSOPClassUID"))
    if sop_class == MediaStorageDirectoryStorage:
        raise Refused(Reason.UNSUPPORTED_SOP_CLASS, "A DICOMDIR lists instances and is none.")
    if not sop_class:
        raise Refused(Reason.MISSING_IDENTIFIERS, "SOPClassUID is absent.")
    if sop_class not in ACCEPTED:
        raise Refused(Reason.UNSUPPORTED_SOP_CLASS, f"{sop_class.name[:80]!r} is not accepted.")
    set_uid(header, "SOPClassUID", sop_class)


def _require_pixels(header: Dataset, layout: Layout) -> None:
    if layout.pixel_data is None or layout.pixel_data.length == 0:
        raise Refused(Reason.NO_PIXEL_DATA, f"{UID(header.SOPClassUID).name} without Pixel Data (7FE0,0010).")
    if layout.pixel_data.encapsulated:
        return
    sizes = [number(header, keyword) for keyword in ("Rows", "Columns", "BitsAllocated")]
    if any(size is None for size in sizes):
        raise Refused(Reason.NO_PIXEL_DATA, "Rows, Columns or Bits Allocated is absent: the pixels can't be laid out.")
    rows, columns, bits = (size or 0.0 for size in sizes)
    samples = number(header, "SamplesPerPixel") or 1.0
    frames = number(header, "NumberOfFrames") or 1.0
    expected = rows * columns * samples * frames * bits / 8.0
    if text(header, "PhotometricInterpretation") == "YBR_FULL_422":
        expected *= 2.0 / 3.0
    if layout.pixel_data.length < expected:
        raise Refused(
            Reason.TRUNCATED,
            f"{rows:g} × {columns:g} × {frames:g} pixels of {bits:g} bits need {expected:.0f} bytes of Pixel Data; "
            f"{layout.pixel_data.length} are there.",
        )


def _require_decoder(header: Dataset, layout: Layout) -> None:
    syntax = UID(layout.transfer_syntax_uid)
    encapsulated = layout.pixel_data is not None and layout.pixel_data.encapsulated
    if encapsulated and syntax in _UNCOMPRESSED:
        raise Refused(
            Reason.UNSUPPORTED_TRANSFER_SYNTAX, f"Encapsulated pixel data, but the transfer syntax is {syntax.name}."
        )
    if syntax not in _UNCOMPRESSED and not _has_decoder(syntax):
        raise Refused(Reason.UNSUPPORTED_TRANSFER_SYNTAX, f"No decoder for {syntax.name or 'an absent syntax'}.")


@cache
def _has_decoder(syntax: UID) -> bool:
    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _copy_of(first: Path, second: Path) -> Remark:
    if dataset_digest(first) == dataset_digest(second):
        return Remark(Reason.DUPLICATES_DROPPED, f"The same instance as {first.name}.")
    return Remark(
        Reason.UID_CONFLICT, f"The same SOP Instance UID as {first.name} with other content; that one is used."
    )
