"""The answer to a C-STORE that succeeded, encoded."""

import struct

_C_STORE_RSP = 0x8001
_NO_DATA_SET = 0x0101
_SUCCESS = 0x0000


def encode_success(message_id: int, sop_class_uid: str, sop_instance_uid: str) -> bytes:
    """The command set of a C-STORE-RSP with status 0x0000 (PS3.7 Section 9.3.1.2), Implicit VR Little Endian.

    pynetdicom's own encoding takes 0.26 ms, most of what answering an instance costs.
    """
    elements = b"".join(
        (
            _text(0x0002, sop_class_uid),
            _number(0x0100, _C_STORE_RSP),
            _number(0x0120, message_id),
            _number(0x0800, _NO_DATA_SET),
            _number(0x0900, _SUCCESS),
            _text(0x1000, sop_instance_uid),
        )
    )
    return struct.pack("<HHII", 0x0000, 0x0000, 4, len(elements)) + elements


def _number(element: int, value: int) -> bytes:
    return struct.pack("<HHIH", 0x0000, element, 2, value)


def _text(element: int, uid: str) -> bytes:
    value = uid.encode("ascii")
    value += b"\x00" * (len(value) % 2)
    return struct.pack("<HHI", 0x0000, element, len(value)) + value
