from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_io.results.colours import lesion_colour
from dicom_io.results.labels import mask_box, place_labels
from dicom_io.results.lettering import font, printable, shortened, width, wrapped
from dicom_io.results.picture import draw_picture, encode_picture
from dicom_io.results.projection import Mask, View, masks, projected, upright, upright_spacing_mm

# Affines of array axes (slice, row, column) that hold the same patient: axial feet first and head first, and coronal.
FEET_FIRST = np.array([(0, 0, 4, -8), (0, 3, 0, -6), (5, 0, 0, -300), (0, 0, 0, 1)], dtype=float)
HEAD_FIRST = np.array([(0, 0, 4, -8), (0, 3, 0, -6), (-5, 0, 0, 300), (0, 0, 0, 1)], dtype=float)
CORONAL = np.array([(0, 0, 4, -8), (3, 0, 0, -6), (0, -5, 0, 300), (0, 0, 0, 1)], dtype=float)


def count(picture, colour):
    return int((np.asarray(picture) == colour).all(axis=2).sum())


def test_upright_puts_head_first_front_first_and_right_first():
    patient = np.arange(24).reshape(2, 3, 4)  # head to foot, front to back, right to left
    stored = patient[::-1], patient, patient.transpose(1, 0, 2)
    for array, affine in zip(stored, (FEET_FIRST, HEAD_FIRST, CORONAL), strict=True):
        np.testing.assert_array_equal(upright(array, affine), patient)
        assert upright_spacing_mm(affine) == (5.0, 3.0, 4.0)


def test_a_small_tilt_does_not_turn_the_patient():
    angle = np.radians(10)
    tilt = np.array([(1, 0, 0), (0, np.cos(angle), -np.sin(angle)), (0, np.sin(angle), np.cos(angle))])
    tilted = FEET_FIRST.copy()
    tilted[:3, :3] = tilt @ FEET_FIRST[:3, :3]
    array = np.arange(24).reshape(2, 3, 4)
    np.testing.assert_array_equal(upright(array, tilted), array[::-1])


def test_projections_are_maxima():
    values = np.zeros((2, 3, 4), dtype=np.float32)
    values[1, 2, 3] = 7.0
    np.testing.assert_allclose(projected(values, View.CORONAL, (4, 2)), [[0, 0, 0, 0], [0, 0, 0, 7]], atol=1e-5)
    np.testing.assert_allclose(projected(values, View.SAGITTAL, (3, 2)), [[0, 0, 0], [0, 0, 7]], atol=1e-5)


@pytest.mark.parametrize("size", [(40, 30), (400, 300), (7, 5)])
def test_a_shadow_lies_where_its_label_does(size):
    labels = np.zeros((30, 10, 40), dtype=np.uint16)
    labels[6:12, 3:5, 20:30] = 4
    left, top, right, bottom = mask_box(masks(labels, View.CORONAL, size)[4])
    scale = size[0] / 40, size[1] / 30
    assert abs(left - 20 * scale[0]) <= max(1.5, scale[0] / 2)
    assert abs(right - 30 * scale[0]) <= max(1.5, scale[0] / 2)
    assert abs(top - 6 * scale[1]) <= max(1.5, scale[1] / 2)
    assert abs(bottom - 12 * scale[1]) <= max(1.5, scale[1] / 2)


def test_a_single_voxel_still_casts_a_shadow():
    labels = np.zeros((300, 4, 400), dtype=np.uint16)
    labels[100, 1, 200] = 1
    assert masks(labels, View.CORONAL, (100, 75))[1].pixels.any()


def test_the_picture_is_the_same_every_time(contexts):
    assert draw_picture(contexts()).tobytes() == draw_picture(contexts()).tobytes()


def test_every_lesion_is_outlined_in_its_colour_on_both_views(contexts):
    picture = draw_picture(contexts(2, 0))
    views, legend = picture.crop((0, 100, 860, picture.height)), picture.crop((880, 100, 1400, picture.height))
    for lesion in (1, 2):
        assert count(views.crop((0, 0, 430, views.height)), lesion_colour(lesion)) > 20
        assert count(views, lesion_colour(lesion)) > 2 * 20
        assert count(legend, lesion_colour(lesion)) > 50


def test_without_lesions_nothing_is_outlined_and_the_legend_says_so(contexts):
    empty = draw_picture(contexts(0, 0))
    assert all(count(empty, lesion_colour(lesion)) == 0 for lesion in range(1, 5))
    assert empty.tobytes() != draw_picture(contexts(1, 0)).tobytes()


