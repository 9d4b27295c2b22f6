from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from config.vocabulary import vocabulary
from dicom_io.identity import tracking_identifier, tracking_uid
from dicom_io.results.segmentation import encode_segmentations
from dicom_io.scanner.study import Storage


def triple(sequence):
    (item,) = sequence
    return item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning


def voxels_by_segment(segmentation):
    """Frames of each segment, by the position along the patient, as boolean planes."""
    planes = np.unpackbits(np.frombuffer(segmentation.PixelData, np.uint8), bitorder="little")
    size = segmentation.Rows * segmentation.Columns
    found = {}
    for index, group in enumerate(segmentation.PerFrameFunctionalGroupsSequence):
        number = (
            group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
            if ("SegmentIdentificationSequence" in group)
            else 1
        )
        z = float(group.PlanePositionSequence[0].ImagePositionPatient[2])
        plane = planes[index * size : (index + 1) * size].reshape(segmentation.Rows, segmentation.Columns)
        found.setdefault(int(number), {})[round(z, 3)] = plane.astype(bool)
    return found


def the_segmentation(context):
    (segmentation,) = encode_segmentations(context)
    return segmentation


def test_nothing_found_is_no_segmentation(contexts):
    assert encode_segmentations(contexts(0, 0)) == ()


def test_physiologic_uptake_alone_is_a_segmentation(contexts):
    assert len(the_segmentation(contexts(0, 1)).SegmentSequence) == 1


@pytest.mark.parametrize("storage", Storage)
def test_segments_hold_the_voxels_of_their_finding_where_the_pet_has_them(contexts, storage):
    context = contexts(2, 1, storage=storage)
    labels, affine = context.analysis.labels, context.suv.affine
    segmentation = the_segmentation(context)
    found = voxels_by_segment(segmentation)
    for number in (1, 2, 3):
        expected = {round(float(affine[2, 3] + k * affine[2, 0]), 3): labels[k] == number for k in range(len(labels))}
        expected = {z: plane for z, plane in expected.items() if plane.any()}
        assert found[number].keys() == expected.keys()
        for z, plane in expected.items():
            np.testing.assert_array_equal(found[number][z], plane)


def test_it_is_binary_without_empty_frames(contexts):
    segmentation = the_segmentation(contexts(2, 1))
    assert (segmentation.SegmentationType, segmentation.BitsAllocated) == ("BINARY", 1)
    assert segmentation.NumberOfFrames == 9  # three findings of three slices


@pytest.mark.parametrize("storage", Storage)
def test_every_frame_names_its_source(contexts, storage):
    context = contexts(2, 1, storage=storage)
    sources = {(source.sop_instance_uid, source.frame) for source in context.pet.sources}
    for group in the_segmentation(context).PerFrameFunctionalGroupsSequence:
        (image,) = group.DerivationImageSequence[0].SourceImageSequence
        assert (image.ReferencedSOPInstanceUID, image.get("ReferencedFrameNumber")) in sources


def test_the_series_referenced_is_the_pet_with_the_images_that_have_something_on_them(contexts):
    context = contexts(2, 0)
    (series,) = the_segmentation(context).ReferencedSeriesSequence
    assert series.SeriesInstanceUID == context.pet.headers[0].SeriesInstanceUID
    referenced = {image.ReferencedSOPInstanceUID for image in series.ReferencedInstanceSequence}
    assert referenced == {context.pet.headers[index].SOPInstanceUID for index in (2, 3, 4, 6, 7, 8)}


def test_it_shares_the_frame_of_reference_of_the_pet(contexts):
    context = contexts()
    assert the_segmentation(context).FrameOfReferenceUID == context.pet.headers[0].FrameOfReferenceUID


