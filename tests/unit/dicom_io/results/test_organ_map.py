"""Organ maps: the same organs as a label map and as binary masks."""

from dataclasses import replace

import numpy as np
import pytest
from pydicom.uid import RLELossless, SegmentationStorage

from config.organs import Organ
from dicom_io.results.organ_map import encode_organ_map, encode_organ_masks

LABEL_MAP_SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"


@pytest.fixture
def context(contexts):
    """A patient in a box, with a liver, a right lung and a brain."""
    made = contexts(1, 0)
    organs = np.zeros(made.suv.shape, np.uint8)
    organs[1:11, 4:26, 4:36] = Organ.SOFT_TISSUE
    organs[2:5, 8:16, 6:15] = Organ.LIVER
    organs[5:9, 8:20, 6:12] = Organ.RIGHT_LUNG
    organs[9:11, 10:20, 12:20] = Organ.BRAIN
    return replace(made, analysis=replace(made.analysis, organs=organs))


def code(sequence):
    return sequence[0].CodeValue


def test_a_label_map_holds_the_organs_on_the_slices_of_the_pet(context):
    made = encode_organ_map(context)
    assert (made.SOPClassUID, made.SegmentationType) == (LABEL_MAP_SEGMENTATION_STORAGE, "LABELMAP")
    assert made.file_meta.TransferSyntaxUID == RLELossless
    names = {segment.SegmentNumber: segment.SegmentLabel for segment in made.SegmentSequence}
    assert names == {0: "Background", 1: "Soft tissue", 2: "Liver", 3: "Right lung", 4: "Brain"}
    heights = [
        float(group.PlanePositionSequence[0].ImagePositionPatient[2]) for group in made.PerFrameFunctionalGroupsSequence
    ]
    np.testing.assert_allclose(sorted(heights), context.suv.affine[2, 3] + 4.0 * np.arange(1, 11))
    frames, organs = made.pixel_array[np.argsort(heights)], context.analysis.organs[1:11]
    for number, organ in ((1, Organ.SOFT_TISSUE), (2, Organ.LIVER), (3, Organ.RIGHT_LUNG), (4, Organ.BRAIN)):
        np.testing.assert_array_equal(frames == number, organs == organ)


def test_organs_are_coded_with_their_side(context):
    _, tissue, liver, lung, brain = encode_organ_map(context).SegmentSequence
    assert code(tissue.SegmentedPropertyCategoryCodeSequence) == "85756007"
    assert code(tissue.SegmentedPropertyTypeCodeSequence) == "87784001"
    assert code(liver.SegmentedPropertyCategoryCodeSequence) == "91723000"
    assert code(liver.SegmentedPropertyTypeCodeSequence) == "10200004"
    assert code(brain.SegmentedPropertyTypeCodeSequence) == "12738006"
    (coded,) = lung.SegmentedPropertyTypeCodeSequence
    assert (coded.CodeValue, coded.CodeMeaning) == ("39607008", "Lung")
    assert code(coded.SegmentedPropertyTypeModifierCodeSequence) == "24028007"
    assert "SegmentedPropertyTypeModifierCodeSequence" not in liver.SegmentedPropertyTypeCodeSequence[0]


def test_every_organ_says_which_algorithm_found_it(context):
    for segment in encode_organ_map(context).SegmentSequence[1:]:
        (algorithm,) = segment.SegmentationAlgorithmIdentificationSequence
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("uptake", "1.2.3")


def test_binary_masks_hold_the_same_organs_in_the_same_colours(context):
    (masks,) = encode_organ_masks(context)
    label_map = encode_organ_map(context)
    assert (masks.SOPClassUID, masks.SegmentationType) == (SegmentationStorage, "BINARY")
    assert masks.SeriesInstanceUID != label_map.SeriesInstanceUID
    for mask, segment in zip(masks.SegmentSequence, label_map.SegmentSequence[1:], strict=True):
        assert mask == segment
    counts = np.zeros(5, int)
    for frame, group in zip(masks.pixel_array, masks.PerFrameFunctionalGroupsSequence, strict=True):
        counts[group.SegmentIdentificationSequence[0].ReferencedSegmentNumber] += frame.sum()
    organs = context.analysis.organs
    wanted = [0, *((organs == organ).sum() for organ in np.unique(organs)[1:])]
    assert counts.tolist() == wanted


def test_masks_of_many_frames_are_several_objects_of_whole_organs(context):
    masks = encode_organ_masks(context, most_frames=10)
    assert [one.NumberOfFrames for one in masks] == [10, 9]
    assert [[segment.SegmentLabel for segment in one.SegmentSequence] for one in masks] == [
        ["Soft tissue"],
        ["Liver", "Right lung", "Brain"],
    ]


def test_nothing_known_is_no_organ_map(context):
    for organs in (None, np.zeros_like(context.analysis.organs)):
        unknown = replace(context, analysis=replace(context.analysis, organs=organs))
        assert encode_organ_map(unknown) is None
        assert encode_organ_masks(unknown) == ()


def test_the_same_map_gives_the_same_bytes(context, tmp_path):
    for name in ("first", "second"):
        encode_organ_map(context).save_as(tmp_path / name, enforce_file_format=True)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
