import contextlib
import os
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless

from config.reasons import Reason, Refused
from config.volume import Unit
from dicom_io.reading import parallel
from dicom_io.reading.evidence import evidence
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import Series, choose_pair, group_series
from dicom_io.reading.volume import Acquisition, read_ct, read_pet


def series_below(folder: Path) -> Series:
    (series,) = group_series(find_instances(folder).headers)
    return series


def noise(shape, dtype=np.int16, low=0, high=3000) -> np.ndarray:
    return np.random.default_rng(7).integers(low, high, shape).astype(dtype)


def test_ct_is_rescaled_to_hounsfield_units(tmp_path, write_ct_series):
    stored = noise((8, 6, 5))
    write_ct_series(tmp_path, stored=stored)
    found = read_ct(series_below(tmp_path))
    assert found.volume.unit is Unit.HOUNSFIELD
    assert found.volume.values.dtype == np.float32
    np.testing.assert_array_equal(found.volume.values, stored.astype(np.float32) - 1024)


def test_every_pet_slice_has_its_own_slope(tmp_path, write_pet_series):
    stored = noise((8, 6, 5), high=32767)
    stored[0] = 0
    write_pet_series(tmp_path, stored=stored)
    found = read_pet(series_below(tmp_path))
    slopes = np.arange(8)[:, None, None] + 0.5
    np.testing.assert_array_equal(found.volume.values, (stored * slopes).astype(np.float32))
    assert found.volume.unit is Unit.BQML


def test_units_other_than_bqml_are_not_called_so(tmp_path, write_pet_series):
    write_pet_series(tmp_path, edit=lambda index, header: setattr(header, "Units", "CNTS"))
    assert read_pet(series_below(tmp_path)).volume.unit is Unit.RESCALED


def test_32_bit_values_are_rounded_once(tmp_path, write_pet_series):
    stored = noise((8, 6, 5), np.uint32, 2**31, 2**32 - 1)
    write_pet_series(tmp_path, stored=stored, edit=lambda i, header: setattr(header, "RescaleSlope", 1.1e-7))
    expected = (stored.astype(np.float64) * 1.1e-7).astype(np.float32)
    np.testing.assert_array_equal(read_pet(series_below(tmp_path)).volume.values, expected)


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(8)))
def test_any_order_of_instances_gives_the_same_volume(tmp_path_factory, write_pet_series, order):
    folder = tmp_path_factory.mktemp("pet")
    write_pet_series(folder)
    headers = find_instances(folder).headers
    (straight,) = group_series(headers)
    (shuffled,) = group_series([headers[index] for index in order])
    one, other = read_pet(straight), read_pet(shuffled)
    np.testing.assert_array_equal(one.volume.values, other.volume.values)
    np.testing.assert_array_equal(one.volume.affine, other.volume.affine)
    assert one.sources == other.sources


def test_sources_name_the_image_of_every_slice(tmp_path, write_ct_series):
    write_ct_series(tmp_path)
    found = read_ct(series_below(tmp_path))
    assert [source.sop_instance_uid for source in found.sources] == [f"1.2.3.2.{n}" for n in range(1, 9)]
    assert {source.frame for source in found.sources} == {None}
    assert [header.SOPInstanceUID for header in found.headers] == [f"1.2.3.2.{n}" for n in range(1, 9)]


def test_a_multi_frame_pet_is_read_by_frame_with_its_own_slopes(tmp_path, write_enhanced_pet):
    stored = noise((8, 6, 5))
    write_enhanced_pet(tmp_path, stored=stored)
    found = read_pet(series_below(tmp_path))
    slopes = np.arange(8)[:, None, None] + 0.5
    np.testing.assert_array_equal(found.volume.values, (stored * slopes).astype(np.float32))
    assert [source.frame for source in found.sources] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert len(found.headers) == 1


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
def test_compressed_slices_give_the_same_volume(tmp_path, write_ct_series, syntax, dtype):
    stored = noise((6, 64, 64), dtype, -1000 if dtype is np.int16 else 0)
    if syntax == JPEGLSLossless and dtype is np.int16:
        pytest.skip("no JPEG-LS encoder here takes signed values")
    paths = write_ct_series(tmp_path, stored=stored, shape=stored.shape, spacing_mm=(3.0, 5.0, 5.0))
    for path in paths:
        _compress(path, syntax)
    values = read_ct(series_below(tmp_path)).volume.values
    np.testing.assert_array_equal(values, np.maximum(stored.astype(np.float32) - 1024, -1024))


