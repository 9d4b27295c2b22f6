from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from pydicom import dcmread
from scipy import ndimage

from config.finding import GradeScale, UptakeGrade
from config.tracers import Tracer
from config.vocabulary import vocabulary
from dicom_io.results import key_images
from dicom_io.results.axial_views import LEAST_SIDE_MM, VIEW_PIXELS, AxialViews
from dicom_io.results.colours import lesion_colour
from dicom_io.results.key_images import draw_key_images, encode_key_images
from dicom_io.results.lettering import AMBER
from dicom_io.results.section import Section
from dicom_io.results.windows import CT_WINDOWS, fused, inverse_grey, windowed
from dicom_io.scanner.examination import SAMPLE_NAMES
from dicom_io.scanner.study import Storage
from tests.unit.dicom_io.results.blocks import BLOCKS, ORIENTATIONS, UPRIGHT, scan
from tests.unit.dicom_io.results.conftest import PATIENT

PIXELS_PER_MM = VIEW_PIXELS / LEAST_SIDE_MM
# Left and top of the views in the picture.
CT_VIEW, FUSED_VIEW, PET_VIEW, FIGURES = (12, 60), (276, 60), (12, 324), (276, 324)


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Scans of the patient of blocks, each made once."""
    made = {}

    def make(orientation="head first", **how):
        key = orientation, *how.items()
        if key not in made:
            made[key] = scan(tmp_path_factory.mktemp("scan"), orientation, **how)
        return made[key]

    return make


def drawn(context):
    return [np.asarray(picture) for picture in draw_key_images(context)]


def view(picture, corner):
    left, top = corner
    return picture[top : top + VIEW_PIXELS, left : left + VIEW_PIXELS]


def painted(picture, colour):
    return (picture == colour).all(axis=-1)


def in_view(context, number, points):
    """Columns and rows of a view of a lesion at which LPS points lie."""
    finding = context.analysis.lesions[number - 1]
    centre = AxialViews.of(context).section(finding).centre_mm
    return (np.asarray(points)[..., :2] - centre[:2]) * PIXELS_PER_MM + VIEW_PIXELS / 2.0


def pixels_in_block(context, number):
    """Pixels of a lesion's view whose centres lie in its block, by the block's edges alone."""
    block = BLOCKS[number - 1]
    corners = np.array([block.centre_mm]) + np.array([[-1], [1]]) * block.half_sides_mm
    (left, top), (right, bottom) = in_view(context, number, corners)
    along = np.arange(VIEW_PIXELS) + 0.5
    return ((along > top) & (along < bottom))[:, None] & ((along > left) & (along < right))[None]


SPOTS = np.array([(-74.0, -22.0, 18.0), (10.0, -22.0, 18.0), (-50.0, 40.0, 18.0)])
"""To the right of the first block, to the left of it, and behind it."""


def spots_of_bone(points):
    near = [np.linalg.norm(points - spot, axis=-1) < 8.0 for spot in SPOTS]
    return np.where(np.any(near, axis=0), 1000.0, 40.0)


@pytest.mark.parametrize("lesions", [0, 1, 3])
def test_there_is_one_picture_for_each_lesion(scanned, lesions):
    pictures = drawn(scanned(lesions=lesions))
    assert [picture.shape for picture in pictures] == [(632, 544, 3)] * lesions


def test_without_a_ct_there_is_the_pet_alone(scanned):
    with_ct, without = drawn(scanned())[0], drawn(scanned(hounsfield=None))[0]
    assert without.shape == (368, 544, 3)
    np.testing.assert_array_equal(view(without, CT_VIEW), view(with_ct, PET_VIEW))
    np.testing.assert_array_equal(view(without, FUSED_VIEW), view(with_ct, FIGURES))


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("corner", [FUSED_VIEW, PET_VIEW])
def test_the_outline_runs_round_the_voxels_of_the_lesion(scanned, number, corner):
    context = scanned()
    outline = painted(view(drawn(context)[number - 1], corner), lesion_colour(number))
    lesion = pixels_in_block(context, number)
    away = ndimage.distance_transform_edt(~lesion)
    edge = lesion & ~ndimage.binary_erosion(lesion)
    from_outline = ndimage.distance_transform_edt(~outline)
    assert outline.any()
    assert not (outline & ndimage.binary_erosion(lesion, iterations=2)).any()
    assert away[outline].max() <= 3.0
    assert from_outline[edge].max() <= 3.0


@pytest.mark.parametrize("number", [1, 2, 3])
def test_brackets_on_the_ct_leave_the_lesion_free(scanned, number):
    context = scanned()
    ct = view(drawn(context)[number - 1], CT_VIEW)
    bracket, lesion = painted(ct, lesion_colour(number)), pixels_in_block(context, number)
    assert bracket.any()
    assert not (bracket & ndimage.binary_dilation(lesion, iterations=2)).any()
    rows, columns = np.nonzero(bracket)
    inside_rows, inside_columns = np.nonzero(lesion)
    assert rows.min() < inside_rows.min() < inside_rows.max() < rows.max()
    assert columns.min() < inside_columns.min() < inside_columns.max() < columns.max()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_right_is_at_the_left_and_the_front_at_the_top(scanned, orientation):
    context = scanned(orientation, hounsfield=spots_of_bone, lesions=1)
    grey = view(drawn(context)[0], CT_VIEW)[..., 0]
    for column, row in in_view(context, 1, SPOTS).round().astype(int):
        around = [grey[row + down, column + right] for down, right in ((0, 20), (0, -20), (20, 0), (-20, 0))]
        assert grey[row, column] == 255
        assert max(around) < 250


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_picture_is_the_same_along_whatever_axes_was_scanned(scanned, orientation):
    for turned, upright in zip(drawn(scanned(orientation)), drawn(scanned()), strict=True):
        below_header = np.s_[CT_VIEW[1] :]  # which numbers the image of SUVmax
        np.testing.assert_array_equal(turned[below_header], upright[below_header])


def test_an_oblique_scan_is_cut_upright(scanned):
    """The block's edges are smeared over voxels of 4 mm, 5 pixels, that do not run along it."""
    context = scanned("oblique")
    for number, picture in enumerate(drawn(context), start=1):
        outline = painted(view(picture, PET_VIEW), lesion_colour(number))
        away = ndimage.distance_transform_edt(~pixels_in_block(context, number))
        assert outline.any()
        assert away[outline].max() <= 8.0


