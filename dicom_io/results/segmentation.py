"""DICOM SEG: one segment for every finding, lesion or physiologic, on the grid of the PET or of the CT."""

from dataclasses import dataclass

import highdicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from config.finding import Finding, FindingKind, ResultKind
from config.label_grid import box_on_grid, labels_on_grid
from config.segmentation_grid import SegmentationGrid
from dicom_io.identity import tracking_identifier
from dicom_io.reading.volume import Acquisition
from dicom_io.results import codes
from dicom_io.results.colours import PHYSIOLOGIC, cielab, lesion_colour
from dicom_io.results.result import ResultContext, complete, construction
from dicom_io.results.segment_planes import Mask, Planes, algorithm_identification, boxes_of, encode_planes, parts

MOST_FRAMES = 400


def encode_segmentations(
    context: ResultContext,
    *,
    grid: SegmentationGrid = SegmentationGrid.PET,
    most_frames: int = MOST_FRAMES,
) -> tuple[Dataset, ...]:
    """The findings as BINARY segmentations without empty frames (PS3.3 A.51); none where nothing was found.

    A SEG has at least one segment (Segment Sequence (0062,0002) is of Type 1), so no findings means no SEG; the
    report then says explicitly that nothing was found.

    Parameters
    ----------
    grid
        On the CT's grid, each of its voxels belongs to the finding of the PET's voxel that contains its centre. It is
        the PET's grid all the same where there is no CT, or one that is too coarse or too small for a finding.
    most_frames
        Findings that together need more frames go whole into several objects of one series, since some viewers do
        not open larger ones; segments count from 1 in each.
    """
    findings = context.analysis.findings
    if not findings:
        return ()
    source, masks = _masks(context, grid)
    runs = parts([len(mask.slices) for mask in masks], most_frames)
    return tuple(
        _encode(context, findings[run], Planes.of(masks[run], source), _Part(number, len(runs)))
        for number, run in enumerate(runs, start=1)
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Which of how many objects, from 1."""

    number: int
    count: int

    def __str__(self) -> str:
        return f" ({self.number} of {self.count})" if self.count > 1 else ""


def _masks(context: ResultContext, grid: SegmentationGrid) -> tuple[Acquisition, list[Mask]]:
    """The voxels of each finding, and the acquisition on whose grid they are."""
    labels, numbers = context.analysis.labels, [finding.number for finding in context.analysis.findings]
    boxes = boxes_of(labels)
    if grid is SegmentationGrid.CT and context.ct is not None:
        pet, ct = context.pet.volume.affine, context.ct.volume
        on_ct = []
        for number in numbers:
            target = box_on_grid(boxes[number], pet, ct.affine, ct.shape)
            on_ct.append(Mask(target, labels_on_grid(labels, pet, ct.affine, target) == number))
        if all(mask.inside.any() for mask in on_ct):
            return context.ct, on_ct
    return context.pet, [Mask(boxes[number], labels[boxes[number]] == number) for number in numbers]


def _encode(context: ResultContext, findings: tuple[Finding, ...], planes: Planes, part: _Part) -> Dataset:
    described = f"Lesions and physiologic uptake {context.provenance.label}".strip()
    segmentation = encode_planes(
        planes,
        [_segment(number, finding, context) for number, finding in enumerate(findings, start=1)],
        **construction(context, ResultKind.SEGMENTATION, "AI lesion segmentation", part.number),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_label="FINDINGS",
        content_description=f"{described[: 64 - len(str(part))]}{part}",
    )
    return complete(segmentation, context)


def _segment(number: int, finding: Finding, context: ResultContext) -> highdicom.seg.SegmentDescription:
    lesion = finding.kind is FindingKind.LESION
    name = finding.location.location.name
    segment = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=(f"Lesion {finding.number}: {name}" if lesion else f"Physiologic: {name}")[:64],
        segmented_property_category=codes.category(finding),
        segmented_property_type=codes.property_type(finding),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm_identification(context.provenance),
        tracking_uid=context.tracking_uid(finding),
        tracking_id=tracking_identifier(finding),
        display_color=cielab(lesion_colour(finding.number) if lesion else PHYSIOLOGIC),
    )
    segment.AnatomicRegionSequence = [codes.anatomic_region(finding.location.location)]
    return segment