def test_a_compressed_multi_frame_image_is_read(tmp_path, write_enhanced_pet):
    stored = noise((8, 64, 64))
    path = write_enhanced_pet(tmp_path, stored=stored, shape=stored.shape)
    _compress(path, JPEG2000Lossless)
    values = read_pet(series_below(tmp_path)).volume.values
    np.testing.assert_array_equal(values, (stored * (np.arange(8)[:, None, None] + 0.5)).astype(np.float32))


def test_decoding_in_processes_gives_the_same_volume(tmp_path, write_ct_series, monkeypatch):
    stored = noise((6, 64, 64))
    for path in write_ct_series(tmp_path, stored=stored, shape=stored.shape, spacing_mm=(3.0, 5.0, 5.0)):
        _compress(path, JPEG2000Lossless)
    in_threads = read_ct(series_below(tmp_path))
    monkeypatch.setattr(parallel, "WORTH_PROCESSES_PIXELS", 0)
    in_processes = read_ct(series_below(tmp_path))
    np.testing.assert_array_equal(in_processes.volume.values, in_threads.volume.values)
    np.testing.assert_array_equal(in_processes.volume.values, stored.astype(np.float32) - 1024)


def test_a_refusal_comes_back_from_a_decoding_process(tmp_path, write_pet_series, monkeypatch):
    stored = noise((6, 64, 64))
    paths = write_pet_series(tmp_path, stored=stored, shape=stored.shape, spacing_mm=(3.0, 5.0, 5.0))
    for path in paths:
        _compress(path, JPEG2000Lossless)
    _garble(paths[2])
    monkeypatch.setattr(parallel, "WORTH_PROCESSES_PIXELS", 0)
    assert refusal(series_below(tmp_path)) is Reason.PIXEL_DATA_UNREADABLE


def test_bits_beside_the_stored_ones_are_not_part_of_the_value(tmp_path, write_ct_series):
    values = noise((8, 6, 5), np.int16, -2048, 2047)
    overlaid = ((values.astype(np.int32) & 0x0FFF) | 0xA000).astype(np.uint16).view(np.int16)

    def twelve_bits(index, header):
        header.BitsStored, header.HighBit, header.RescaleIntercept = 12, 11, 0

    write_ct_series(tmp_path, stored=overlaid, edit=twelve_bits)
    found = read_ct(series_below(tmp_path)).volume.values
    np.testing.assert_array_equal(found, np.maximum(values, -1024))


def test_slices_may_differ_in_how_their_values_are_stored(tmp_path, write_ct_series):
    stored = noise((8, 6, 5))

    def unsigned_if_odd(index, header):
        header.PixelRepresentation = 1 - index % 2
        header.BitsStored, header.HighBit = (16, 15) if index % 2 else (13, 12)

    write_ct_series(tmp_path, stored=stored, edit=unsigned_if_odd)
    np.testing.assert_array_equal(read_ct(series_below(tmp_path)).volume.values, stored.astype(np.float32) - 1024)


@pytest.mark.parametrize("padding", [-2000, 63536])
def test_ct_padding_becomes_air_however_its_sign_is_written(tmp_path, write_ct_series, padding):
    stored = noise((8, 6, 5))
    stored[:, 0] = -2000

    def pad(index, header):
        header.add_new("PixelPaddingValue", "SS" if padding < 0 else "US", padding)

    write_ct_series(tmp_path, stored=stored, edit=pad)
    values = read_ct(series_below(tmp_path)).volume.values
    np.testing.assert_array_equal(values[:, 0], -1024)
    np.testing.assert_array_equal(values[:, 1:], stored[:, 1:].astype(np.float32) - 1024)


