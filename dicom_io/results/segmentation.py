"""DICOM SEG: one segment for every finding, lesion or physiologic, on the grid of the PET."""

import highdicom
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from config.finding import Finding, FindingKind, LabelMap, ResultKind
from dicom_io.identity import PRODUCT, Provenance, derived_uid, tracking_identifier, tracking_uid
from dicom_io.results import codes
from dicom_io.results.colours import PHYSIOLOGIC, cielab, lesion_colour
from dicom_io.results.result import ResultContext, complete, construction, stand_in


def encode_segmentation(context: ResultContext) -> Dataset | None:
    """The findings as a BINARY segmentation without empty frames (PS3.3 A.51), or None if there are none.

    A SEG has at least one segment (Segment Sequence (0062,0002) is of Type 1), so no findings means no SEG; the
    report then says explicitly that nothing was found.
    """
    findings = context.analysis.findings
    if not findings:
        return None
    images = [stand_in(header) for header in context.pet.headers]
    labels = _numbered_from_one(context.analysis.labels, findings)
    in_frames = context.pet.sources[0].frame is not None
    segmentation = highdicom.seg.Segmentation(
        **construction(context, ResultKind.SEGMENTATION, "AI lesion segmentation"),
        source_images=images[:1] if in_frames else images,
        further_source_images=images[1:] if in_frames else None,
        pixel_array=_placed(labels, context, images[0]) if in_frames else labels,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            _segment(number, finding, context.pet_series_uid, context.provenance)
            for number, finding in enumerate(findings, start=1)
        ],
        omit_empty_frames=True,
        transfer_syntax_uid=ExplicitVRLittleEndian,
        content_label="FINDINGS",
        content_description=f"Lesions and physiologic uptake {context.provenance.label}".strip()[:64],
        content_creator_name=f"{PRODUCT}^",
    )
    _add_laterality(segmentation, findings)
    _fix_dimension_organization(segmentation)
    return complete(segmentation, context)


def algorithm_identification(provenance: Provenance) -> highdicom.AlgorithmIdentificationSequence:
    """Algorithm Identification with the values that device observer and contributing equipment carry, too."""
    return highdicom.AlgorithmIdentificationSequence(
        name=PRODUCT,
        family=codes.ARTIFICIAL_INTELLIGENCE,
        version=provenance.version,
        source=provenance.manufacturer,
    )


def _segment(
    number: int, finding: Finding, pet_series_uid: str, provenance: Provenance
) -> highdicom.seg.SegmentDescription:
    lesion = finding.kind is FindingKind.LESION
    name = finding.location.location.name
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=(f"Lesion {finding.number}: {name}" if lesion else f"Physiologic: {name}")[:64],
        segmented_property_category=codes.category(finding),
        segmented_property_type=codes.property_type(finding),
        algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm_identification(provenance),
        tracking_uid=tracking_uid(pet_series_uid, finding),
        tracking_id=tracking_identifier(finding),
        anatomic_regions=[codes.site(finding.location.location)],
        display_color=cielab(lesion_colour(finding.number) if lesion else PHYSIOLOGIC),
    )


def _numbered_from_one(labels: LabelMap, findings: tuple[Finding, ...]) -> LabelMap:
    """Labels as segment numbers, which count from 1 without gaps in the order of the findings."""
    numbers = [finding.number for finding in findings]
    if numbers == list(range(1, len(numbers) + 1)):
        return labels
    table = np.zeros(int(max(*numbers, labels.max())) + 1, dtype=np.uint16)
    table[numbers] = np.arange(1, len(numbers) + 1)
    return table[labels]


def _placed(labels: LabelMap, context: ResultContext, image: Dataset) -> highdicom.Volume:
    """Labels with their place: frames of a multi-frame image are found by position, not by order."""
    return highdicom.Volume(
        array=labels,
        affine=context.suv.affine,
        coordinate_system=highdicom.CoordinateSystemNames.PATIENT,
        frame_of_reference_uid=image.FrameOfReferenceUID,
    )


def _add_laterality(segmentation: Dataset, findings: tuple[Finding, ...]) -> None:
    for segment, finding in zip(segmentation.SegmentSequence, findings, strict=True):
        segment.AnatomicRegionSequence = [codes.anatomic_region(finding.location.location)]


def _fix_dimension_organization(segmentation: Dataset) -> None:
    """Replaces the random UID that highdicom gives to the dimension organization."""
    uid = derived_uid("dimension organization", str(segmentation.SOPInstanceUID))
    for item in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid
