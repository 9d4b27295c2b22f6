"""What a compressed frame says of its own size: a few hundred bytes may claim gigabytes, and decoders believe them."""

import struct
from dataclasses import dataclass

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_NO_FRAME_HEADER = frozenset({0xC4, 0xC8, 0xCC})
_JPEG_LS_FRAME_HEADER = 0xF7
_START_OF_SCAN = 0xDA
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class CodestreamSize:
    rows: int
    columns: int
    samples: int


def codestream_size(frame: bytes) -> CodestreamSize | None:
    """The size that the header of a JPEG, JPEG-LS, JPEG 2000 or HTJ2K codestream names; None if there is none.

    A codestream begins with the first byte (PS3.5 Section A.4): the JP2 format around one is no DICOM.
    """
    try:
        if frame.startswith(_JPEG_2000):
            return _jpeg_2000(frame)
        return _jpeg(frame) if frame.startswith(_JPEG) else None
    except (struct.error, IndexError):
        return None


def _jpeg_2000(frame: bytes) -> CodestreamSize:
    """From the SIZ segment (ISO/IEC 15444-1 Section A.5.1)."""
    right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
    (components,) = struct.unpack_from(">H", frame, 40)
    return CodestreamSize(bottom - top, right - left, components)


def _jpeg(frame: bytes) -> CodestreamSize | None:
    """From the first frame header before a scan (ISO/IEC 10918-1 Section B.2.2, 14495-1 Section C.2.2)."""
    position = 2
    while True:
        if frame[position] != 0xFF:
            return None
        marker = frame[position + 1]
        if marker == 0xFF:
            position += 1
        elif marker in _WITHOUT_LENGTH:
            position += 2
        elif marker == _START_OF_SCAN:
            return None
        elif (0xC0 <= marker <= 0xCF and marker not in _NO_FRAME_HEADER) or marker == _JPEG_LS_FRAME_HEADER:
            return CodestreamSize(*struct.unpack_from(">HHB", frame, position + 5))
        else:
            position += 2 + struct.unpack_from(">H", frame, position + 2)[0]
