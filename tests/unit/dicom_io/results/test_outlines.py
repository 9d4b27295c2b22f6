from dataclasses import replace
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydicom import dcmread

from config.tracers import Tracer
from dicom_io.reading.frames import frames_of
from dicom_io.results.colours import cielab, lesion_colour
from dicom_io.results.contours import contours
from dicom_io.results.outlines import encode_outlines
from dicom_io.scanner.study import Storage
from dicom_io.scanner.vendors import SIEMENS, UIH
from tests.unit.dicom_io.results.blocks import BLOCKS, ORIENTATIONS, scan

MASKS = arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7)))


@pytest.fixture(scope="module")
def scanned(tmp_path_factory):
    """Scans of the patient of blocks without a CT, each made once."""
    made = {}

    def make(orientation="head first", **how):
        key = orientation, *how.items()
        if key not in made:
            made[key] = scan(tmp_path_factory.mktemp("scan"), orientation, hounsfield=None, **how)
        return made[key]

    return make


def filled(polylines, shape):
    """The pixels of which an odd number of upright edges lie to the right of the centre."""
    rows, columns = np.indices(shape) + 0.5
    crossings = np.zeros(shape, int)
    for line in polylines:
        for (x, start), (other_x, end) in pairwise(line):
            assert x == other_x or start == end
            crossings += (columns < x) & (rows > min(start, end)) & (rows < max(start, end)) & (x == other_x)
    return crossings % 2 == 1


def outlined(state, number):
    """For each image and frame, the polylines of a lesion on it."""
    lines = {}
    for annotation in state.GraphicAnnotationSequence:
        if annotation.GraphicLayer == f"LESION {number}":
            (image,) = annotation.ReferencedImageSequence
            graphics = annotation.GraphicObjectSequence
            assert {(one.GraphicAnnotationUnits, one.GraphicType) for one in graphics} == {("PIXEL", "POLYLINE")}
            where = image.ReferencedSOPInstanceUID, image.get("ReferencedFrameNumber")
            lines[where] = [np.reshape(one.GraphicData, (-1, 2)) for one in graphics]
    return lines


def texts(state):
    return [
        (annotation, text)
        for annotation in state.GraphicAnnotationSequence
        for text in annotation.get("TextObjectSequence", [])
    ]


@given(MASKS)
def test_contours_enclose_what_is_set_and_nothing_else(mask):
    np.testing.assert_array_equal(filled(contours(mask), mask.shape), mask)


@given(MASKS)
def test_contours_are_closed_and_turn_at_every_point(mask):
    for line in contours(mask):
        np.testing.assert_array_equal(line[0], line[-1])
        steps = np.diff(np.vstack([line, line[1]]), axis=0)
        assert ((steps == 0).sum(axis=1) == 1).all()
        assert ((steps[1:] == 0) != (steps[:-1] == 0)).all()


def test_a_ring_has_two_contours_that_run_in_opposite_directions():
    ring = np.ones((4, 5), bool)
    ring[1:3, 1:4] = False
    outer, inner = contours(ring)
    assert outer.tolist() == [[0, 0], [5, 0], [5, 4], [0, 4], [0, 0]]
    assert inner.tolist() == [[1, 1], [1, 3], [4, 3], [4, 1], [1, 1]]


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("storage", Storage)
def test_outlines_enclose_the_voxels_of_each_lesion_on_every_slice(scanned, orientation, storage):
    """Where a slice lies is read from its own header, whether a voxel is in the block from where both lie."""
    context = scanned(orientation, storage=storage)
    state = encode_outlines(context)
    for number, block in enumerate(BLOCKS, start=1):
        lines = outlined(state, number)
        for frame in frames_of(context.pet.headers):
            along_rows, along_columns = np.reshape(frame.orientation, (2, 3))
            rows, columns = np.indices((frame.rows, frame.columns))
            points = (
                np.array(frame.position)
                + columns[..., None] * along_rows * frame.pixel_spacing[1]
                + rows[..., None] * along_columns * frame.pixel_spacing[0]
            )
            drawn = filled(lines.pop((frame.header.SOPInstanceUID, frame.number), []), rows.shape)
            np.testing.assert_array_equal(drawn, block.holds(points))
        assert not lines


def test_no_lesion_means_no_outlines(scanned):
    assert encode_outlines(scanned(lesions=0)) is None


def test_every_lesion_has_a_layer_in_its_colour(scanned):
    layers = encode_outlines(scanned()).GraphicLayerSequence
    assert [layer.GraphicLayer for layer in layers] == ["LESION 1", "LESION 2", "LESION 3"]
    assert [layer.GraphicLayerDescription for layer in layers] == [block.location for block in BLOCKS]
    for number, layer in enumerate(layers, start=1):
        assert layer.GraphicLayerRecommendedDisplayCIELabValue == list(cielab(lesion_colour(number)).value)