def test_a_lesion_is_a_neoplasm_with_site_side_and_tracking(contexts):
    context = contexts(2, 1)
    segment = the_segmentation(context).SegmentSequence[0]
    finding = context.analysis.findings[0]
    assert segment.SegmentLabel == "Lesion 1: right lower lobe medial basal segment (S7)"
    assert triple(segment.SegmentedPropertyCategoryCodeSequence)[0] == "49755003"
    assert triple(segment.SegmentedPropertyTypeCodeSequence)[0] == "108369006"
    assert triple(segment.AnatomicRegionSequence) == ("90572001", "SCT", "Lower lobe of lung")
    assert triple(segment.AnatomicRegionSequence[0].AnatomicRegionModifierSequence) == ("24028007", "SCT", "Right")
    assert segment.TrackingUID == tracking_uid(context.pet.headers[0].SeriesInstanceUID, finding)
    assert segment.TrackingID == tracking_identifier(finding)


def test_a_midline_site_has_no_side(contexts):
    region = the_segmentation(contexts(2, 0)).SegmentSequence[1].AnatomicRegionSequence[0]
    assert "AnatomicRegionModifierSequence" not in region


def test_a_site_without_a_code_is_coded_by_its_region(contexts):
    assert vocabulary().leaf("left pubic bone").sct_code == ""
    region = the_segmentation(contexts(3, 0)).SegmentSequence[2].AnatomicRegionSequence
    assert triple(region) == ("816092008", "SCT", "Pelvis")


def test_physiologic_uptake_is_called_so_and_is_no_neoplasm(contexts):
    segment = the_segmentation(contexts(1, 1)).SegmentSequence[1]
    assert segment.SegmentLabel == "Physiologic: left kidney"
    assert triple(segment.SegmentedPropertyCategoryCodeSequence)[0] == "91723000"
    assert triple(segment.SegmentedPropertyTypeCodeSequence) == ("64033007", "SCT", "Kidney")


def test_every_segment_says_which_algorithm_made_it(contexts):
    for segment in the_segmentation(contexts(2, 1)).SegmentSequence:
        (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
        assert (segment.SegmentAlgorithmType, segment.SegmentAlgorithmName) == ("AUTOMATIC", "uptake")
        assert triple(algorithm.AlgorithmFamilyCodeSequence) == ("123110", "DCM", "Artificial Intelligence")
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("uptake", "1.2.3")
        assert algorithm.AlgorithmSource == "A hospital"


def test_lesions_have_distinct_colours_and_physiologic_uptake_is_grey(contexts):
    segments = the_segmentation(contexts(3, 1)).SegmentSequence
    colours = Counter(tuple(segment.RecommendedDisplayCIELabValue) for segment in segments)
    assert set(colours.values()) == {1}
    _, a, b = segments[3].RecommendedDisplayCIELabValue
    assert abs(a - 0x8080) < 300
    assert abs(b - 0x8080) < 300


def test_numbers_with_gaps_become_segments_without(contexts):
    context = contexts(2, 0)
    table = np.array([0, 3, 9], dtype=np.uint16)
    findings = tuple(replace(f, number=int(table[f.number])) for f in context.analysis.findings)
    gapped = replace(
        context, analysis=replace(context.analysis, findings=findings, labels=table[context.analysis.labels])
    )
    segmentation = the_segmentation(gapped)
    assert [segment.SegmentNumber for segment in segmentation.SegmentSequence] == [1, 2]
    assert {number: len(planes) for number, planes in voxels_by_segment(segmentation).items()} == {1: 3, 2: 3}
    assert segmentation.SegmentSequence[1].SegmentLabel.startswith("Lesion 9")


def test_a_pet_without_slice_thickness_or_frame_of_reference_is_segmented_all_the_same(contexts):
    def edit(header):
        del header.SliceThickness
        del header.FrameOfReferenceUID

    segmentation = the_segmentation(contexts(edit=edit))
    assert segmentation.FrameOfReferenceUID.startswith("2.25.")


def test_the_creator_is_a_person_name_with_an_empty_given_name(contexts):
    segmentation = the_segmentation(contexts())
    assert str(segmentation.ContentCreatorName) == "uptake^"
    assert "RESEARCH" in segmentation.ContentDescription
    assert segmentation.PatientBirthDate == date(1950, 2, 3).strftime("%Y%m%d")
