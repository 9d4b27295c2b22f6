"""What all instances of a digital study share, and writing one to disk."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID, UID, ExplicitVRLittleEndian
from pydicom.valuerep import DSfloat

from config.volume import Matrix
from dicom_io.identity import derived_uid
from dicom_io.scanner.examination import Examination, PatientIdentity
from dicom_io.scanner.vendors import VendorHabits

_UNCOMPRESSED = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99")


@dataclass(frozen=True, slots=True)
class StudyContext:
    """What every series of a study is written from.

    ``seed`` is what its UIDs are derived from; ``frame_of_reference`` names a frame of reference of its own.
    """

    identity: PatientIdentity
    examination: Examination
    habits: VendorHabits
    seed: str
    frame_of_reference: str = ""

    @property
    def study_uid(self) -> str:
        return self.uid("study")

    @property
    def frame_of_reference_uid(self) -> str:
        return self.uid("frame of reference", self.frame_of_reference)

    def uid(self, *parts: str) -> str:
        return derived_uid("digital study", self.seed, *parts)


def common_header(context: StudyContext, sop_class: UID, series: str, number: int, description: str) -> Dataset:
    """Patient, Study, Series, Equipment and Frame of Reference modules. ``series`` names it within the study."""
    identity, exam, habits = context.identity, context.examination, context.habits
    header = Dataset()
    header.SpecificCharacterSet = list(identity.character_set)
    header.SOPClassUID = sop_class
    header.StudyInstanceUID = context.study_uid
    header.SeriesInstanceUID = context.uid("series", series)
    header.FrameOfReferenceUID = context.frame_of_reference_uid
    header.PositionReferenceIndicator = ""
    header.PatientName = identity.name
    header.PatientID = identity.patient_id
    header.PatientBirthDate = identity.birth_date.strftime("%Y%m%d")
    header.PatientSex = identity.sex
    header.PatientSize = decimal(identity.size_m)
    header.PatientWeight = decimal(identity.weight_kg)
    header.StudyDate, header.StudyTime = date_and_time(exam.scan_start.replace(minute=0, second=0))
    header.AccessionNumber = exam.accession
    header.ReferringPhysicianName = ""
    header.StudyID = "1"
    header.StudyDescription = exam.description
    header.SeriesNumber = number
    header.SeriesDescription = description
    header.BodyPartExamined = "WHOLEBODY"
    header.Manufacturer = habits.manufacturer
    header.ManufacturerModelName = habits.model
    header.SoftwareVersions = habits.software
    header.DeviceSerialNumber = "0"
    if habits.timezone is not None:
        header.TimezoneOffsetFromUTC = habits.timezone
    return header


def set_pixel_format(header: Dataset, rows: int, columns: int, *, signed: bool = True) -> None:
    """Image Pixel module for 16-bit grey values."""
    header.SamplesPerPixel = 1
    header.PhotometricInterpretation = "MONOCHROME2"
    header.Rows, header.Columns = rows, columns
    header.BitsAllocated = header.BitsStored = 16
    header.HighBit = 15
    header.PixelRepresentation = int(signed)


def set_plane(header: Dataset, affine: Matrix, slice_index: int) -> None:
    """Image Plane module of one slice of a volume (PS3.3 C.7.6.2)."""
    header.PixelSpacing = [decimal(value) for value in np.linalg.norm(affine[:3, 1:3], axis=0)]
    header.ImageOrientationPatient = orientation(affine)
    header.ImagePositionPatient = position(affine, slice_index)
    header.SliceThickness = decimal(float(np.linalg.norm(affine[:3, 0])))
    normal = np.cross(affine[:3, 2], affine[:3, 1])
    header.SliceLocation = decimal(float(affine[:3] @ (slice_index, 0, 0, 1) @ (normal / np.linalg.norm(normal))))


def orientation(affine: Matrix) -> list[DSfloat]:
    """Image Orientation (Patient): direction of a row (along columns), then of a column."""
    directions = affine[:3, 1:3] / np.linalg.norm(affine[:3, 1:3], axis=0)
    return [decimal(value) for value in (*directions[:, 1], *directions[:, 0])]


def position(affine: Matrix, slice_index: int) -> list[DSfloat]:
    """Image Position (Patient): centre of the first voxel."""
    return [decimal(value) for value in affine[:3] @ (slice_index, 0, 0, 1)]


def decimal(value: float) -> DSfloat:
    """A decimal string of at most 16 characters (PS3.5 6.2)."""
    return DSfloat(float(np.round(value, 9)) + 0.0, auto_format=True)


def fine_decimal(value: float) -> DSfloat:
    """A decimal string with all the digits that 16 characters hold, for factors far below 1."""
    return DSfloat(value, auto_format=True)


def date_and_time(when: datetime) -> tuple[str, str]:
    """DA and TM, with tenths of a millisecond dropped."""
    return when.strftime("%Y%m%d"), f"{when:%H%M%S}.{when.microsecond // 1000:03d}"


def code_item(code: Code) -> Dataset:
    """Code Sequence Macro item (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def write_instance(header: Dataset, pixels: NDArray[np.integer], path: Path, transfer_syntax: UID) -> None:
    """Write a header with its pixels (one frame or many) as a DICOM file in a transfer syntax."""
    plain = str(transfer_syntax) in _UNCOMPRESSED
    header["PixelData"] = DataElement(0x7FE00010, "OW", np.ascontiguousarray(pixels).tobytes())
    _set_file_meta(header, transfer_syntax if plain else ExplicitVRLittleEndian)
    if not plain:
        header.compress(transfer_syntax, np.ascontiguousarray(pixels), generate_instance_uid=False)
    _save(header, path)
    del header.PixelData


def write_without_pixels(header: Dataset, path: Path) -> None:
    """Write an instance that has no Pixel Data, in Explicit VR Little Endian."""
    _set_file_meta(header, ExplicitVRLittleEndian)
    _save(header, path)


def _set_file_meta(header: Dataset, transfer_syntax: UID) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = header.SOPClassUID
    meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    meta.TransferSyntaxUID = transfer_syntax
    header.file_meta = meta


def _save(header: Dataset, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
