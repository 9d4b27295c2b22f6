"""Where the elements of a file lie: its bytes walked without decoding a value (PS3.5 Section 7, PS3.10 Section 7.1).

pydicom reads what it finds and stops silently where the bytes stop; this says whether the data set is whole.
"""

import io
import os
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.datadict import dictionary_VR
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from config.reasons import Reason, Refused

MAXIMUM_INFLATED_BYTES = 2**29

_PREAMBLE_BYTES = 128
_PIXEL_DATA = (0x7FE0, 0x0010)
_ITEM = (0xFFFE, 0xE000)
_ITEM_END = (0xFFFE, 0xE00D)
_SEQUENCE_END = (0xFFFE, 0xE0DD)
_UNDEFINED = 0xFFFFFFFF
_LONG_FORM = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)  # PS3.5 Table 7.1-1
_MAXIMUM_DEPTH = 24


@dataclass(frozen=True, slots=True)
class PixelExtent:
    """Where Pixel Data (7FE0,0010) lies: its value's offset and length in bytes (to the end, if encapsulated)."""

    offset: int
    length: int
    encapsulated: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """The shape of a file. Offsets count from the start of the file, or of the inflated data set if ``inflated``."""

    transfer_syntax_uid: str
    has_meta: bool
    little_endian: bool
    pixel_data: PixelExtent | None
    inflated: bytes | None


@dataclass(frozen=True, slots=True)
class _Encoding:
    explicit: bool
    order: str


@dataclass(frozen=True, slots=True)
class _Element:
    tag: tuple[int, int]
    representation: bytes
    length: int


def read_layout(stream: BinaryIO) -> Layout:
    """Walk a Part 10 file, with or without its preamble, or a bare data set, to its end.

    Raises
    ------
    Refused
        NOT_DICOM if the bytes aren't DICOM elements, TRUNCATED if they end inside one.
    """
    size = os.fstat(stream.fileno()).st_size
    stream.seek(0)
    head = stream.read(_PREAMBLE_BYTES + 4)
    start = _PREAMBLE_BYTES + 4 if head[_PREAMBLE_BYTES:] == b"DICM" else 0
    if start == 0 and head[:4] not in (b"\x02\x00\x00\x00", b"\x02\x00\x01\x00") and not _is_bare_dataset(head):
        raise Refused(Reason.NOT_DICOM, f"{size} bytes with neither the prefix DICM nor a data set.")
    dataset_start, transfer_syntax = _walk_meta(stream, start, size)
    if transfer_syntax == DeflatedExplicitVRLittleEndian:
        inflated = _inflate(stream, dataset_start)
        encoding = _Encoding(explicit=True, order="<")
        pixel_data = _walk_dataset(io.BytesIO(inflated), 0, len(inflated), encoding)
        return Layout(transfer_syntax, True, True, pixel_data, inflated)
    encoding = _encoding(stream, dataset_start, transfer_syntax)
    has_meta = dataset_start > start
    if not has_meta:
        transfer_syntax = str(ExplicitVRLittleEndian if encoding.explicit else ImplicitVRLittleEndian)
    pixel_data = _walk_dataset(stream, dataset_start, size, encoding)
    return Layout(transfer_syntax, has_meta, encoding.order == "<", pixel_data, None)


def _is_bare_dataset(head: bytes) -> bool:
    """Whether the bytes begin with a known element of group 0008, as a data set that can be used does."""
    if len(head) < 8 or head[:2] != b"\x08\x00":
        return False
    (element,) = struct.unpack_from("<H", head, 2)
    try:
        representation = str(dictionary_VR((0x0008, element))).encode()
    except KeyError:
        return int(element) == 0
    (length,) = struct.unpack_from("<I", head, 4)
    return head[4:6] == representation or int(length) < 2**16


def _walk_meta(stream: BinaryIO, start: int, size: int) -> tuple[int, str]:
    """Where the File Meta Information ends, and the Transfer Syntax UID in it ("" if none)."""
    position, transfer_syntax = start, ""
    encoding = _Encoding(explicit=True, order="<")
    while position < size:
        stream.seek(position)
        if stream.read(2) != b"\x02\x00":
            break
        stream.seek(position)
        element, header = _read_element(stream, position, size, encoding)
        position += header
        if element.length > size - position:
            raise _truncated(element, position, size)
        if element.tag == (0x0002, 0x0010):
            transfer_syntax = stream.read(element.length).decode("latin-1").strip(" \0")
        position += element.length
    if position >= size:
        raise Refused(Reason.TRUNCATED, f"The file ends at byte {size} with its File Meta Information.")
    return position, transfer_syntax


def _encoding(stream: BinaryIO, start: int, transfer_syntax: str) -> _Encoding:
    if transfer_syntax == ExplicitVRBigEndian:
        return _Encoding(explicit=True, order=">")
    stream.seek(start + 4)
    explicit = all(0x41 <= byte <= 0x5A for byte in stream.read(2))  # as pydicom tells them apart
    return _Encoding(explicit=explicit, order="<")


