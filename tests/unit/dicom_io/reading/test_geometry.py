import math
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.reasons import Reason, Refused
from config.volume import Unit, Volume
from dicom_io.reading.files import find_instances
from dicom_io.reading.geometry import Stack, stack
from dicom_io.reading.series import group_series


def stack_below(folder: Path) -> Stack:
    (series,) = group_series(find_instances(folder).headers)
    return stack(series)


def refusal(folder: Path) -> Refused:
    with pytest.raises(Refused) as caught:
        stack_below(folder)
    return caught.value


def rotation(a: float, b: float, c: float) -> np.ndarray:
    about_z = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    about_y = np.array([[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(c), -math.sin(c)], [0, math.sin(c), math.cos(c)]])
    return about_z @ about_y @ about_x


angles = st.floats(-math.pi, math.pi)
spacings = st.floats(0.5, 10.0)


def test_the_affine_takes_slice_row_column_to_lps(tmp_path, write_ct_series):
    write_ct_series(tmp_path, spacing_mm=(3.0, 2.0, 0.5), origin_mm=(10.0, 20.0, 30.0))
    found = stack_below(tmp_path)
    assert found.shape == (8, 6, 5)
    # One slice up, one row down the patient's back, one column to the patient's left.
    np.testing.assert_allclose(found.affine @ [0, 0, 0, 1], [10, 20, 30, 1])
    np.testing.assert_allclose(found.affine @ [1, 0, 0, 1], [10, 20, 33, 1])
    np.testing.assert_allclose(found.affine @ [0, 1, 0, 1], [10, 22, 30, 1])
    np.testing.assert_allclose(found.affine @ [0, 0, 1, 1], [10.5, 20, 30, 1])


@settings(max_examples=25, deadline=None)
@given(turn=st.tuples(angles, angles, angles), spacing=st.tuples(spacings, spacings, spacings), seed=st.integers(0, 99))
def test_an_oblique_acquisition_is_placed_exactly_whatever_the_order_of_files(write_ct_series, turn, spacing, seed):
    cosines = rotation(*turn)
    orientation = (*cosines[:, 0], *cosines[:, 1])
    origin = np.array([-11.0, 22.0, 333.0])
    with tempfile.TemporaryDirectory() as folder:
        paths = write_ct_series(Path(folder), spacing_mm=spacing, orientation=orientation, origin_mm=tuple(origin))
        names = list(range(len(paths)))
        random.Random(seed).shuffle(names)
        for path, name in zip(paths, names, strict=True):
            path.rename(path.with_name(f"shuffled{name}"))
        found = stack_below(Path(folder))
    volume = Volume(np.zeros(found.shape, np.float32), found.affine, Unit.HOUNSFIELD)
    indices = np.array([[0, 0, 0], [7, 5, 4], [3.5, 1.25, 2.75]])
    expected = [origin + cosines @ [k * spacing[2], j * spacing[1], i * spacing[0]] for i, j, k in indices]
    np.testing.assert_allclose(volume.points_mm(indices), expected, atol=1e-6)
    np.testing.assert_allclose(volume.indices(np.array(expected)), indices, atol=1e-6)
    assert [frame.number for frame in found.frames] == [None] * 8


@settings(max_examples=25, deadline=None)
@given(missing=st.sets(st.integers(1, 10), min_size=1, max_size=2), spacing=spacings)
def test_missing_any_interior_slices_is_refused_with_place_and_number(write_ct_series, missing, spacing):
    with tempfile.TemporaryDirectory() as folder:
        write_ct_series(
            Path(folder),
            shape=(12, 2, 2),
            spacing_mm=(spacing, 1.0, 1.0),
            origin_mm=(0.0, 0.0, 0.0),
            omit=tuple(missing),
        )
        refused = refusal(Path(folder))
    assert refused.reason is Reason.SLICE_GAP
    first = min(missing)
    after = next(index for index in range(first, 12) if index not in missing)
    assert f"between {(first - 1) * spacing:.2f} and {after * spacing:.2f} mm" in refused.detail
    assert f"({after - first} missing)" in refused.detail


def test_positions_rounded_to_a_tenth_of_a_millimetre_are_even_enough(tmp_path, write_pet_series):
    def round_position(index, header):
        header.ImagePositionPatient = [-100, -100, round(-360.2 + 3.27 * index, 1)]

    write_pet_series(tmp_path, shape=(40, 2, 2), edit=round_position)
    assert stack_below(tmp_path).slice_spacing_mm == pytest.approx(3.27, abs=0.003)