def test_fifty_lesions_fit(contexts):
    context = contexts(3, 0)
    first, *_ = context.analysis.findings
    findings = tuple(replace(first, number=number) for number in range(1, 51))
    picture = draw_picture(replace(context, analysis=replace(context.analysis, findings=findings)))
    assert picture.height == 1000
    bottom = picture.crop((0, 985, 1400, 1000))
    assert count(bottom, (255, 255, 255)) == bottom.width * bottom.height


def test_lesions_past_the_legend_are_outlined_but_not_numbered(contexts):
    """Numbers hide what lies round their lesions; hundreds would hide the patient."""
    context = contexts(1, 0)
    (first,) = context.analysis.findings
    labels = 31 * context.analysis.labels
    findings = tuple(replace(first, number=number) for number in range(1, 32))
    many = replace(context, analysis=replace(context.analysis, findings=findings, labels=labels))
    few = replace(context, analysis=replace(context.analysis, findings=findings[-1:], labels=labels))
    views = np.s_[100:, :860]
    outlined, numbered = (np.asarray(draw_picture(one))[views] for one in (many, few))
    assert 0 < count(outlined, lesion_colour(31)) < count(numbered, lesion_colour(31))


def test_the_right_of_the_patient_is_at_the_left(contexts):
    context = contexts(1, 0)  # its one lesion lies at the first columns, the patient's right
    picture = np.asarray(draw_picture(context))[:, :430]
    _, columns = (picture == lesion_colour(1)).all(axis=2).nonzero()
    assert columns.mean() < 24 + (430 - 24) / 2


def test_the_encoded_picture_is_a_plain_rgb_secondary_capture_without_identity(contexts):
    context = contexts()
    encoded = encode_picture(context)
    drawn = np.asarray(draw_picture(context))
    assert encoded.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7"
    assert encoded.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.5"
    assert (encoded.Modality, encoded.ConversionType, encoded.BurnedInAnnotation) == ("OT", "WSD", "NO")
    np.testing.assert_array_equal(encoded.pixel_array, drawn)
    assert len(encoded.PixelData) <= 0.4 * drawn.size


def test_no_two_of_sixty_lesions_share_a_colour_and_all_stand_out_from_white_and_black():
    colours = [lesion_colour(number) for number in range(1, 61)]
    assert len(set(colours)) == 60
    for colour in colours:
        assert 30 < np.dot(colour, (0.2126, 0.7152, 0.0722)) < 150


def test_the_first_ten_colours_are_far_from_one_another():
    first = np.array([lesion_colour(number) for number in range(1, 11)])
    assert min(np.linalg.norm(a - b) for a, b in combinations(first.astype(float), 2)) > 60


@given(st.lists(st.tuples(st.integers(0, 360), st.integers(0, 260)), min_size=1, max_size=12))
def test_labels_stay_within_the_picture(corners):
    size = 400, 300
    found = {
        number: Mask(np.ones((20, 20), dtype=bool), top, left) for number, (left, top) in enumerate(corners, start=1)
    }
    for left, top, right, bottom in place_labels(found, size).values():
        assert left >= 0
        assert top >= 0
        assert right <= size[0] + 1e-9
        assert bottom <= size[1] + 1e-9


def test_labels_of_lesions_apart_hide_nothing():
    found = {n: Mask(np.ones((20, 20), dtype=bool), 40 + 60 * (n % 4), 40 + 80 * (n % 4)) for n in range(1, 5)}
    boxes = [*place_labels(found, (400, 300)).values(), *map(mask_box, found.values())]
    for first, second in combinations(boxes, 2):
        apart = first[2] <= second[0] or second[2] <= first[0] or first[3] <= second[1] or second[3] <= first[1]
        assert apart


@given(st.text(max_size=80), st.integers(40, 400))
def test_text_is_cut_to_its_width(text, limit):
    assert width(shortened(printable(text), 14, limit), 14) <= limit


def test_text_is_wrapped_in_so_many_lines():
    lines = wrapped("left kidney, right kidney, urinary bladder, heart, brain, liver, spleen", 14, 160, 2)
    assert len(lines) == 2
    assert lines[-1].endswith("...")
    assert all(font(14).getlength(line) <= 160 for line in lines)
