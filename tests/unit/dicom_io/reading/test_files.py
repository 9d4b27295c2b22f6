import contextlib
import struct
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import encapsulate
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from config.reasons import Reason, Refused
from dicom_io.header_values import items
from dicom_io.reading.files import find_instances, read_header


def refusal(path: Path) -> Reason:
    with pytest.raises(Refused) as caught:
        read_header(path)
    return caught.value.reason


def change(path: Path, **attributes: object) -> Path:
    dataset = pydicom.dcmread(path)
    for keyword, value in attributes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)
    return path


@pytest.fixture
def ct_file(tmp_path, write_ct_series) -> Path:
    return write_ct_series(tmp_path)[0]


def test_a_header_has_no_pixels_and_knows_its_file(ct_file):
    header = read_header(ct_file)
    assert "PixelData" not in header
    assert header.filename == str(ct_file)
    assert header.PatientID == "P"


@pytest.mark.parametrize("content", [b"", b"\0" * 4000, b"GIF89a" + b"\x01" * 500, b"%PDF-1.7\n" * 100, b"DICM"])
def test_what_is_not_dicom_is_refused(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert refusal(path) is Reason.NOT_DICOM


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(cut=st.floats(0.0, 0.999))
def test_a_file_cut_anywhere_is_refused(ct_file, cut):
    whole = ct_file.read_bytes()
    path = ct_file.with_suffix(".cut")
    path.write_bytes(whole[: int(cut * len(whole))])
    # Cut exactly between two elements, what is missing can't be told from what was never there.
    assert refusal(path) in {
        Reason.NOT_DICOM,
        Reason.TRUNCATED,
        Reason.NO_PIXEL_DATA,
        Reason.MISSING_IDENTIFIERS,
    }


def test_missing_pixels_are_noticed_without_reading_them(ct_file):
    whole = ct_file.read_bytes()
    ct_file.write_bytes(whole[:-1])
    assert refusal(ct_file) is Reason.TRUNCATED


def test_pixel_data_shorter_than_the_matrix_is_truncated(ct_file):
    assert refusal(change(ct_file, Rows=7)) is Reason.TRUNCATED


def test_an_absurd_matrix_is_truncated_not_an_error(ct_file):
    assert refusal(change(ct_file, Rows=65535, Columns=65535, NumberOfFrames=2**31 - 1)) is Reason.TRUNCATED


def test_an_image_without_pixels_is_refused(ct_file):
    assert refusal(change(ct_file, PixelData=None)) is Reason.NO_PIXEL_DATA


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("StudyInstanceUID", None),
        ("StudyInstanceUID", ""),
        *(
            (keyword, value)
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
            for value in ("1.2.x", "1..2", "9" * 65, "../../etc/passwd")
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:.*Invalid value for VR UI.*", "ignore:.*exceeds the maximum length.*")
def test_without_identifiers_an_instance_is_refused(ct_file, keyword, value):
    assert refusal(change(ct_file, **{keyword: value})) is Reason.MISSING_IDENTIFIERS
    (passed,) = find_instances(ct_file).passed_over
    assert passed.remark.reason is Reason.MISSING_IDENTIFIERS


def test_an_absent_series_uid_is_derived_from_what_a_series_shares(tmp_path, write_ct_series, write_pet_series):
    ct = [read_header(change(path, SeriesInstanceUID=None)) for path in write_ct_series(tmp_path)]
    pet = [read_header(change(path, SeriesInstanceUID=None)) for path in write_pet_series(tmp_path)]
    ct_uids, pet_uids = ({header.SeriesInstanceUID for header in headers} for headers in (ct, pet))
    assert len(ct_uids) == len(pet_uids) == len(ct_uids ^ pet_uids) - 1 == 1


def test_the_file_meta_information_may_supply_the_sop_instance_uid(ct_file):
    expected = pydicom.dcmread(ct_file).SOPInstanceUID
    assert read_header(change(ct_file, SOPInstanceUID=None)).SOPInstanceUID == expected


def test_a_sop_class_that_the_node_does_not_take_is_refused(ct_file):
    assert refusal(change(ct_file, SOPClassUID="1.2.840.10008.5.1.4.1.1.4")) is Reason.UNSUPPORTED_SOP_CLASS


def test_a_transfer_syntax_without_decoder_is_refused(ct_file):
    dataset = pydicom.dcmread(ct_file)
    dataset.PixelData = encapsulate([dataset.PixelData])
    dataset["PixelData"].is_undefined_length = True
    for syntax in (MPEG2MPML, "1.2.3.4.5"):
        dataset.file_meta.TransferSyntaxUID = syntax
        dcmwrite(ct_file, dataset, implicit_vr=False, little_endian=True)
        assert refusal(ct_file) is Reason.UNSUPPORTED_TRANSFER_SYNTAX


def test_encapsulated_pixels_in_an_uncompressed_syntax_are_refused(ct_file):
    dataset = pydicom.dcmread(ct_file)
    dataset.compress(RLELossless)
    dataset.save_as(ct_file)
    marked = ct_file.read_bytes().replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.1\0")
    ct_file.write_bytes(marked)
    assert refusal(ct_file) is Reason.UNSUPPORTED_TRANSFER_SYNTAX


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_every_uncompressed_encoding_is_read_and_noticed_when_cut(ct_file, syntax):
    dataset = pydicom.dcmread(ct_file)
    if syntax == ExplicitVRBigEndian:
        dataset.PixelData = dataset.pixel_array.byteswap().tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    path = ct_file.with_suffix(".other")
    rewritten = FileDataset(str(path), Dataset(dataset), file_meta=dataset.file_meta, preamble=b"\0" * 128)
    dcmwrite(path, rewritten, implicit_vr=syntax.is_implicit_VR, little_endian=syntax.is_little_endian)
    assert read_header(path).SeriesInstanceUID == "1.2.3.2"
    path.write_bytes(path.read_bytes()[:-8])
    assert refusal(path) is Reason.TRUNCATED


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_a_cut_compressed_image_is_truncated(tmp_path, write_ct_series, syntax):
    ct_file = write_ct_series(tmp_path, shape=(1, 64, 64))[0]
    dataset = pydicom.dcmread(ct_file)
    dataset.compress(syntax)
    dataset.save_as(ct_file)
    assert read_header(ct_file).file_meta.TransferSyntaxUID == syntax
    ct_file.write_bytes(ct_file.read_bytes()[:-8])
    assert refusal(ct_file) is Reason.TRUNCATED


@pytest.mark.parametrize("implicit", [True, False])
def test_a_bare_data_set_without_preamble_and_meta_is_read(ct_file, implicit):
    dataset = pydicom.dcmread(ct_file)
    bare = Dataset(dataset)
    with ct_file.open("wb") as stream:
        pydicom.filewriter.write_dataset(_stream(stream, implicit), bare)
    header = read_header(ct_file)
    assert header.SOPInstanceUID == "1.2.3.2.1"
    assert header.file_meta.TransferSyntaxUID.is_implicit_VR is implicit


def test_part_10_without_preamble_is_read(ct_file):
    ct_file.write_bytes(ct_file.read_bytes()[132:])
    assert read_header(ct_file).SOPInstanceUID == "1.2.3.2.1"


def test_trailing_zeros_are_let_pass(ct_file):
    ct_file.write_bytes(ct_file.read_bytes() + bytes(512))
    assert read_header(ct_file).PatientID == "P"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(data=st.data())
def test_corrupt_bytes_are_refused_or_read_but_never_another_error(ct_file, data):
    content = bytearray(ct_file.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(128, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = ct_file.with_suffix(".corrupt")
    path.write_bytes(content)
    with contextlib.suppress(Refused):
        assert read_header(path).StudyInstanceUID


def test_deeply_nested_sequences_are_refused(ct_file):
    nested = struct.pack("<HH2sHI", 0x0008, 0x1140, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
        "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
    )
    whole = ct_file.read_bytes()
    start = whole.index(b"\x08\x00\x16\x00UI")
    ct_file.write_bytes(whole[:start] + nested * 5000)
    assert refusal(ct_file) is Reason.NOT_DICOM


def test_sequences_nested_without_end_inside_another_read_as_absent(ct_file):
    open_item = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    nested = (struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, 0xFFFFFFFF) + open_item) * 5000
    item = struct.pack("<HHI", 0xFFFE, 0xE000, len(nested)) + nested
    whole = ct_file.read_bytes()
    after = whole.index(b"\x10\x00\x10\x00PN")
    sequence = struct.pack("<HH2sHI", 0x0008, 0x1115, b"SQ", 0, len(item)) + item
    ct_file.write_bytes(whole[:after] + sequence + whole[after:])
    header = read_header(ct_file)
    assert header.StudyInstanceUID
    assert items(header, "ReferencedSeriesSequence") == ()


def test_a_tree_of_anything_is_searched_and_the_rest_counted(tmp_path, write_ct_series, write_pet_series):
    ct = write_ct_series(tmp_path / "a" / "b")
    write_pet_series(tmp_path / "c")
    (tmp_path / "a" / "notes.txt").write_text("nothing")
    (tmp_path / "empty").touch()
    change(ct[0], SOPClassUID="1.2.840.10008.1.3.10").rename(tmp_path / "DICOMDIR")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    inventory = find_instances(tmp_path)
    assert len(inventory.headers) == 15
    assert Counter(passed.remark.reason for passed in inventory.passed_over) == {
        Reason.NOT_DICOM: 2,
        Reason.UNSUPPORTED_SOP_CLASS: 1,
    }


def test_a_single_file_is_found(ct_file):
    assert [header.filename for header in find_instances(ct_file).headers] == [str(ct_file)]


def test_a_path_that_does_not_exist_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        find_instances(tmp_path / "nowhere")


def test_a_second_copy_is_dropped_even_with_another_file_meta(ct_file):
    copy = pydicom.dcmread(ct_file)
    copy.file_meta.ImplementationVersionName = "OTHER"
    copy.save_as(ct_file.with_name("zz.dcm"))
    inventory = find_instances(ct_file.parent)
    assert len(inventory.headers) == 8
    assert [passed.remark.reason for passed in inventory.passed_over] == [Reason.DUPLICATES_DROPPED]


def test_a_copy_with_other_content_is_a_conflict_and_the_first_by_path_is_used(ct_file):
    copy = pydicom.dcmread(ct_file)
    copy.PatientID = "Q"
    copy.save_as(ct_file.with_name("zz.dcm"))
    inventory = find_instances(ct_file.parent)
    assert {header.PatientID for header in inventory.headers} == {"P"}
    assert [(p.path.name, p.remark.reason) for p in inventory.passed_over] == [("zz.dcm", Reason.UID_CONFLICT)]


def test_instances_without_series_uid_get_one_for_each_series(tmp_path, write_ct_series, write_pet_series):
    def drop(index, header):
        del header.SeriesInstanceUID

    write_ct_series(tmp_path, edit=drop)
    write_pet_series(tmp_path, edit=drop)
    headers = find_instances(tmp_path).headers
    uids = Counter((header.Modality, header.SeriesInstanceUID) for header in headers)
    assert sorted(uids.values()) == [8, 8]
    assert len({uid for _, uid in uids}) == 2
    assert uids == Counter((h.Modality, h.SeriesInstanceUID) for h in find_instances(tmp_path).headers)


def test_the_object_that_references_an_instance_names_its_series(tmp_path, write_pet_series):
    def drop(index, header):
        del header.SeriesInstanceUID

    paths = write_pet_series(tmp_path, edit=drop)
    mapping = pydicom.dcmread(paths[0])
    mapping.SOPClassUID = mapping.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.67"
    mapping.SOPInstanceUID, mapping.SeriesInstanceUID, mapping.Modality = "1.2.3.77.1", "1.2.3.77", "RWV"
    del mapping.PixelData
    instances = [Dataset() for _ in paths]
    for number, instance in enumerate(instances, start=1):
        instance.ReferencedSOPInstanceUID = f"1.2.3.3.{number}"
    series = Dataset()
    series.SeriesInstanceUID, series.ReferencedInstanceSequence = "1.2.3.55", instances
    mapping.ReferencedSeriesSequence = [series]
    mapping.save_as(tmp_path / "rwv.dcm")
    found = Counter(str(header.SeriesInstanceUID) for header in find_instances(tmp_path).headers)
    assert found == {"1.2.3.55": 8, "1.2.3.77": 1}


def _stream(stream, implicit):
    encoded = pydicom.filebase.DicomFileLike(stream)
    encoded.is_implicit_VR, encoded.is_little_endian = implicit, True
    return encoded
