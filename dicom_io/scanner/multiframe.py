"""What Enhanced CT and Enhanced PET share: one multi-frame instance, its dimensions and functional groups."""

from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.codedict import codes

from config.volume import Matrix, Volume
from dicom_io.scanner.headers import (
    StudyContext,
    code_item,
    common_header,
    date_and_time,
    decimal,
    orientation,
    position,
    set_pixel_format,
    write_instance,
)
from dicom_io.scanner.series import SeriesNote


def multiframe_header(
    context: StudyContext, note: SeriesNote, volume: Volume, sop_class: str, modality: str
) -> Dataset:
    """Header of a multi-frame instance (PS3.3 C.7.6.16, C.7.6.17, C.8.16.1) without functional groups."""
    exam = context.examination
    start = "".join(date_and_time(exam.scan_start))
    header = common_header(context, sop_class, note.key, note.number, note.description)
    dimension = context.uid(note.key, "dimensions")
    values: dict[str, object] = {
        "Modality": modality,
        "SOPInstanceUID": context.uid(note.key, "instance", "multi-frame"),
        "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        "InstanceNumber": 1,
        "SeriesDate": start[:8],
        "SeriesTime": start[8:],
        "ContentDate": start[:8],
        "ContentTime": start[8:],
        "AcquisitionDateTime": start,
        "AcquisitionDuration": float(exam.bed_s),
        "AcquisitionNumber": 1,
        "PatientPosition": context.habits.patient_position,
        "NumberOfFrames": len(volume.values),
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
        "ContentQualification": "RESEARCH",
        "BurnedInAnnotation": "NO",
        "LossyImageCompression": "00",
        "PresentationLUTShape": "IDENTITY",
        "AcquisitionContextSequence": [],
        "DimensionOrganizationType": "3D",
        "DimensionOrganizationSequence": [item(DimensionOrganizationUID=dimension)],
        "DimensionIndexSequence": [
            item(
                DimensionOrganizationUID=dimension,
                DimensionIndexPointer=0x00200032,
                FunctionalGroupPointer=0x00209113,
                DimensionDescriptionLabel="Position",
            )
        ],
    }
    for keyword, value in values.items():
        setattr(header, keyword, value)
    set_pixel_format(header, *volume.shape[1:])
    return header


def shared_groups(affine: Matrix) -> Dataset:
    """Pixel Measures, Plane Orientation and Frame Anatomy."""
    between, row, column = (decimal(float(value)) for value in np.linalg.norm(affine[:3, :3], axis=0))
    anatomy = item(AnatomicRegionSequence=[code_item(codes.SCT.EntireBody)], FrameLaterality="U")
    return item(
        PixelMeasuresSequence=[item(PixelSpacing=[row, column], SliceThickness=between, SpacingBetweenSlices=between)],
        PlaneOrientationSequence=[item(ImageOrientationPatient=orientation(affine))],
        FrameAnatomySequence=[anatomy],
    )


def frame_groups(affine: Matrix, index: int, number: int, start: datetime, duration_ms: float) -> Dataset:
    """Frame Content and Plane Position of the frame that holds slice ``index`` and stands at ``number``."""
    content = item(
        FrameAcquisitionDateTime="".join(date_and_time(start)),
        FrameReferenceDateTime="".join(date_and_time(start)),
        FrameAcquisitionDuration=float(duration_ms),
        FrameAcquisitionNumber=1,
        DimensionIndexValues=[number],
        StackID="1",
        InStackPositionNumber=number,
        TemporalPositionIndex=1,
    )
    plane = item(ImagePositionPatient=position(affine, index))
    return item(FrameContentSequence=[content], PlanePositionSequence=[plane])


def frame_type() -> Dataset:
    return item(
        FrameType=["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
    )


def item(**values: object) -> Dataset:
    """A data set of these attributes."""
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def cranial_first(volume: Volume) -> list[tuple[int, int]]:
    """Frame number and array index of every slice: the last slice of the array is the first frame."""
    return list(enumerate(range(len(volume.values) - 1, -1, -1), start=1))


def write_multiframe(
    folder: Path, header: Dataset, pixels: NDArray[np.int16], context: StudyContext
) -> tuple[Path, ...]:
    path = folder / "0001.dcm"
    write_instance(header, pixels, path, context.habits.transfer_syntax)
    return (path,)
