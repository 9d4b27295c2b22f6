"""A codestream that claims another size than its image is refused before a decoder fills memory with it."""

import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless

from config.reasons import Reason, Refused
from dicom_io.reading.codestream import CodestreamSize, codestream_size
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import group_series
from dicom_io.reading.volume import read_ct

WriteSeries = Callable[..., list[Path]]

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
COMMENT = b"\xff\xfe\x00\x06\xff\xc0ab"
HUFFMAN_TABLE = b"\xff\xc4\x00\x04\x00\x00"


def frame_header(marker: int, rows: int, columns: int, samples: int = 1) -> bytes:
    return struct.pack(">BBHBHHB", 0xFF, marker, 8 + 3 * samples, 12, rows, columns, samples) + bytes(3 * samples)


@pytest.mark.parametrize("marker", [0xC0, 0xC1, 0xC3, 0xF7])
def test_every_kind_of_jpeg_names_its_size(marker: int) -> None:
    frame = SOI + COMMENT + HUFFMAN_TABLE + frame_header(marker, 400, 300) + EOI
    assert codestream_size(frame) == CodestreamSize(rows=400, columns=300, samples=1)


def test_jpeg_2000_names_what_its_reference_grid_leaves_of_the_image() -> None:
    siz = struct.pack(">HHHIIIIIIIIH", 0xFF51, 41, 0, 330, 420, 30, 20, 64, 64, 0, 0, 3)
    assert codestream_size(b"\xff\x4f" + siz) == CodestreamSize(rows=400, columns=300, samples=3)


@pytest.mark.parametrize(
    "frame",
    [b"", SOI, b"\xff\x4f\xff\x51\x00", SOI + b"\xff\xda\x00\x02" + frame_header(0xC0, 4, 4), b"GIF89a", SOI + COMMENT],
)
def test_what_names_no_size_has_none(frame: bytes) -> None:
    assert codestream_size(frame) is None


@pytest.mark.parametrize(
    ("syntax", "place", "form"), [(JPEG2000Lossless, 8, ">II"), (JPEGLSLossless, 7, ">HH")], ids=["J2K", "JPEG-LS"]
)
def test_a_small_file_that_claims_gigabytes_is_refused_at_once(
    tmp_path: Path, write_ct_series: WriteSeries, syntax: UID, place: int, form: str
) -> None:
    for path in write_ct_series(tmp_path, shape=(5, 64, 64), spacing_mm=(3.0, 6.0, 6.0)):
        image = dcmread(path)
        image.PixelRepresentation = 0
        image.compress(syntax, generate_instance_uid=False)
        frame = bytearray(next(generate_frames(image.PixelData, number_of_frames=1)))
        struct.pack_into(form, frame, place, 60_000, 60_000)
        image.PixelData = encapsulate([bytes(frame)])
        image.save_as(path)
    (series,) = group_series(find_instances(tmp_path).headers)
    began = time.monotonic()
    with pytest.raises(Refused) as caught:
        read_ct(series)
    assert caught.value.reason is Reason.PIXEL_DATA_UNREADABLE
    assert "rows=60000, columns=60000" in caught.value.detail
    assert time.monotonic() - began < 8.0  # it decoded for longer than that before it was looked at
