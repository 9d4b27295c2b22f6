"""Real World Value Mappings from the digital scanner: as an object of its own, and as an item for Enhanced PET."""

from datetime import timedelta
from pathlib import Path

import numpy as np
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import PositronEmissionTomographyImageStorage, RealWorldValueMappingStorage

from config.volume import Unit, Volume
from dicom_io.scanner.headers import StudyContext, code_item, common_header, date_and_time, write_without_pixels
from dicom_io.scanner.physics import stored_per_suv
from dicom_io.scanner.series import PET_NOTE, scaled_pixels
from dicom_io.scanner.vendors import Slope

SUVBW_UNITS = Code(Unit.SUVBW.value, "UCUM", "Standardized Uptake Value body weight")


def write_real_world_values(folder: Path, context: StudyContext, suv: Volume) -> tuple[Path, ...]:
    """A Real World Value Mapping (PS3.3 A.59) that gives the factor from the PET's rescaled values to SUVbw.

    Its slope applies to stored values, so it stands for one instance only: written for PET with a constant slope,
    where it holds for all, and refused (``ValueError``) where slices have their own.
    """
    if context.habits.slope is not Slope.CONSTANT:
        raise ValueError("a single Real World Value Mapping needs a constant Rescale Slope")
    exam = context.examination
    scale = stored_per_suv(context.habits, exam, context.identity.weight_kg, exam.scan_start)
    _, slope = scaled_pixels(suv.values.max(keepdims=True).astype(np.float64) * scale)
    header = common_header(context, RealWorldValueMappingStorage, "RWV", 7, "PET SUV factors")
    del header.FrameOfReferenceUID, header.PositionReferenceIndicator
    header.Modality = "RWV"
    header.SOPInstanceUID = context.uid("RWV", "instance")
    header.InstanceNumber = 1
    for name in ("Series", "Content"):
        day, time = date_and_time(exam.scan_start + timedelta(minutes=40))
        setattr(header, f"{name}Date", day)
        setattr(header, f"{name}Time", time)
    header.ContentLabel = "SUV"
    header.ContentDescription = "SUV factors"
    header.ContentCreatorName = ""
    images = []
    for index in range(len(suv.values)):
        image = Dataset()
        image.ReferencedSOPClassUID = PositronEmissionTomographyImageStorage
        image.ReferencedSOPInstanceUID = context.uid(PET_NOTE.key, "instance", str(index), "")
        images.append(image)
    group = Dataset()
    group.ReferencedImageSequence = images
    group.RealWorldValueMappingSequence = [mapping_item(slope / scale, SUVBW_UNITS, "SUVbw", (0, 32767))]
    header.ReferencedImageRealWorldValueMappingSequence = [group]
    series = Dataset()
    series.SeriesInstanceUID = context.uid("series", PET_NOTE.key)
    series.ReferencedInstanceSequence = images
    header.ReferencedSeriesSequence = [series]
    path = folder / "0001.dcm"
    write_without_pixels(header, path)
    return (path,)


def mapping_item(slope: float, units: Code, label: str, stored: tuple[int, int]) -> Dataset:
    """Real World Value Mapping item (PS3.3 C.7.6.16.2.11) from stored pixel values, with what it measures."""
    item = Dataset()
    item.RealWorldValueFirstValueMapped, item.RealWorldValueLastValueMapped = stored
    item["RealWorldValueFirstValueMapped"].VR = item["RealWorldValueLastValueMapped"].VR = "SS"
    item.RealWorldValueIntercept, item.RealWorldValueSlope = 0.0, slope
    item.LUTExplanation = item.LUTLabel = label
    item.MeasurementUnitsCodeSequence = [code_item(units)]
    if units == SUVBW_UNITS:
        quantity = Dataset()
        quantity.ValueType = "CODE"
        quantity.ConceptNameCodeSequence = [code_item(codes.SCT.Quantity)]
        quantity.ConceptCodeSequence = [code_item(Code("126401", "DCM", "SUVbw"))]
        item.QuantityDefinitionSequence = [quantity]
    return item
