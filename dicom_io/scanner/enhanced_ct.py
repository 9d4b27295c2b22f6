"""Enhanced CT from the digital scanner."""

from datetime import timedelta
from pathlib import Path

import numpy as np
from pydicom.sr.codedict import codes
from pydicom.uid import EnhancedCTImageStorage

from config.volume import Volume
from dicom_io.scanner.headers import StudyContext, code_item, decimal
from dicom_io.scanner.multiframe import (
    cranial_first,
    frame_groups,
    frame_type,
    item,
    multiframe_header,
    shared_groups,
    write_multiframe,
)
from dicom_io.scanner.series import CT_NOTE, ct_pixels


def write_enhanced_ct(folder: Path, context: StudyContext, ct: Volume) -> tuple[Path, ...]:
    """Enhanced CT Image Storage (PS3.3 A.38), frames from the cranial slice down."""
    header = multiframe_header(context, CT_NOTE, ct, EnhancedCTImageStorage, "CT")
    header.MultienergyCTAcquisition = "NO"
    start = context.examination.scan_start - timedelta(minutes=3)
    spacing_mm = [float(value) for value in ct.spacing_mm[1:]]
    centre = [float(value) for value in ct.points_mm(np.array([ct.shape]) / 2.0)[0]]
    shared = shared_groups(ct.affine)
    shared.IrradiationEventIdentificationSequence = [item(IrradiationEventUID=context.uid("CT", "irradiation"))]
    shared.CTImageFrameTypeSequence = [frame_type()]
    shared.PixelValueTransformationSequence = [item(RescaleIntercept=-1024, RescaleSlope=1, RescaleType="HU")]
    shared.FrameVOILUTSequence = [item(WindowCenter=40, WindowWidth=400)]
    shared.CTAcquisitionTypeSequence = [item(AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO")]
    shared.CTAcquisitionDetailsSequence = [
        item(
            RotationDirection="CW",
            RevolutionTime=0.5,
            SingleCollimationWidth=0.6,
            TotalCollimationWidth=38.4,
            TableHeight=decimal(150.0),
            GantryDetectorTilt=decimal(0.0),
            DataCollectionDiameter=decimal(700.0),
        )
    ]
    shared.CTTableDynamicsSequence = [item(TableSpeed=60.0, TableFeedPerRotation=30.0, SpiralPitchFactor=0.8)]
    shared.CTPositionSequence = [
        item(TablePosition=0.0, DataCollectionCenterPatient=centre, ReconstructionTargetCenterPatient=centre)
    ]
    shared.CTGeometrySequence = [
        item(DistanceSourceToDetector=decimal(1085.6), DistanceSourceToDataCollectionCenter=595.0)
    ]
    shared.CTReconstructionSequence = [
        item(
            ReconstructionAlgorithm="FILTER_BACK_PROJ",
            ConvolutionKernel="STANDARD",
            ConvolutionKernelGroup="GENERAL",
            ReconstructionDiameter=decimal(spacing_mm[1] * ct.shape[2]),
            ReconstructionPixelSpacing=spacing_mm,
            ReconstructionAngle=360.0,
            ImageFilter="NONE",
        )
    ]
    shared.CTExposureSequence = [
        item(
            ExposureTimeInms=500.0,
            XRayTubeCurrentInmA=110.0,
            ExposureInmAs=55.0,
            ExposureModulationType="NONE",
            CTDIvol=4.0,
            CTDIPhantomTypeCodeSequence=[code_item(codes.DCM.IECBodyDosimetryPhantom)],
        )
    ]
    shared.CTXRayDetailsSequence = [
        item(KVP=120, FocalSpots=[decimal(1.0)], FilterType="NONE", FilterMaterial="ALUMINUM")
    ]
    header.SharedFunctionalGroupsSequence = [shared]
    header.PerFrameFunctionalGroupsSequence = [
        frame_groups(ct.affine, index, number, start, 500.0) for number, index in cranial_first(ct)
    ]
    return write_multiframe(folder, header, np.stack([ct_pixels(image) for image in ct.values[::-1]]), context)
