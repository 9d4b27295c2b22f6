"""Enhanced PET from the digital scanner."""

from datetime import timedelta
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import EnhancedPETImageStorage

from config.volume import Unit, Volume
from dicom_io.scanner.headers import StudyContext, code_item, date_and_time, decimal, fine_decimal
from dicom_io.scanner.isotope import set_radiopharmaceutical
from dicom_io.scanner.mapping import SUVBW_UNITS, mapping_item
from dicom_io.scanner.multiframe import (
    cranial_first,
    frame_groups,
    frame_type,
    item,
    multiframe_header,
    shared_groups,
    write_multiframe,
)
from dicom_io.scanner.physics import decay_factor, mean_activity_offset_s, stored_per_suv
from dicom_io.scanner.series import LARGEST_PIXEL, PET_NOTE, scaled_pixels
from dicom_io.scanner.vendors import DecayCorrection, StoredUnits

_ACTIVITY_UNITS = Code(Unit.BQML.value, "UCUM", "Becquerels/milliliter")
_CORRECTED = {
    "AttenuationCorrected": "ATTN",
    "ScatterCorrected": "SCAT",
    "DeadTimeCorrected": "DTIM",
    "RandomsCorrected": "RAN",
    "SensitivityCalibrated": "DCAL",
    "DetectorNormalizationCorrection": "NORM",
}


def write_enhanced_pet(folder: Path, context: StudyContext, suv: Volume) -> tuple[Path, ...]:
    """Enhanced PET Image Storage (PS3.3 A.56) in Bq/ml with SUVbw as a second Real World Value Mapping of each frame.

    Raises ``ValueError`` for habits that it has no way to say: pixels in counts or in SUV.
    """
    habits, exam = context.habits, context.examination
    if habits.units is not StoredUnits.BQML:
        raise ValueError(f"Enhanced PET is written in Bq/ml, not in {habits.units}")
    header = multiframe_header(context, PET_NOTE, suv, EnhancedPETImageStorage, "PT")
    _set_injection(header, context)
    _set_acquisition(header, context)
    _set_corrections(header, context)
    header.SharedFunctionalGroupsSequence = [_shared(suv)]
    frames, images = [], []
    for number, index in cranial_first(suv):
        bed_start = exam.bed_start(index)
        scale = stored_per_suv(habits, exam, context.identity.weight_kg, bed_start)
        pixels, slope = scaled_pixels(suv.values[index].astype(np.float64) * scale)
        frame = frame_groups(suv.affine, index, number, bed_start, exam.bed_s * 1000.0)
        middle = bed_start + timedelta(seconds=mean_activity_offset_s(exam))
        frame.FrameContentSequence[0].FrameReferenceDateTime = "".join(date_and_time(middle))
        frame.PETFrameCorrectionFactorsSequence = [
            item(
                PrimaryPromptsCountsAccumulated=1_000_000,
                ScatterFractionFactor=decimal(0.31),
                DeadTimeFactor=decimal(1.02),
                SliceSensitivityFactor=1,
                DecayFactor=fine_decimal(decay_factor(habits, exam, bed_start)),
            )
        ]
        frame.PixelValueTransformationSequence = [
            item(RescaleIntercept=0, RescaleSlope=fine_decimal(slope), RescaleType="US")
        ]
        frame.FrameVOILUTSequence = [item(WindowCenter=fine_decimal(4 * scale), WindowWidth=fine_decimal(8 * scale))]
        frame.RealWorldValueMappingSequence = [
            mapping_item(slope, _ACTIVITY_UNITS, "Bq/ml", (0, LARGEST_PIXEL)),
            mapping_item(slope / scale, SUVBW_UNITS, "SUVbw", (0, LARGEST_PIXEL)),
        ]
        frames.append(frame)
        images.append(pixels)
    header.PerFrameFunctionalGroupsSequence = frames
    return write_multiframe(folder, header, np.stack(images), context)


