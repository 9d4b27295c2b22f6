"""Changes to encoded instances that go deeper than flipped bits: elements keep a length that fits what is in them."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

_DATASET = 132
_LONG_FORM = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
_SHORT_FORM = (b"DS", b"IS", b"US", b"FD", b"UI", b"LO", b"CS", b"TM", b"DA", b"DT", b"AT", b"SL")
_OFTEN_MISREAD = (
    *(b"", b"0", b"-1", b"1e308", b"1e-320", b"nan", b"inf", b"1\\2", b"\\", b"99991231235959+1400", b"-0", b"1e400"),
    *(
        b"\xff\xff",
        b"\0\0",
        b"\0\0\0\x80",
        b"\xff" * 8,
        b"9" * 70,
        b"\x1b$B\x8f",
        b"240000",
        b"00000000",
        b"2147483648",
    ),
)


@dataclass(frozen=True)
class _Element:
    tag: bytes
    representation: bytes
    value: bytes

    def encoded(self) -> bytes:
        head = self.tag + self.representation
        if self.representation in _LONG_FORM:
            return head + b"\0\0" + struct.pack("<I", len(self.value)) + self.value
        return head + struct.pack("<H", len(self.value) % 2**16) + self.value[: 2**16 - 1]


def mutated(content: bytes, random: Random, change: Callable[[bytes], bytes] | None = None) -> bytes:
    """A Part 10 file in Explicit VR Little Endian with one to four elements, of whatever depth, changed.

    A value is changed by ``change``, by default a few bytes of it; other bytes than such a file's are changed as one
    value.
    """
    change = change or (lambda value: _scrambled(value, random))
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        content = content[:_DATASET] + _mutated_elements(content[_DATASET:], random, change)
    return content


def _mutated_elements(dataset: bytes, random: Random, change: Callable[[bytes], bytes]) -> bytes:
    elements = _elements(dataset)
    if not elements:
        return change(dataset)
    place = random.randrange(len(elements))
    elements[place : place + 1] = _mutations(elements[place], random, change)
    return b"".join(element.encoded() for element in elements)


def _mutations(element: _Element, random: Random, change: Callable[[bytes], bytes]) -> list[_Element]:
    kind = random.randrange(8)
    if kind == 0:
        return []
    if kind == 1:
        return [element, element]
    if kind == 2:
        return [replace(element, representation=random.choice(_LONG_FORM + _SHORT_FORM))]
    if kind == 3:
        return [replace(element, value=random.choice(_OFTEN_MISREAD))]
    if element.representation == b"SQ" and element.value[:4] == b"\xfe\xff\x00\xe0":
        return [replace(element, value=_mutated_items(element.value, random, change))]
    return [replace(element, value=change(element.value))]


def _mutated_items(value: bytes, random: Random, change: Callable[[bytes], bytes]) -> bytes:
    items, position = [], 0
    while position + 8 <= len(value):
        (length,) = struct.unpack_from("<I", value, position + 4)
        items.append(value[position + 8 : position + 8 + length])
        position += 8 + length
    place = random.randrange(len(items))
    if random.randrange(8) == 0:
        items.insert(place, items[place])
    else:
        items[place] = _mutated_elements(items[place], random, change)
    return b"".join(b"\xfe\xff\x00\xe0" + struct.pack("<I", len(item)) + item for item in items)


def _elements(dataset: bytes) -> list[_Element]:
    """The elements of a data set as far as it can be walked, without what follows."""
    found, position = [], 0
    while position + 8 <= len(dataset):
        representation = dataset[position + 4 : position + 6]
        header = 12 if representation in _LONG_FORM else 8
        form, place = ("<I", position + 8) if header == 12 else ("<H", position + 6)
        if place + struct.calcsize(form) > len(dataset) or not representation.isupper():
            break
        (length,) = struct.unpack_from(form, dataset, place)
        value = dataset[position + header : position + header + length]
        found.append(_Element(dataset[position : position + 4], representation, value))
        position += header + length
    return found


def _scrambled(value: bytes, random: Random) -> bytes:
    changed = bytearray(value or b"\0")
    for _ in range(random.randrange(1, 5)):
        changed[random.randrange(len(changed))] = random.randrange(256)
    return bytes(changed[: random.choice((len(changed), len(changed), random.randrange(len(changed) + 1)))])
