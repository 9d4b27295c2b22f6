"""The digest of an instance: of its data set, not of the File Meta Information that every hop rewrites."""

import hashlib
import struct
from pathlib import Path

_PREAMBLE_BYTES = 132
_GROUP_LENGTH_ELEMENT_BYTES = 12


def dataset_digest(path: Path) -> str:
    """SHA-256 (hex) of the encoded data set in a Part 10 file, from behind its File Meta group (PS3.10 Section 7.1).

    A file without a File Meta group is digested whole. Raises ``OSError`` if it can't be read.
    """
    with path.open("rb") as stream:
        head = stream.read(_PREAMBLE_BYTES + _GROUP_LENGTH_ELEMENT_BYTES)
        stream.seek(_dataset_offset(head))
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _dataset_offset(head: bytes) -> int:
    element = head[_PREAMBLE_BYTES:]
    if head[128:132] != b"DICM" or element[:8] != b"\x02\x00\x00\x00UL\x04\x00":
        return 0
    (group_length,) = struct.unpack("<I", element[8:12])
    return _PREAMBLE_BYTES + _GROUP_LENGTH_ELEMENT_BYTES + int(group_length)