def _set_injection(header: Dataset, context: StudyContext) -> None:
    """Enhanced PET Isotope module (PS3.3 C.8.22.4): date-times and codes only."""
    set_radiopharmaceutical(header, context.habits, context.examination)
    injected = header.RadiopharmaceuticalInformationSequence[0]
    injected.RadiopharmaceuticalAgentNumber = 1
    for keyword in ("Radiopharmaceutical", "RadiopharmaceuticalRoute", "RadiopharmaceuticalStartTime"):
        if keyword in injected:
            delattr(injected, keyword)


def _set_acquisition(header: Dataset, context: StudyContext) -> None:
    """Enhanced PET Acquisition module (PS3.3 C.8.22.3)."""
    header.CountsSource = "EMISSION"
    header.AcquisitionStartCondition = "MANU"
    header.AcquisitionTerminationCondition = "TIME"
    header.TerminationTimeThreshold = float(context.examination.bed_s * 1000.0)
    header.CollimatorType = "NONE"
    header.TypeOfDetectorMotion = "STATIONARY"
    header.DetectorGeometry = "CYLINDRICAL_RING"
    header.TableMotion = "STATIC"
    header.TimeOfFlightInformationUsed = "TRUE"
    header.TransverseDetectorSeparation = 4.0
    header.AxialDetectorDimension = 4.0
    header.CoincidenceWindowWidth = decimal(4.5)
    header.EnergyWindowRangeSequence = [item(EnergyWindowLowerLimit=435, EnergyWindowUpperLimit=585)]
    view = code_item(codes.SCT.Axial)
    view.ViewModifierCodeSequence = []
    header.ViewCodeSequence = [view]


def _set_corrections(header: Dataset, context: StudyContext) -> None:
    """Enhanced PET Corrections module (PS3.3 C.8.22.5)."""
    habits, exam = context.habits, context.examination
    corrected = habits.decay_correction is not DecayCorrection.NONE
    header.DecayCorrected = "YES" if corrected else "NO"
    if corrected:
        start = habits.decay_correction is DecayCorrection.START
        header.DecayCorrectionDateTime = "".join(date_and_time(exam.scan_start if start else exam.administered))
    for keyword, name in _CORRECTED.items():
        setattr(header, keyword, "YES" if name in habits.corrections else "NO")
    for keyword in (
        "GantryMotionCorrected",
        "PatientMotionCorrected",
        "CountLossNormalizationCorrected",
        "NonUniformRadialSamplingCorrected",
    ):
        setattr(header, keyword, "NO")
    if "ATTN" in habits.corrections:
        header.AttenuationCorrectionSource = "CT"
        header.AttenuationCorrectionTemporalRelationship = "SEPARATE"
    if "RAN" in habits.corrections:
        header.RandomsCorrectionMethod = "DLYD"
    if "SCAT" in habits.corrections:
        header.ScatterCorrectionMethod = "model-based"


def _shared(suv: Volume) -> Dataset:
    centre = [float(value) for value in suv.points_mm(np.array([suv.shape]) / 2.0)[0]]
    shared = shared_groups(suv.affine)
    shared.PETFrameTypeSequence = [frame_type()]
    shared.RadiopharmaceuticalUsageSequence = [item(RadiopharmaceuticalAgentNumber=1)]
    shared.PETFrameAcquisitionSequence = [
        item(
            TableHeight=decimal(150.0),
            GantryDetectorTilt=decimal(0.0),
            GantryDetectorSlew=decimal(0.0),
            DataCollectionDiameter=decimal(700.0),
        )
    ]
    shared.PETDetectorMotionDetailsSequence = [item(RotationDirection="CW", RevolutionTime=1.0)]
    shared.PETPositionSequence = [
        item(TablePosition=0.0, DataCollectionCenterPatient=centre, ReconstructionTargetCenterPatient=centre)
    ]
    shared.PETReconstructionSequence = [
        item(
            ReconstructionType="3D",
            ReconstructionAlgorithm="MLEM",
            IterativeReconstructionMethod="YES",
            NumberOfIterations=3,
            NumberOfSubsets=21,
            ReconstructionDiameter=decimal(float(suv.spacing_mm[2]) * suv.shape[2]),
        )
    ]
    return shared
