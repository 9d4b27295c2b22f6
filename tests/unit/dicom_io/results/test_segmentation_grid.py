"""Segmentations on the CT's grid, and findings that need more frames than one object may have."""

from dataclasses import replace

import numpy as np
import pytest

from config.segmentation_grid import SegmentationGrid
from config.volume import Unit, Volume
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import group_series
from dicom_io.reading.volume import read_ct
from dicom_io.results.segmentation import encode_segmentations
from dicom_io.results.segments import segment_of
from dicom_io.scanner.study import Storage, StudyPlan, write_study
from dicom_io.scanner.vendors import VENDORS
from tests.unit.dicom_io.results.conftest import PATIENT, PLACES

PET_ORIGIN_MM = np.array((-80.0, -60.0, -300.0))


def ct_volume(shape, spacing_mm, first_centre_mm):
    """A CT along the axes of the PET."""
    affine = np.diag((*spacing_mm, 1.0))[[2, 1, 0, 3]]
    affine[:3, 3] = first_centre_mm
    return Volume(np.full(shape, 40.0, np.float32), affine, Unit.HOUNSFIELD)


@pytest.fixture
def with_ct(contexts, tmp_path):
    """A context whose CT lies on a grid of its own."""

    def make(ct, storage=Storage.CLASSIC, **changes):
        write_study(tmp_path, PATIENT, ct, None, VENDORS["UIH"], plan=StudyPlan(storage=storage))
        (series,) = group_series(find_instances(tmp_path).headers)
        return replace(contexts(**changes), ct=read_ct(series))

    return make


FINE = ct_volume((30, 70, 90), (2.0, 2.0, 2.0), PET_ORIGIN_MM - 0.9)


