"""Enumerated values (PS3.3), of the attributes that result objects have."""

from collections.abc import Iterator, Mapping

from pydicom.charset import python_encoding
from pydicom.uid import (
    EncapsulatedPDFStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
)

from dicom_io.check.content_items import VALUE_TYPES
from dicom_io.check.element import Element
from dicom_io.check.fault import Fault, Rule
from dicom_io.check.opened import Node
from dicom_io.check.values import quoted
from dicom_io.sop_classes import SEGMENTATION, STRUCTURED_REPORT

_YES_NO = frozenset({"YES", "NO"})
_FLAG = frozenset({"Y", "N"})
_ANNOTATION_UNITS = frozenset({"PIXEL", "DISPLAY", "MATRIX"})

_RELATIONSHIPS = frozenset(
    {
        "CONTAINS",
        "HAS ACQ CONTEXT",
        "HAS CONCEPT MOD",
        "HAS OBS CONTEXT",
        "HAS PROPERTIES",
        "INFERRED FROM",
        "SELECTED FROM",
    }
)

ENUMERATED: Mapping[str, frozenset[str]] = {
    # Patient, study and what all objects share (C.7.1 to C.7.3, C.12.1).
    "PatientSex": frozenset({"M", "F", "O"}),
    "PatientSexNeutered": frozenset({"ALTERED", "UNALTERED"}),
    "PatientIdentityRemoved": _YES_NO,
    "QualityControlSubject": _YES_NO,
    "SmokingStatus": frozenset({"YES", "NO", "UNKNOWN"}),
    "PregnancyStatus": frozenset({"1", "2", "3", "4"}),
    "LongitudinalTemporalInformationModified": frozenset({"UNMODIFIED", "MODIFIED", "REMOVED"}),
    "ContentQualification": frozenset({"PRODUCT", "RESEARCH", "SERVICE"}),
    "SyntheticData": _YES_NO,
    "SOPInstanceStatus": frozenset({"NS", "OR", "AO", "AC"}),
    "UniversalEntityIDType": frozenset({"DNS", "EUI64", "ISO", "URI", "UUID", "X400", "X500"}),
    "ContextGroupExtensionFlag": _FLAG,
    "SpecificCharacterSet": frozenset(python_encoding),
    "Laterality": frozenset({"R", "L"}),
    # Images (C.7.6).
    "ImageLaterality": frozenset({"R", "L", "U", "B"}),
    "FrameLaterality": frozenset({"R", "L", "U", "B"}),
    "BurnedInAnnotation": _YES_NO,
    "RecognizableVisualFeatures": _YES_NO,
    "LossyImageCompression": frozenset({"00", "01"}),
    "PresentationLUTShape": frozenset({"IDENTITY", "INVERSE"}),
    "PixelRepresentation": frozenset({"0", "1"}),
    "PlanarConfiguration": frozenset({"0", "1"}),
    "SpatialLocationsPreserved": frozenset({"YES", "NO", "REORIENTED_ONLY"}),
    "DimensionOrganizationType": frozenset({"3D", "3D_TEMPORAL", "TILED_FULL", "TILED_SPARSE"}),
    # Segmentations (C.8.20).
    "SegmentationType": frozenset({"BINARY", "FRACTIONAL", "LABELMAP"}),
    "SegmentationFractionalType": frozenset({"PROBABILITY", "OCCUPANCY"}),
    "SegmentAlgorithmType": frozenset({"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}),
    "SegmentsOverlap": frozenset({"YES", "UNDEFINED", "NO"}),
    # Structured reports (C.17, C.18).
    "CompletionFlag": frozenset({"PARTIAL", "COMPLETE"}),
    "VerificationFlag": frozenset({"UNVERIFIED", "VERIFIED"}),
    "PreliminaryFlag": frozenset({"PRELIMINARY", "FINAL"}),
    "ContinuityOfContent": frozenset({"SEPARATE", "CONTINUOUS"}),
    "ValueType": frozenset(VALUE_TYPES),
    "RelationshipType": _RELATIONSHIPS,
    "PixelOriginInterpretation": frozenset({"FRAME", "VOLUME"}),
    "TemporalRangeType": frozenset({"POINT", "MULTIPOINT", "SEGMENT", "MULTISEGMENT", "BEGIN", "END"}),
    # Presentation states (C.10, C.11).
    "GraphicAnnotationUnits": _ANNOTATION_UNITS,
    "BoundingBoxAnnotationUnits": _ANNOTATION_UNITS,
    "AnchorPointAnnotationUnits": _ANNOTATION_UNITS,
    "BoundingBoxTextHorizontalJustification": frozenset({"LEFT", "RIGHT", "CENTER"}),
    "AnchorPointVisibility": _FLAG,
    "GraphicFilled": _FLAG,
    "PresentationSizeMode": frozenset({"SCALE TO FIT", "TRUE SIZE", "MAGNIFY"}),
    "ImageHorizontalFlip": _FLAG,
    "ImageRotation": frozenset({"0", "90", "180", "270"}),
}

_MODALITIES: Mapping[str, str] = {
    **dict.fromkeys(SEGMENTATION, "SEG"),
    **dict.fromkeys(STRUCTURED_REPORT, "SR"),
    KeyObjectSelectionDocumentStorage: "KO",
    GrayscaleSoftcopyPresentationStateStorage: "PR",
}
"""The Modality (0008,0060) of SOP Classes that have one of their own."""


def term_faults(keyword: str, element: Element) -> Iterator[tuple[str, Rule]]:
    """Values that are none of those enumerated."""
    allowed = ENUMERATED.get(keyword)
    if allowed is None:
        return
    for value in element.values:
        if str(value) not in allowed and not (value == "" and keyword == "SpecificCharacterSet"):
            value_in_words = quoted(keyword, element.representation, value)
            yield f"{value_in_words} is none of {', '.join(sorted(allowed))}.", Rule.ENUMERATED


def class_faults(root: Node, sop_class_uid: str) -> Iterator[Fault]:
    """Values that the SOP Class fixes."""
    modality = _MODALITIES.get(sop_class_uid)
    if modality is not None and root.text("Modality") not in ("", modality):
        yield root.fault("Modality", f"{root.text('Modality')!r}; expected {modality!r}.", Rule.ENUMERATED, "PS3.3 A")
    media_type = root.text("MIMETypeOfEncapsulatedDocument")
    if sop_class_uid == EncapsulatedPDFStorage and media_type not in ("", "application/pdf"):
        what = f"{media_type!r}; expected 'application/pdf'."
        yield root.fault("MIMETypeOfEncapsulatedDocument", what, Rule.ENUMERATED, "PS3.3 A.45.1")
    image_type = root.values("ImageType")
    if sop_class_uid in SEGMENTATION and image_type and image_type[:2] != ("DERIVED", "PRIMARY"):
        found = " and ".join(repr(value) for value in image_type[:2])
        yield root.fault("ImageType", f"{found}; expected DERIVED and PRIMARY.", Rule.ENUMERATED, "PS3.3 C.8.20.2.1")