def test_a_padding_range_becomes_air(tmp_path, write_ct_series):
    stored = noise((8, 6, 5), low=100)
    stored[:, 0] = [0, 5, 9, 10, 11]

    def pad(index, header):
        header.add_new("PixelPaddingValue", "SS", 0)
        header.add_new("PixelPaddingRangeLimit", "SS", 10)

    write_ct_series(tmp_path, stored=stored, edit=pad)
    values = read_ct(series_below(tmp_path)).volume.values
    np.testing.assert_array_equal(values[0, 0], [-1024, -1024, -1024, -1024, 11 - 1024])


def test_a_padding_value_that_tissue_has_is_tissue_with_a_remark(tmp_path, write_ct_series):
    def water(index, header):
        header.add_new("PixelPaddingValue", "SS", 0)
        header.RescaleIntercept = 0

    write_ct_series(tmp_path, stored=np.zeros((8, 6, 5), np.int16), edit=water)
    found = read_ct(series_below(tmp_path))
    assert not found.volume.values.any()
    assert [remark.reason for remark in found.remarks] == [Reason.PADDING_IGNORED]


def test_pet_padding_becomes_zero(tmp_path, write_pet_series):
    stored = noise((8, 6, 5), low=1)
    stored[:, :, 2] = -32768
    write_pet_series(tmp_path, stored=stored, edit=lambda i, h: h.add_new("PixelPaddingValue", "SS", -32768))
    values = read_pet(series_below(tmp_path)).volume.values
    assert not values[:, :, 2].any()
    assert (values[:, :, [0, 1, 3, 4]] > 0).all()


def set_raw(header, keyword, value: bytes) -> None:
    """As read from a file, undecoded."""
    tag = pydicom.tag.Tag(keyword)
    header[tag] = pydicom.dataelem.RawDataElement(tag, "DS", len(value), value, 0, False, True)


def refusal(series: Series) -> Reason:
    with pytest.raises(Refused) as caught:
        read_pet(series)
    return caught.value.reason


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("RescaleSlope", b"", Reason.PIXEL_DATA_UNREADABLE),
        ("RescaleIntercept", b"", Reason.PIXEL_DATA_UNREADABLE),
        ("RescaleSlope", b"0", Reason.IMPLAUSIBLE_VALUES),
        ("RescaleSlope", b"-1.5", Reason.IMPLAUSIBLE_VALUES),
        ("RescaleSlope", b"inf", Reason.IMPLAUSIBLE_VALUES),
        ("RescaleSlope", b"nan", Reason.IMPLAUSIBLE_VALUES),
        ("RescaleSlope", b"abc", Reason.IMPLAUSIBLE_VALUES),
    ],
)
def test_a_pet_slice_without_a_positive_slope_is_refused(tmp_path, write_pet_series, keyword, value, reason):
    write_pet_series(tmp_path)
    series = series_below(tmp_path)
    set_raw(series.headers[3], keyword, value)
    with pytest.raises(Refused, match=repr(value.decode()) if value else "missing") as caught:
        read_pet(series)
    assert caught.value.reason is reason


def test_a_ct_with_a_slope_of_zero_is_refused(tmp_path, write_ct_series):
    write_ct_series(tmp_path, edit=lambda index, header: setattr(header, "RescaleSlope", 0))
    with pytest.raises(Refused, match=r"Rescale Slope of instance 1 is '0\.0'") as caught:
        read_ct(series_below(tmp_path))
    assert caught.value.reason is Reason.PIXEL_DATA_UNREADABLE


@pytest.mark.parametrize(
    ("keyword", "value"), [("SamplesPerPixel", 3), ("BitsAllocated", 12), ("BitsStored", 40), ("HighBit", 3)]
)
def test_pixels_of_an_odd_form_are_refused(tmp_path, write_pet_series, keyword, value):
    write_pet_series(tmp_path)
    series = series_below(tmp_path)
    setattr(series.headers[0], keyword, value)
    assert refusal(series) is Reason.PIXEL_DATA_UNREADABLE