def _inflate(stream: BinaryIO, start: int) -> bytes:
    """The data set behind a deflated one (PS3.5 Section A.5), bounded because a few bytes can inflate to many."""
    stream.seek(start)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(stream.read(), MAXIMUM_INFLATED_BYTES)
    except zlib.error as error:
        raise Refused(Reason.NOT_DICOM, f"The deflated data set can't be inflated: {error}.") from error
    if inflater.unconsumed_tail:
        raise Refused(Reason.NOT_DICOM, f"The data set inflates to more than {MAXIMUM_INFLATED_BYTES} bytes.")
    if not inflater.eof:
        raise Refused(Reason.TRUNCATED, "The deflated data set ends before its end marker.")
    return inflated


def _walk_dataset(stream: BinaryIO, position: int, size: int, encoding: _Encoding) -> PixelExtent | None:
    pixel_data = None
    while position < size:
        stream.seek(position)
        if size - position < 8 or stream.read(4) == b"\0\0\0\0":
            stream.seek(position)
            if stream.read().strip(b"\0"):
                raise Refused(
                    Reason.TRUNCATED, f"The last element header, at byte {position} of {size}, is incomplete."
                )
            break
        stream.seek(position)
        element, header = _read_element(stream, position, size, encoding)
        value = position + header
        position = _after_value(stream, element, value, size, encoding, depth=0)
        if element.tag == _PIXEL_DATA:
            encapsulated = element.length == _UNDEFINED
            pixel_data = PixelExtent(value, position - value, encapsulated)
    return pixel_data


def _after_value(stream: BinaryIO, element: _Element, value: int, size: int, encoding: _Encoding, depth: int) -> int:
    """The position behind an element's value."""
    if element.length != _UNDEFINED:
        if element.length > size - value:
            raise _truncated(element, value, size)
        return value + element.length
    if depth > _MAXIMUM_DEPTH:
        raise Refused(Reason.NOT_DICOM, f"Sequences are nested more than {_MAXIMUM_DEPTH} deep.")
    if element.representation == b"UN":
        encoding = _Encoding(explicit=False, order="<")  # PS3.5 Section 6.2.2 note 2
    return _after_items(stream, value, size, encoding, depth)


def _after_items(stream: BinaryIO, position: int, size: int, encoding: _Encoding, depth: int) -> int:
    while True:
        tag, length = _read_item(stream, position, size, encoding.order)
        position += 8
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM:
            raise Refused(
                Reason.NOT_DICOM, f"({tag[0]:04X},{tag[1]:04X}) at byte {position - 8} where an item was due."
            )
        if length == _UNDEFINED:
            position = _after_open_item(stream, position, size, encoding, depth)
        elif length > size - position:
            raise Refused(
                Reason.TRUNCATED, f"An item of {length} bytes at byte {position}, but the data end at {size}."
            )
        else:
            position += length


def _after_open_item(stream: BinaryIO, position: int, size: int, encoding: _Encoding, depth: int) -> int:
    while True:
        tag, _ = _read_item(stream, position, size, encoding.order)
        if tag == _ITEM_END:
            return position + 8
        stream.seek(position)
        element, header = _read_element(stream, position, size, encoding)
        position = _after_value(stream, element, position + header, size, encoding, depth + 1)


def _read_item(stream: BinaryIO, position: int, size: int, order: str) -> tuple[tuple[int, int], int]:
    stream.seek(position)
    head = stream.read(8)
    if len(head) < 8:
        raise Refused(
            Reason.TRUNCATED, f"A sequence or encapsulated pixel data is not closed before the end at byte {size}."
        )
    group, element, length = struct.unpack(f"{order}HHI", head)
    return (group, element), length


def _read_element(stream: BinaryIO, position: int, size: int, encoding: _Encoding) -> tuple[_Element, int]:
    """The element header at ``position``, where the stream stands, and its own length in bytes (PS3.5 Section 7.1)."""
    head = stream.read(8)
    if len(head) < 8:
        raise Refused(Reason.TRUNCATED, f"The last element header, at byte {position} of {size}, is incomplete.")
    if not encoding.explicit:
        group, element, length = struct.unpack(f"{encoding.order}HHI", head)
        return _Element((group, element), b"", length), 8
    group, element, representation, length = struct.unpack(f"{encoding.order}HH2sH", head)
    if representation not in _LONG_FORM:
        return _Element((group, element), representation, length), 8
    tail = stream.read(4)
    if len(tail) < 4:
        raise Refused(Reason.TRUNCATED, f"The last element header, at byte {position} of {size}, is incomplete.")
    (length,) = struct.unpack(f"{encoding.order}I", tail)
    return _Element((group, element), representation, length), 12


def _truncated(element: _Element, value: int, size: int) -> Refused:
    group, number = element.tag
    return Refused(
        Reason.TRUNCATED,
        f"({group:04X},{number:04X}) should hold {element.length} bytes; {max(size - value, 0)} are there.",
    )