def test_multi_frame_images_give_the_same_views(scanned):
    for multi_frame, single in zip(drawn(scanned(storage=Storage.ENHANCED)), drawn(scanned()), strict=True):
        np.testing.assert_array_equal(multi_frame[CT_VIEW[1] :], single[CT_VIEW[1] :])


@pytest.mark.parametrize(
    ("location", "hounsfield"),
    [
        ("right lower lobe medial basal segment (S7)", -600.0),
        ("left pubic bone", 400.0),
        ("subcarinal node (station 7)", 40.0),
    ],
)
def test_the_window_is_that_of_the_location(tmp_path, location, hounsfield):
    """The middle of each window is mid-grey."""
    context = with_first(
        scan(tmp_path, hounsfield=lambda points: np.full(points.shape[:-1], hounsfield)),
        location=vocabulary().leaf(location),
    )
    assert tuple(view(drawn(context)[0], CT_VIEW)[180, 180]) == (128, 128, 128)


def with_first(context, *, location=None, **changes):
    """The analysis with another first finding."""
    first, *others = context.analysis.findings
    if location is not None:
        changes["location"] = replace(first.location, location=location)
    findings = (replace(first, **changes), *others)
    return replace(context, analysis=replace(context.analysis, findings=findings))


def test_every_location_has_a_window():
    assert {location.ct_window for location in vocabulary()} == set(CT_WINDOWS)


def test_windows_run_from_black_to_white():
    hounsfield = np.array([[-1350.0, -1400.0, 150.0, 200.0]], np.float32)
    assert windowed(hounsfield, "lung")[0, :, 0].tolist() == [0, 0, 255, 255]
    assert inverse_grey(np.array([[-1.0, 0.0, 7.0, 40.0]], np.float32), 7.0)[0, :, 0].tolist() == [255, 255, 0, 0]


def test_where_there_is_no_uptake_fusion_shows_the_ct():
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    np.testing.assert_array_equal(fused(grey, np.zeros((1, 256), np.float32), 7.0), grey)


def test_the_hotter_the_brighter_and_never_blue():
    uptake = np.linspace(0.0, 8.0, 100, dtype=np.float32)[None]
    red, green, blue = fused(np.zeros((1, 100, 3), np.uint8), uptake, 7.0)[0].astype(int).T
    assert (np.diff(red + green + blue) >= 0).all()
    assert (red >= green).all()
    assert (green >= blue).all()
    assert blue[-1] > 100