def test_a_file_cut_after_it_was_found_is_truncated(tmp_path, write_pet_series):
    paths = write_pet_series(tmp_path)
    series = series_below(tmp_path)
    os.truncate(paths[4], paths[4].stat().st_size - 2)
    assert refusal(series) is Reason.TRUNCATED


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_a_codestream_of_garbage_is_unreadable(tmp_path, write_pet_series, syntax):
    stored = noise((6, 64, 64))
    paths = write_pet_series(tmp_path, stored=stored, shape=stored.shape, spacing_mm=(3.0, 5.0, 5.0))
    _compress(paths[2], syntax)
    _garble(paths[2])
    assert refusal(series_below(tmp_path)) is Reason.PIXEL_DATA_UNREADABLE


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_corrupt_headers_are_refused_or_read_but_never_another_error(tmp_path_factory, study_files, data):
    folder = tmp_path_factory.mktemp("corrupt")
    for path in study_files:
        shutil.copy(path, folder)
    for path in data.draw(st.lists(st.sampled_from(sorted(folder.iterdir())), min_size=1, max_size=2, unique=True)):
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 6))):
            content[data.draw(st.integers(340, len(content) - 1))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
    with contextlib.suppress(Refused):
        pair = choose_pair(group_series(find_instances(folder).headers))
        assert evidence(pair).complete in (True, False)
        assert np.isfinite(read_pet(pair.pet).volume.affine).all()
        assert np.isfinite(read_ct(pair.ct).volume.affine).all()


@pytest.fixture(scope="module")
def study_files(tmp_path_factory, write_ct_series, write_pet_series):
    folder = tmp_path_factory.mktemp("study")
    small = {"shape": (6, 3, 3), "spacing_mm": (3.0, 90.0, 90.0)}
    return [*write_ct_series(folder, **small), *write_pet_series(folder, **small)]


@pytest.fixture(scope="module")
def real_pair():
    folder = os.environ.get("UPTAKE_TEST_STUDY")
    if not folder:
        pytest.skip("UPTAKE_TEST_STUDY names no study")
    return choose_pair(group_series(find_instances(Path(folder)).headers))


@pytest.mark.real
def test_a_real_ct_is_read_as_simpleitk_reads_it(real_pair):
    found = read_ct(real_pair.ct)
    values, affine = _read_with_simpleitk(found)
    np.testing.assert_allclose(found.volume.values, np.maximum(values, -1024), atol=1e-3)
    np.testing.assert_allclose(found.volume.affine, affine, atol=0.03)


@pytest.mark.real
def test_a_real_pet_is_read_as_simpleitk_reads_it(real_pair):
    found = read_pet(real_pair.pet)
    values, affine = _read_with_simpleitk(found)
    # GDCM rounds the type of what it rescales; the scanner writes slopes with six digits.
    np.testing.assert_allclose(found.volume.values, values, rtol=1e-5, atol=0.5)
    np.testing.assert_allclose(found.volume.affine, affine, atol=0.03)


def _read_with_simpleitk(found: Acquisition) -> tuple[np.ndarray, np.ndarray]:
    import SimpleITK as sitk

    slices = [sitk.ReadImage(str(header.filename), sitk.sitkFloat64) for header in found.headers]
    values = np.concatenate([sitk.GetArrayFromImage(one) for one in slices])
    origins = np.array([one.GetOrigin() for one in slices])
    column_mm, row_mm, _ = slices[0].GetSpacing()
    direction = np.array(slices[0].GetDirection()).reshape(3, 3)
    affine = np.eye(4)
    affine[:3, 0] = (origins[-1] - origins[0]) / (len(slices) - 1)
    affine[:3, 1] = direction[:, 1] * row_mm
    affine[:3, 2] = direction[:, 0] * column_mm
    affine[:3, 3] = origins[0]
    return values, affine


def _compress(path: Path, syntax) -> None:
    dataset = pydicom.dcmread(path)
    if syntax.is_compressed and not syntax.is_deflated:
        dataset.compress(syntax)
    else:
        dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path)


def _garble(path: Path) -> None:
    """Overwrite the head of the only fragment."""
    content = bytearray(path.read_bytes())
    start = content.index(b"\xe0\x7f\x10\x00OB") + 12
    offset_table = int.from_bytes(content[start + 4 : start + 8], "little")
    head = start + 8 + offset_table + 8
    content[head : head + 200] = bytes([0x5A]) * 200
    path.write_bytes(content)