@pytest.mark.parametrize("storage", Storage)
def test_on_the_ct_each_voxel_of_the_pet_is_what_it_covers(with_ct, storage):
    """PET voxels of 4 mm each contain eight centres of a CT of 2 mm, whose first centre lies 0.9 mm inside."""
    context = with_ct(FINE, storage, lesions=2, physiologic=0)
    (segmentation,) = encode_segmentations(context, grid=SegmentationGrid.CT)
    frames = np.unpackbits(np.frombuffer(segmentation.PixelData, np.uint8), bitorder="little")
    frames = frames[: segmentation.NumberOfFrames * 70 * 90].reshape(-1, 70, 90)
    found = np.zeros((2, 30, 70, 90), bool)
    for frame, group in zip(frames, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        height = float(group.PlanePositionSequence[0].ImagePositionPatient[2])
        found[number - 1, round((height - FINE.affine[2, 3]) / 2.0)] = frame
    for segment, ((k, j, i), _, _) in zip(found, PLACES[:2], strict=True):
        expected = np.zeros((30, 70, 90), bool)
        expected[2 * k : 2 * (k + 3), 2 * j : 2 * (j + 4), 2 * i : 2 * (i + 5)] = True
        np.testing.assert_array_equal(segment, expected)


@pytest.mark.parametrize("storage", Storage)
def test_its_frames_are_those_of_the_ct(with_ct, storage):
    context = with_ct(FINE, storage, lesions=1, physiologic=0)
    (segmentation,) = encode_segmentations(context, grid=SegmentationGrid.CT)
    (series,) = segmentation.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == context.ct.headers[0].SeriesInstanceUID
    places = {(source.sop_instance_uid, source.frame): index for index, source in enumerate(context.ct.sources)}
    named = [
        group.DerivationImageSequence[0].SourceImageSequence[0]
        for group in segmentation.PerFrameFunctionalGroupsSequence
    ]
    slices = [places[image.ReferencedSOPInstanceUID, image.get("ReferencedFrameNumber")] for image in named]
    assert sorted(slices) == [4, 5, 6, 7, 8, 9]
    measures = segmentation.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert [float(value) for value in measures.PixelSpacing] == [2.0, 2.0]
    assert float(measures.SpacingBetweenSlices) == 2.0


def test_without_a_ct_it_lies_on_the_pet(contexts):
    context = contexts(2, 0)
    (on_ct,) = encode_segmentations(context, grid=SegmentationGrid.CT)
    (on_pet,) = encode_segmentations(context)
    assert on_ct == on_pet


@pytest.mark.parametrize(
    "ct",
    [
        ct_volume((10, 30, 40), (24.0, 4.0, 4.0), PET_ORIGIN_MM - np.array((0.0, 0.0, 5.0))),
        ct_volume((30, 10, 90), (2.0, 2.0, 2.0), PET_ORIGIN_MM),
    ],
    ids=["slices farther apart than it is high", "ends before it"],
)
def test_a_ct_that_would_lose_a_finding_is_left_alone(with_ct, ct):
    context = with_ct(ct, lesions=2, physiologic=0)
    (segmentation,) = encode_segmentations(context, grid=SegmentationGrid.CT)
    (series,) = segmentation.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == context.pet_series_uid


def test_findings_of_more_frames_than_an_object_may_have_go_whole_into_several(contexts):
    context = contexts(3, 1)  # of three frames each
    segmentations = encode_segmentations(context, most_frames=7)
    assert [one.NumberOfFrames for one in segmentations] == [6, 6]
    assert [[segment.SegmentNumber for segment in one.SegmentSequence] for one in segmentations] == [[1, 2], [1, 2]]
    labels = [segment.SegmentLabel.split(":")[0] for one in segmentations for segment in one.SegmentSequence]
    assert labels == ["Lesion 1", "Lesion 2", "Lesion 3", "Physiologic"]


def test_a_finding_of_more_frames_than_an_object_may_have_stays_whole(contexts):
    segmentations = encode_segmentations(contexts(2, 0), most_frames=2)
    assert [one.NumberOfFrames for one in segmentations] == [3, 3]


def test_several_objects_are_one_series_and_count_on(contexts):
    segmentations = encode_segmentations(contexts(3, 1), most_frames=7)
    assert len({one.SeriesInstanceUID for one in segmentations}) == 1
    assert len({one.SOPInstanceUID for one in segmentations}) == 2
    assert [one.InstanceNumber for one in segmentations] == [1, 2]
    assert [one.ContentDescription for one in segmentations] == [
        "Lesions and physiologic uptake RESEARCH (1 of 2)",
        "Lesions and physiologic uptake RESEARCH (2 of 2)",
    ]


def test_a_finding_is_found_in_the_object_that_has_it(contexts):
    context = contexts(3, 1)
    segmentations = encode_segmentations(context, most_frames=7)
    third = segment_of(segmentations, context.tracking_uid(context.analysis.findings[2]))
    assert (third.sop_instance_uid, third.number) == (segmentations[1].SOPInstanceUID, 1)
    with pytest.raises(KeyError, match=r"2\.25\.1"):
        segment_of(segmentations, "2.25.1")


def test_a_lesion_keeps_its_colour_wherever_it_is(contexts):
    context = contexts(3, 1)
    (together,) = encode_segmentations(context)
    apart = encode_segmentations(context, most_frames=1)
    colours = [segment.RecommendedDisplayCIELabValue for one in apart for segment in one.SegmentSequence]
    assert colours == [segment.RecommendedDisplayCIELabValue for segment in together.SegmentSequence]


def test_a_lesion_known_from_a_prior_report_keeps_its_tracking_uid(contexts):
    context = replace(contexts(2, 0), tracking={2: "2.25.77"})
    (segmentation,) = encode_segmentations(context)
    assert segmentation.SegmentSequence[1].TrackingUID == "2.25.77"
    assert segmentation.SegmentSequence[0].TrackingUID == context.tracking_uid(context.analysis.findings[0])


def test_the_same_analysis_gives_the_same_bytes(with_ct, tmp_path):
    context = with_ct(FINE, lesions=3, physiologic=1)
    written = []
    for name in ("first", "second"):
        for part, one in enumerate(encode_segmentations(context, grid=SegmentationGrid.CT, most_frames=13)):
            one.save_as(tmp_path / f"{name}{part}", enforce_file_format=True)
        written.append([path.read_bytes() for path in sorted(tmp_path.glob(f"{name}*"))])
    assert written[0] == written[1]
    assert len(written[0]) == 2