def test_a_section_reads_the_volume_where_it_lies():
    """A ramp along each axis of the patient comes out as the coordinates of the pixels' centres."""
    affine = np.array([(0, -3, 0, 90.0), (0, 0, 2, -50.0), (4, 0, 0, -60.0), (0, 0, 0, 1)])
    indices = np.stack(np.meshgrid(*map(np.arange, (30, 60, 50)), indexing="ij"), axis=-1)
    x, y, z = np.moveaxis(indices @ affine[:3, :3].T + affine[:3, 3], -1, 0)
    section = Section((5.0, -3.0, 7.0), 40.0, 20)
    across = np.arange(20) * 2.0 - 19.0
    np.testing.assert_allclose(section.cut(x, affine, 0.0), np.tile(across + 5.0, (20, 1)), atol=1e-9)
    np.testing.assert_allclose(section.cut(y, affine, 0.0), np.tile(across[:, None] - 3.0, (1, 20)), atol=1e-9)
    np.testing.assert_allclose(section.cut(z, affine, 0.0), 7.0, atol=1e-9)


def test_a_section_past_the_volume_is_empty_there():
    affine = np.diag((4.0, 4.0, 4.0, 1.0))[[2, 1, 0, 3]]
    section = Section((0.0, 0.0, 8.0), 40.0, 20)
    there = np.zeros((20, 20), bool)
    there[9:, 9:] = True  # from -2 mm, the face of the first voxel
    np.testing.assert_array_equal(section.cut(np.ones((5, 9, 9), np.float32), affine, -1.0) > 0, there)
    np.testing.assert_array_equal(section.cut_labels(np.ones((5, 9, 9), np.uint16), affine) > 0, there)


def test_a_large_lesion_fits_its_view(scanned):
    context = scanned()
    labels = np.zeros_like(context.analysis.labels)
    labels[:, 1:-1, 1:-1] = 1
    one = replace(context.analysis, findings=context.analysis.findings[:1], labels=labels)
    picture = view(drawn(replace(context, analysis=one))[0], PET_VIEW)
    rows, columns = np.nonzero(painted(picture, lesion_colour(1)))
    assert 5 < rows.min() < rows.max() < VIEW_PIXELS - 5
    assert 5 < columns.min() < columns.max() < VIEW_PIXELS - 5


def test_a_lesion_in_the_corner_of_the_field_is_whole_in_its_view(scanned):
    context = scanned()
    labels = np.zeros_like(context.analysis.labels)
    labels[-1, -1, -1] = 1
    first = context.analysis.findings[0]
    place = tuple(length - 1 for length in labels.shape)
    first = replace(first, measurements=replace(first.measurements, suv_max_index=place))
    context = replace(context, analysis=replace(context.analysis, findings=(first,), labels=labels))
    outline = painted(view(drawn(context)[0], PET_VIEW), lesion_colour(1))
    _, holes = ndimage.label(~outline)
    assert holes == 2  # what is inside, and what is outside


def test_other_lesions_on_the_section_are_outlined_too(scanned):
    context = scanned()
    labels = context.analysis.labels.copy()
    labels[context.analysis.findings[0].measurements.suv_max_index[0], 30:33, 40:43] = 2
    context = replace(context, analysis=replace(context.analysis, labels=labels))
    assert painted(view(drawn(context)[0], PET_VIEW), lesion_colour(2)).any()
    assert not painted(view(drawn(scanned())[0], PET_VIEW), lesion_colour(2)).any()


def test_the_locator_marks_the_lesion_where_it_is(scanned):
    """Cross hairs, as wide and high as the locator, meet at the lesion."""
    context = scanned()
    for number, picture in enumerate(drawn(context), start=1):
        marks = painted(view(picture, FIGURES)[16:, :120], lesion_colour(number))
        row, column = marks.sum(axis=1).argmax(), marks.sum(axis=0).argmax()
        x, _, z = BLOCKS[number - 1].centre_mm
        scale = 120 / 192.0
        assert abs(column - (x + 96.0) * scale) <= 2.0
        assert abs(row - (48.0 - z) * scale) <= 2.0


