import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from config.reasons import Reason, Refused
from dicom_io.reading import bulk
from dicom_io.reading.bulk import LONGEST_VALUE_BYTES
from dicom_io.reading.files import read_header

BULK_BYTES = 4_000_000
SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian]


def item(element: DataElement) -> Dataset:
    dataset = Dataset()
    dataset.add(element)
    return dataset


def sequence(tag: int, *items: Dataset, open_length: bool) -> DataElement:
    element = DataElement(tag, "SQ", Sequence(items))
    element.is_undefined_length = open_length
    return element


NOISE = bytes(BULK_BYTES)
LONG = DataElement(0x00420011, "OB", NOISE)
BULK = {
    "private": DataElement(0x00291010, "OB", NOISE),
    "private-unknown": DataElement(0x00291010, "UN", NOISE),
    "public": LONG,
    "public-text": DataElement(0x0040A160, "UT", "x" * BULK_BYTES),
    "public-unknown": DataElement(0x0008FFF0, "UN", NOISE),
    "overlay": DataElement(0x60003000, "OW", NOISE),
    "in-a-sequence": sequence(0x00082112, item(LONG), open_length=False),
    "in-an-open-sequence": sequence(0x00082112, item(LONG), open_length=True),
    "two-deep": sequence(0x00082112, item(sequence(0x0040A170, item(LONG), open_length=True)), open_length=False),
    "in-a-private-sequence": sequence(0x00291010, item(LONG), open_length=False),
    "in-an-open-private-sequence": sequence(0x00291010, item(LONG), open_length=True),
    "many-in-a-private-sequence": sequence(
        0x00291010, *(item(DataElement(0x00420011, "OB", NOISE[:60000])) for _ in range(64)), open_length=True
    ),
}

WriteWith = Callable[..., Path]


@pytest.fixture
def write_with(tmp_path: Path, write_ct_series: Callable[[Path], list[Path]]) -> WriteWith:
    """An image with further elements, in a transfer syntax."""
    path = write_ct_series(tmp_path)[0]

    def write(*elements: DataElement, syntax: str = ExplicitVRLittleEndian) -> Path:
        dataset = pydicom.dcmread(path)
        for element in elements:
            dataset.add(element)
        dataset.file_meta.TransferSyntaxUID = syntax
        encoding = {"implicit_vr": syntax == ImplicitVRLittleEndian, "little_endian": syntax != ExplicitVRBigEndian}
        dcmwrite(path, dataset, **encoding, force_encoding=True)
        return path

    return write


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.keyword)
@pytest.mark.parametrize("element", BULK.values(), ids=BULK)
def test_bulk_beside_the_pixels_does_not_stay_in_memory(
    write_with: WriteWith, element: DataElement, syntax: str
) -> None:
    path = write_with(element, syntax=syntax)
    read_header(path)  # what is loaded once
    tracemalloc.start()
    try:
        header = read_header(path)
        gc.collect()
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < BULK_BYTES / 10
    assert header.PatientID == "P"


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.keyword)
@pytest.mark.parametrize("open_length", [False, True])
def test_a_long_sequence_of_short_values_is_kept(write_with: WriteWith, syntax: str, open_length: bool) -> None:
    count = LONGEST_VALUE_BYTES // 20
    items = (item(DataElement(0x00081155, "UI", f"1.2.3.{number}")) for number in range(count))
    header = read_header(write_with(sequence(0x00082112, *items, open_length=open_length), syntax=syntax))
    assert [one.ReferencedSOPInstanceUID for one in header.SourceImageSequence][-1] == f"1.2.3.{count - 1}"
    assert len(header.SourceImageSequence) == count


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.keyword)
@pytest.mark.parametrize("open_length", [False, True])
def test_all_else_is_kept_as_it_was(write_with: WriteWith, syntax: str, open_length: bool) -> None:
    within = item(DataElement(0x00080100, "SH", "T-1"))
    within.SpecificCharacterSet = "ISO_IR 192"
    path = write_with(
        DataElement(0x00080005, "CS", ["", "ISO 2022 IR 87"]),
        DataElement(0x00100010, "PN", "Yamada^Tarou=山田^太郎"),
        sequence(0x00082112, within, open_length=open_length),
        syntax=syntax,
    )
    expected = pydicom.dcmread(path, stop_before_pixels=True)
    assert read_header(path) == expected
    assert expected.SpecificCharacterSet == ["", "ISO 2022 IR 87"]


def test_a_short_private_value_is_kept(write_with: WriteWith) -> None:
    creator = DataElement(0x00290010, "LO", "NOISE")
    header = read_header(write_with(creator, DataElement(0x00291010, "LO", "short")))
    assert header.get_private_item(0x0029, 0x10, "NOISE").value == "short"


def test_what_can_not_be_left_out_has_a_limit(write_with: WriteWith, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MOST_BYTES", 10 * LONGEST_VALUE_BYTES)
    values = [DataElement(0x00291010 + number, "OB", NOISE[:LONGEST_VALUE_BYTES]) for number in range(11)]
    with pytest.raises(Refused) as caught:
        read_header(write_with(*values))
    assert caught.value.reason is Reason.NOT_DICOM
