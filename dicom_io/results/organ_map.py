"""The organ map: organs on the grid of the PET, as a label map for those that take one, or else as binary masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import highdicom
import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from config.finding import ResultKind
from config.label_grid import Box
from config.organs import Organ, OrganMap
from dicom_io.results import codes
from dicom_io.results.colours import Colour, cielab
from dicom_io.results.result import ResultContext, complete, construction
from dicom_io.results.segment_planes import Mask, Planes, algorithm_identification, boxes_of, encode_planes, parts
from dicom_io.results.segmentation import MOST_FRAMES


@dataclass(frozen=True, slots=True)
class _Look:
    """How an organ is coded, called and coloured."""

    category: Code
    type: Code
    label: str
    colour: Colour
    side: Code | None = None


_ANATOMY = dictionary.SCT.AnatomicalStructure
_SCT = dictionary.SCT
_LOOKS: Mapping[Organ, _Look] = {
    Organ.SOFT_TISSUE: _Look(_SCT.Tissue, _SCT.SoftTissue, "Soft tissue", (177, 122, 101)),
    Organ.HEART: _Look(_ANATOMY, _SCT.Heart, "Heart", (206, 110, 84)),
    Organ.LIVER: _Look(_ANATOMY, _SCT.Liver, "Liver", (150, 85, 60)),
    Organ.BONE: _Look(_ANATOMY, _SCT.Bone, "Bone", (241, 214, 145)),
    Organ.SPINE: _Look(_ANATOMY, _SCT.Spine, "Spine", (226, 190, 90)),
    Organ.RIGHT_LUNG: _Look(_ANATOMY, _SCT.Lung, "Right lung", (120, 170, 205), _SCT.Right),
    Organ.LEFT_LUNG: _Look(_ANATOMY, _SCT.Lung, "Left lung", (90, 140, 190), _SCT.Left),
    Organ.BRAIN: _Look(_ANATOMY, _SCT.Brain, "Brain", (210, 180, 210)),
}


def encode_organ_map(context: ResultContext) -> Dataset | None:
    """The organs as a Label Map Segmentation (PS3.3 A.51, C.8.20.2), run-length encoded; None where none is known.

    It is a small fraction of what ``encode_organ_masks`` gives, but few take it: older viewers and PACS know neither
    its SOP Class nor its pixels. Both show an organ in the same colour under the same name.
    """
    organs, boxes = _organs(context)
    if not boxes:
        return None
    numbers = np.zeros(len(Organ) + 1, np.uint8)
    numbers[list(boxes)] = np.arange(1, len(boxes) + 1)
    labels = numbers[organs]
    slices = np.flatnonzero(labels.any(axis=(1, 2)))
    segmentation = encode_planes(
        Planes(context.pet, slices, labels[slices]),
        _segments(tuple(boxes), context),
        **construction(context, ResultKind.ORGAN_MAP, "AI organ map"),
        segmentation_type=highdicom.seg.SegmentationTypeValues.LABELMAP,
        transfer_syntax_uid=RLELossless,
        content_label="ORGANS",
        content_description="Organs, coarse",
    )
    return complete(segmentation, context)


def encode_organ_masks(context: ResultContext, *, most_frames: int = MOST_FRAMES) -> tuple[Dataset, ...]:
    """The same organs as BINARY segmentations, for those that take no label map.

    As with findings, whole organs go into several objects of one series where they need more than ``most_frames``.
    """
    organs, boxes = _organs(context)
    found = tuple(boxes)
    masks = [Mask(box, organs[box] == organ) for organ, box in boxes.items()]
    runs = parts([len(mask.slices) for mask in masks], most_frames) if masks else []
    return tuple(
        complete(
            encode_planes(
                Planes.of(masks[run], context.pet),
                _segments(found[run], context),
                **construction(context, ResultKind.ORGAN_MASKS, "AI organ masks", part),
                segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
                transfer_syntax_uid=ExplicitVRLittleEndian,
                content_label="ORGANS",
                content_description=f"Organs, coarse ({part} of {len(runs)})",
            ),
            context,
        )
        for part, run in enumerate(runs, start=1)
    )


def _organs(context: ResultContext) -> tuple[OrganMap, Mapping[Organ, Box]]:
    """The map, and for each organ that it has a voxel of the box that the organ fills."""
    organs = context.analysis.organs
    if organs is None:
        organs = np.zeros(context.suv.shape, np.uint8)
    return organs, {Organ(number): box for number, box in boxes_of(organs).items()}


def _segments(organs: Sequence[Organ], context: ResultContext) -> list[highdicom.seg.SegmentDescription]:
    return [_segment(number, _LOOKS[organ], context) for number, organ in enumerate(organs, start=1)]


def _segment(number: int, look: _Look, context: ResultContext) -> highdicom.seg.SegmentDescription:
    segment = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=look.label,
        segmented_property_category=look.category,
        segmented_property_type=look.type,
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm_identification(context.provenance),
        display_color=cielab(look.colour),
    )
    if look.side is not None:
        (property_type,) = segment.SegmentedPropertyTypeCodeSequence
        property_type.SegmentedPropertyTypeModifierCodeSequence = [codes.concept(look.side)]
    return segment