def test_the_numbers_in_file_names_and_headers_do_not_order_slices(tmp_path, write_ct_series):
    def reverse(index, header):
        header.InstanceNumber = 99 - index
        header.SliceLocation = -index

    write_ct_series(tmp_path, edit=reverse)
    assert [frame.header.InstanceNumber for frame in stack_below(tmp_path).frames] == list(range(99, 91, -1))


def test_identical_slices_at_one_position_are_dropped_with_a_remark(tmp_path, write_ct_series):
    write_ct_series(tmp_path)
    before = stack_below(tmp_path)

    def new_instance(index, header):
        header.SOPInstanceUID = f"1.2.3.99.{index}"

    write_ct_series(tmp_path / "again", edit=new_instance)
    found = stack_below(tmp_path)
    assert [remark.reason for remark in found.remarks] == [Reason.DUPLICATES_DROPPED]
    assert found.shape == before.shape
    np.testing.assert_array_equal(found.affine, before.affine)


@pytest.mark.parametrize(
    ("edit", "acquisitions", "reason"),
    [
        ("pixels", (1, 1), Reason.DUPLICATE_POSITION),
        ("slope", (1, 1), Reason.DUPLICATE_POSITION),
        ("pixels", (1, 2), Reason.MIXED_ACQUISITIONS),
    ],
)
def test_different_slices_at_one_position_are_refused(tmp_path, write_ct_series, edit, acquisitions, reason):
    def first(index, header):
        header.AcquisitionNumber = acquisitions[0]

    def second(index, header):
        header.AcquisitionNumber = acquisitions[1]
        header.SOPInstanceUID = f"1.2.3.99.{index}"
        if edit == "pixels":
            header.PixelData = bytes(len(header.PixelData))
        else:
            header.RescaleSlope = 2

    write_ct_series(tmp_path, edit=first)
    write_ct_series(tmp_path / "again", edit=second)
    assert refusal(tmp_path).reason is reason


def test_interleaved_acquisitions_are_told_from_a_gap(tmp_path, write_ct_series):
    def shifted(index, header):
        header.AcquisitionNumber = 2
        header.SOPInstanceUID = f"1.2.3.99.{index}"
        header.ImagePositionPatient = [-140, -150, -500 + 3.0 * index + 1.1]

    write_ct_series(tmp_path, edit=lambda index, header: setattr(header, "AcquisitionNumber", 1))
    write_ct_series(tmp_path / "other", edit=shifted)
    assert refusal(tmp_path).reason is Reason.MIXED_ACQUISITIONS


def test_beds_of_a_pet_that_differ_in_time_belong_together(tmp_path, write_pet_series):
    def bed(index, header):
        header.AcquisitionNumber = 1 + index // 4
        header.AcquisitionTime = f"1015{10 * (index // 4):02d}"

    write_pet_series(tmp_path, edit=bed)
    assert stack_below(tmp_path).shape == (8, 6, 5)


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("FrameOfReferenceUID", "1.2.3.10", Reason.MIXED_ACQUISITIONS),
        ("PatientID", "other", Reason.MIXED_ACQUISITIONS),
        ("PixelSpacing", [60.0, 70.5], Reason.MIXED_MATRIX),
        ("ImageOrientationPatient", [0.9998, 0.02, 0, -0.02, 0.9998, 0], Reason.MIXED_ORIENTATION),
        ("ImagePositionPatient", [-120.0, -150.0, -491.0], Reason.MIXED_ACQUISITIONS),
        ("ImagePositionPatient", None, Reason.NO_GEOMETRY),
        ("ImageOrientationPatient", [1, 0, 0], Reason.NO_GEOMETRY),
        ("PixelSpacing", [0.0, 1.0], Reason.NO_GEOMETRY),
        ("PixelSpacing", [-1.0, 1.0], Reason.NO_GEOMETRY),
        ("PixelSpacing", [1.0, 1e9], Reason.NO_GEOMETRY),
        ("ImagePositionPatient", [0, 0, 1e30], Reason.NO_GEOMETRY),
        ("Rows", 0, Reason.NO_GEOMETRY),
    ],
)
def test_one_odd_slice_is_refused_with_its_reason(tmp_path, write_ct_series, keyword, value, reason):
    def spoil(index, header):
        if index == 3 and value is None:
            del header[keyword]
        elif index == 3:
            setattr(header, keyword, value)

    write_ct_series(tmp_path, edit=spoil)
    assert refusal(tmp_path).reason is reason


