"""The storage SOP Classes that the node accepts (PS3.4 Section B.5)."""

from pydicom.uid import (
    UID,
    AcquisitionContextSRStorage,
    BasicTextSRStorage,
    ChestCADSRStorage,
    ColonCADSRStorage,
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    CTImageStorage,
    EncapsulatedPDFStorage,
    EnhancedCTImageStorage,
    EnhancedPETImageStorage,
    EnhancedSRStorage,
    EnhancedXRayRadiationDoseSRStorage,
    ExtensibleSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplantationPlanSRStorage,
    KeyObjectSelectionDocumentStorage,
    LegacyConvertedEnhancedCTImageStorage,
    LegacyConvertedEnhancedPETImageStorage,
    MammographyCADSRStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    PatientRadiationDoseSRStorage,
    PerformedImagingAgentAdministrationSRStorage,
    PlannedImagingAgentAdministrationSRStorage,
    PositronEmissionTomographyImageStorage,
    RadiopharmaceuticalRadiationDoseSRStorage,
    RealWorldValueMappingStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    SimplifiedAdultEchoSRStorage,
    WaveformAnnotationSRStorage,
    XRayRadiationDoseSRStorage,
)

LabelMapSegmentationStorage = UID("1.2.840.10008.5.1.4.1.1.66.7")  # not yet among pydicom's names

CT: frozenset[UID] = frozenset({CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage})
PET: frozenset[UID] = frozenset(
    {PositronEmissionTomographyImageStorage, EnhancedPETImageStorage, LegacyConvertedEnhancedPETImageStorage}
)
SEGMENTATION: frozenset[UID] = frozenset({SegmentationStorage, LabelMapSegmentationStorage})
STRUCTURED_REPORT: frozenset[UID] = frozenset(
    {
        AcquisitionContextSRStorage,
        BasicTextSRStorage,
        ChestCADSRStorage,
        ColonCADSRStorage,
        Comprehensive3DSRStorage,
        ComprehensiveSRStorage,
        EnhancedSRStorage,
        EnhancedXRayRadiationDoseSRStorage,
        ExtensibleSRStorage,
        ImplantationPlanSRStorage,
        MammographyCADSRStorage,
        PatientRadiationDoseSRStorage,
        PerformedImagingAgentAdministrationSRStorage,
        PlannedImagingAgentAdministrationSRStorage,
        RadiopharmaceuticalRadiationDoseSRStorage,
        SimplifiedAdultEchoSRStorage,
        WaveformAnnotationSRStorage,
        XRayRadiationDoseSRStorage,
    }
)
SECONDARY_CAPTURE: frozenset[UID] = frozenset(
    {
        SecondaryCaptureImageStorage,
        MultiFrameSingleBitSecondaryCaptureImageStorage,
        MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
        MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
        MultiFrameTrueColorSecondaryCaptureImageStorage,
    }
)

OTHER_RESULTS: frozenset[UID] = frozenset(
    {EncapsulatedPDFStorage, GrayscaleSoftcopyPresentationStateStorage, KeyObjectSelectionDocumentStorage}
)
"""What a result may be beside those above, and a PACS that routes a whole study sends back."""

ANALYSED: frozenset[UID] = CT | PET | {RealWorldValueMappingStorage}
"""What an analysis reads; the rest is accepted and kept."""

ACCEPTED: frozenset[UID] = ANALYSED | SEGMENTATION | STRUCTURED_REPORT | SECONDARY_CAPTURE | OTHER_RESULTS


def class_name(sop_class_uid: str) -> str:
    """The name of a SOP Class (PS3.6 Annex A); the UID itself if that is unknown."""
    named = UID(sop_class_uid)
    return "Label Map Segmentation Storage" if named == LabelMapSegmentationStorage else named.name