@pytest.mark.parametrize("orientation", ["head first", "feet first", "sagittal"])
def test_each_lesion_is_named_once_beside_it_on_the_slice_of_suv_max(scanned, orientation):
    context = scanned(orientation)
    _, rows, columns = context.suv.shape
    found = texts(encode_outlines(context))
    assert [text.UnformattedTextValue for _, text in found] == [
        f"{number} {block.location}" for number, block in enumerate(BLOCKS, start=1)
    ]
    for finding, (annotation, text) in zip(context.analysis.lesions, found, strict=True):
        plane, _, column = finding.measurements.suv_max_index
        (image,) = annotation.ReferencedImageSequence
        assert image.ReferencedSOPInstanceUID == context.pet.sources[plane].sop_instance_uid
        left, top = text.BoundingBoxTopLeftHandCorner
        right, bottom = text.BoundingBoxBottomRightHandCorner
        assert 0 <= left < right <= columns
        assert 0 <= top < bottom <= rows
        assert not (left < column + 0.5 < right)
        assert top < text.AnchorPoint[1] < bottom
        assert right - left > columns / 3


def test_the_name_of_a_lesion_that_fills_the_slice_stays_on_it(scanned):
    context = scanned(lesions=1)
    everywhere = replace(context.analysis, labels=np.ones_like(context.analysis.labels))
    ((_, text),) = texts(encode_outlines(replace(context, analysis=everywhere)))
    assert text.BoundingBoxTopLeftHandCorner[0] == 47
    assert text.BoundingBoxBottomRightHandCorner[0] == 48


def test_outlines_and_names_carry_the_tracking_uid(scanned):
    context = replace(scanned(), tracking={2: "1.2.3"})
    for annotation in encode_outlines(context).GraphicAnnotationSequence:
        number = int(annotation.GraphicLayer.split()[1])
        finding = context.analysis.lesions[number - 1]
        objects = [*annotation.GraphicObjectSequence, *annotation.get("TextObjectSequence", [])]
        assert {one.TrackingUID for one in objects} == {context.tracking_uid(finding)}
        assert (context.tracking_uid(finding) == "1.2.3") == (number == 2)


def displayed(state, source, stored):
    """Grey levels from 0 to 1 by the state's Modality LUT and window (PS3.3 C.11.1, C.11.2.1.2.1) before inversion."""
    (window,) = [
        item
        for item in state.SoftcopyVOILUTSequence
        if "ReferencedImageSequence" not in item
        or any(
            image.ReferencedSOPInstanceUID == source.sop_instance_uid
            and source.frame in np.atleast_1d(image.get("ReferencedFrameNumber", source.frame))
            for image in item.ReferencedImageSequence
        )
    ]
    values = stored * float(state.get("RescaleSlope", 1)) + float(state.get("RescaleIntercept", 0))
    centre, width = float(window.WindowCenter), float(window.WindowWidth)
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0.0, 1.0)


@pytest.mark.parametrize("storage", Storage)
@pytest.mark.parametrize("habits", [SIEMENS, UIH], ids=lambda habits: habits.slope)
@pytest.mark.parametrize(("tracer", "highest"), [(Tracer.FDG, 7.0), (Tracer.PSMA, 10.0)])
def test_the_window_reaches_from_0_to_the_end_of_the_scale(scanned, storage, habits, tracer, highest):
    context = scanned(storage=storage, habits=habits)
    context = replace(context, analysis=replace(context.analysis, tracer=tracer))
    state = encode_outlines(context)
    rescales = {(frame.header.SOPInstanceUID, frame.number): frame.rescale for frame in frames_of(context.pet.headers)}
    assert ("RescaleSlope" in state) == (len(set(rescales.values())) == 1)
    for source, values in zip(context.pet.sources, context.suv.values.astype(float), strict=True):
        slope, intercept = rescales[source.sop_instance_uid, source.frame]
        stored = (values / context.quantification.factor - intercept) / slope
        np.testing.assert_allclose(displayed(state, source, stored), np.clip(values / highest, 0, 1), atol=1e-3)
    assert state.PresentationLUTShape == "INVERSE"


def test_all_images_of_the_pet_are_shown_as_a_whole(scanned):
    context = scanned()
    state = encode_outlines(context)
    (series,) = state.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == context.pet_series_uid
    assert [image.ReferencedSOPInstanceUID for image in series.ReferencedImageSequence] == [
        header.SOPInstanceUID for header in context.pet.headers
    ]
    (area,) = state.DisplayedAreaSelectionSequence
    assert (area.DisplayedAreaTopLeftHandCorner, area.DisplayedAreaBottomRightHandCorner) == ([1, 1], [48, 40])
    assert [float(spacing) for spacing in area.PresentationPixelSpacing] == [4.0, 4.0]


def test_the_state_says_when_the_images_were_made_and_not_when_it_was(scanned):
    context = scanned()
    state = encode_outlines(context)
    assert state.PresentationCreationDate == f"{context.moment:%Y%m%d}"
    assert state.PresentationCreationTime == f"{context.moment:%H%M%S}"


@pytest.mark.parametrize("storage", Storage)
def test_the_same_analysis_gives_the_same_bytes(scanned, storage):
    first, second = (file_bytes(encode_outlines(scanned(storage=storage))) for _ in range(2))
    assert first == second
    assert dcmread(BytesIO(first)).SOPClassUID == "1.2.840.10008.5.1.4.1.1.11.1"


def file_bytes(dataset):
    stream = BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