def test_a_slice_of_another_matrix_is_refused(tmp_path, write_ct_series):
    def spoil(index, header):
        if index == 3:
            header.Rows, header.Columns = header.Columns, header.Rows

    write_ct_series(tmp_path, edit=spoil)
    assert refusal(tmp_path).reason is Reason.MIXED_MATRIX


@pytest.mark.parametrize(
    "orientation", [[0, 0, 0, 0, 0, 0], [1, 0, 0, 1, 0, 0], [1, 0, 0, 0.5, 0.8, 0], [5, 0, 0, 0, 1, 0]]
)
def test_an_orientation_that_is_none_is_refused(tmp_path, write_ct_series, orientation):
    write_ct_series(tmp_path, edit=lambda index, header: setattr(header, "ImageOrientationPatient", orientation))
    assert refusal(tmp_path).reason is Reason.NO_GEOMETRY


@pytest.mark.parametrize(
    "text", [rb"nan\1.0\2.0     ", rb"inf\1.0\2.0     ", rb"a\b\c           ", rb"1,5\2\3         "]
)
def test_positions_that_are_no_numbers_are_refused(tmp_path, write_ct_series, text):
    path = write_ct_series(tmp_path)[2]
    content = path.read_bytes()
    start = content.index(b"\x20\x00\x32\x00DS") + 6
    length = int.from_bytes(content[start : start + 2], "little")
    assert length >= len(text)
    path.write_bytes(content[: start + 2] + text.ljust(length) + content[start + 2 + length :])
    assert refusal(tmp_path).reason is Reason.NO_GEOMETRY


def test_gantry_tilt_is_refused_with_its_angle(tmp_path, write_ct_series):
    def tilt(index, header):
        header.GantryDetectorTilt = 12
        header.ImagePositionPatient = [0, 3.0 * index * math.tan(math.radians(12)), 3.0 * index]

    write_ct_series(tmp_path, edit=tilt)
    refused = refusal(tmp_path)
    assert refused.reason is Reason.GANTRY_TILT
    assert "12.00°" in refused.detail


def test_a_tilt_attribute_without_shear_is_no_tilt(tmp_path, write_ct_series):
    write_ct_series(tmp_path, edit=lambda index, header: setattr(header, "GantryDetectorTilt", 12))
    assert stack_below(tmp_path).shape == (8, 6, 5)


def test_four_slices_are_too_few(tmp_path, write_ct_series):
    write_ct_series(tmp_path, shape=(4, 6, 5))
    assert refusal(tmp_path).reason is Reason.TOO_FEW_SLICES


def test_frames_at_the_same_positions_of_a_dynamic_series_are_refused_as_such(tmp_path, write_pet_series):
    def frame(number):
        def edit(index, header):
            header.SeriesType = ["DYNAMIC", "IMAGE"]
            header.SOPInstanceUID = f"1.2.3.{number}.{index}"

        return edit

    write_pet_series(tmp_path / "1", edit=frame(91))
    write_pet_series(tmp_path / "2", edit=frame(92))
    refused = refusal(tmp_path)
    assert refused.reason is Reason.DYNAMIC_ACQUISITION
    assert "16 slices at 8 positions" in refused.detail


def test_a_multi_frame_image_stacks_by_its_functional_groups(tmp_path, write_enhanced_pet):
    write_enhanced_pet(tmp_path, spacing_mm=(3.0, 2.0, 0.5), origin_mm=(10.0, 20.0, 30.0))
    found = stack_below(tmp_path)
    assert [frame.number for frame in found.frames] == [8, 7, 6, 5, 4, 3, 2, 1]
    np.testing.assert_allclose(found.affine @ [1, 1, 1, 1], [10.5, 22, 33, 1])


def test_a_multi_frame_image_with_a_wrong_frame_count_is_refused(tmp_path, write_enhanced_pet):
    write_enhanced_pet(tmp_path, lambda header: header.PerFrameFunctionalGroupsSequence.pop())
    assert refusal(tmp_path).reason is Reason.NO_GEOMETRY


def test_a_dynamic_multi_frame_image_is_refused(tmp_path, write_enhanced_pet):
    def repeat(header):
        groups = header.PerFrameFunctionalGroupsSequence
        groups[1].PlanePositionSequence = groups[0].PlanePositionSequence
        groups[1].FrameContentSequence[0].TemporalPositionIndex = 2

    write_enhanced_pet(tmp_path, repeat)
    assert refusal(tmp_path).reason is Reason.DYNAMIC_ACQUISITION