def test_nothing_of_the_patient_but_the_images_is_drawn(scanned):
    stranger = replace(PATIENT, name="Other^Person", patient_id="Z-99")
    for one, other in zip(drawn(scanned()), drawn(scanned(patient=stranger)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_grade_is_drawn_where_there_is_one(scanned):
    context = scanned(lesions=1)
    (plain,) = drawn(context)
    (graded,) = drawn(with_first(context, grade=UptakeGrade(GradeScale.DEAUVILLE, 4, "")))
    changed = (plain != graded).any(axis=-1)
    assert changed.any()
    rows, columns = np.nonzero(changed)
    assert FIGURES[1] < rows.min()
    assert FIGURES[0] + 120 < columns.min()


def test_tracers_of_higher_contrast_are_drawn_up_to_10(scanned):
    context = scanned(lesions=1)
    psma = replace(context, analysis=replace(context.analysis, tracer=Tracer.PSMA))
    fdg_grey, psma_grey = (view(drawn(one)[0], PET_VIEW)[200, 128, 0] for one in (context, psma))
    assert (fdg_grey, psma_grey) == (219, 230)  # at 1 g/ml: 255 × 6/7, 255 × 9/10


def long_words(context):
    return with_first(
        context,
        location=max(vocabulary(), key=lambda location: len(location.name)),
        caption="Right lower lobe medial basal segment (S7): spiculated soft tissue mass " * 12,
    )


def test_words_stay_within_the_picture(scanned):
    (picture,) = drawn(long_words(scanned(lesions=1)))
    for border in (picture[:4], picture[-4:], picture[:, :8], picture[:, -8:]):
        assert (border == 255).all()


def test_the_last_picture_says_how_many_lesions_have_none(scanned, monkeypatch):
    monkeypatch.setattr(key_images, "MOST_KEY_IMAGES", 4)
    context = scanned(lesions=1)
    noted = [painted(picture, AMBER).any() for picture in drawn(with_single_voxels(context, 7))]
    assert noted == [False, False, False, True]
    assert not any(painted(picture, AMBER).any() for picture in drawn(with_single_voxels(context, 4)))


def test_fifty_lesions_have_a_key_image():
    assert key_images.MOST_KEY_IMAGES == 50


def with_single_voxels(context, count):
    """So many lesions of one voxel each."""
    (first,) = context.analysis.findings
    labels = np.zeros_like(context.analysis.labels)
    findings = []
    for number in range(1, count + 1):
        place = 2 * number, 3 * number, 4 * number
        labels[place] = number
        measured = replace(first.measurements, suv_max_index=place)
        findings.append(replace(first, number=number, measurements=measured))
    return replace(context, analysis=replace(context.analysis, findings=tuple(findings), labels=labels))


def test_key_images_are_one_series_of_secondary_captures(scanned):
    context = scanned()
    encoded = encode_key_images(context)
    assert {image.SOPClassUID for image in encoded} == {"1.2.840.10008.5.1.4.1.1.7"}
    assert {image.file_meta.TransferSyntaxUID for image in encoded} == {"1.2.840.10008.1.2.5"}
    assert {image.SeriesDescription for image in encoded} == {"AI key images RESEARCH"}
    assert len({image.SeriesInstanceUID for image in encoded}) == 1
    assert len({image.SOPInstanceUID for image in encoded}) == 3
    assert [image.InstanceNumber for image in encoded] == [1, 2, 3]
    for image, picture in zip(encoded, drawn(context), strict=True):
        assert (image.Modality, image.BurnedInAnnotation, image.ImageType) == ("OT", "NO", ["DERIVED", "SECONDARY"])
        np.testing.assert_array_equal(image.pixel_array, picture)
        assert len(image.PixelData) <= 0.75 * picture.size


@pytest.mark.parametrize("storage", Storage)
def test_key_images_tell_the_lesion_and_the_image_that_they_are_of(scanned, storage):
    context = scanned(storage=storage)
    for finding, image in zip(context.analysis.lesions, encode_key_images(context), strict=True):
        assert image.ImageComments == f"Lesion {finding.number}: {finding.caption}"
        (source,) = image.SourceImageSequence
        slice_of_maximum = context.pet.sources[finding.measurements.suv_max_index[0]]
        assert source.ReferencedSOPInstanceUID == slice_of_maximum.sop_instance_uid
        assert source.get("ReferencedFrameNumber") == slice_of_maximum.frame
        assert source.PurposeOfReferenceCodeSequence[0].CodeValue == "121322"


def test_captions_and_names_outlive_each_other(scanned):
    """The character set of a Greek name has no multiplication sign, which captions have."""
    name, character_set = SAMPLE_NAMES["Greek"]
    greek = scanned(patient=replace(PATIENT, name=name, character_set=character_set))
    image = dcmread(BytesIO(file_bytes(encode_key_images(greek))[0]))
    assert "×" in image.ImageComments
    assert image.PatientName == name


def test_no_lesion_means_no_key_image(scanned):
    assert encode_key_images(scanned(lesions=0)) == ()


def test_the_same_analysis_gives_the_same_bytes(scanned):
    assert file_bytes(encode_key_images(scanned())) == file_bytes(encode_key_images(scanned()))


def file_bytes(datasets):
    written = []
    for dataset in datasets:
        stream = BytesIO()
        dataset.save_as(stream, enforce_file_format=True)
        written.append(stream.getvalue())
    return written
