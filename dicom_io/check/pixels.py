"""Pixel description, and the length of plain Pixel Data; the pixels themselves are not looked at (PS3.3 C.7.6.3)."""

from collections.abc import Iterator, Mapping

from pydicom.uid import UID

from dicom_io.check.element import Bytes
from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node

_SAMPLES: Mapping[str, int] = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTE COLOR": 1,
    "RGB": 3,
    "YBR_FULL": 3,
    "YBR_FULL_422": 3,
    "YBR_PARTIAL_420": 3,
    "YBR_ICT": 3,
    "YBR_RCT": 3,
    "XYB": 3,
}
_SIZES = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated")


def faults(root: Node, transfer_syntax_uid: str) -> Iterator[Fault]:
    """Faults of an image; none of what has no Pixel Data and no description of it."""
    if "PixelData" not in root and "Rows" not in root:
        return
    yield from _description(root)
    if "PixelData" in root:
        yield from _length(root, transfer_syntax_uid)
    elif "PixelDataProviderURL" not in root:
        yield root.fault("PixelData", "Missing: an image without pixels.", Rule.PIXELS)


def _description(root: Node) -> Iterator[Fault]:
    allocated, stored, high = (root.integer(key) for key in ("BitsAllocated", "BitsStored", "HighBit"))
    if allocated is not None and allocated != 1 and (allocated % 8 or allocated == 0):
        yield root.fault("BitsAllocated", f"{allocated}; expected 1 or a multiple of 8.", Rule.PIXELS)
    if allocated is not None and stored is not None and not 0 < stored <= allocated:
        yield root.fault("BitsStored", f"{stored} of {allocated} bits allocated.", Rule.PIXELS)
    if stored is not None and high is not None and high != stored - 1:
        yield root.fault("HighBit", f"{high}; expected {stored - 1}, one less than Bits Stored.", Rule.PIXELS)
    interpretation = root.text("PhotometricInterpretation")
    samples, expected = root.integer("SamplesPerPixel"), _SAMPLES.get(interpretation)
    if samples is not None and expected is not None and samples != expected:
        yield root.fault("SamplesPerPixel", f"{samples}; {interpretation} has {expected}.", Rule.PIXELS)
    for keyword in ("Rows", "Columns", "NumberOfFrames"):
        if keyword in root and (root.integer(keyword) or 0) < 1:
            yield root.fault(keyword, f"{root.text(keyword)!r}; expected at least 1.", Rule.PIXELS)


def _length(root: Node, transfer_syntax_uid: str) -> Iterator[Fault]:
    value = next(iter(root.values("PixelData")), Bytes(0, b""))
    sizes = [root.integer(keyword) for keyword in _SIZES]
    if not isinstance(value, Bytes) or None in sizes or _is_compressed(transfer_syntax_uid):
        return
    bits = root.integer("NumberOfFrames") or 1
    for size in sizes:
        bits *= size or 0
    expected = -(-bits // 8)
    if root.text("PhotometricInterpretation") == "YBR_FULL_422":
        expected = -(-expected * 2 // 3)
    if value.length not in (expected, expected + expected % 2):
        frames = root.integer("NumberOfFrames") or 1
        rows, columns, samples, allocated = sizes
        what = (
            f"{value.length} bytes; {frames} × {rows} × {columns} × {samples} samples of {allocated} bits "
            f"take {expected + expected % 2}."
        )
        yield root.fault("PixelData", what, Rule.PIXELS, "PS3.5 8.1.1")


def _is_compressed(transfer_syntax_uid: str) -> bool:
    try:
        return bool(UID(transfer_syntax_uid).is_encapsulated)
    except ValueError:
        return False
