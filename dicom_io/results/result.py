"""What all result objects share: what they are made of, whose they are, when and by what they were made."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

import highdicom
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

from config.finding import Analysis, Finding, ResultKind
from config.reasons import Remark
from config.volume import Volume
from dicom_io.header_values import text
from dicom_io.identity import IMPLEMENTATION_CLASS_UID, PRODUCT, Provenance, derived_uid, tracking_uid
from dicom_io.reading.volume import Acquisition
from dicom_io.results.patient_study import copy_patient_and_study, decoded, set_character_set
from dicom_io.suv.quantification import Quantification

UNKNOWN_DATETIME = datetime(1900, 1, 1)

# What the libraries need of a source image: what it is and where it lies, and an empty patient, of whom they refuse
# every odd attribute.
_IMAGE_KEYWORDS = (
    "SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality ImageType Rows Columns "
    "FrameOfReferenceUID PositionReferenceIndicator ImagePositionPatient ImageOrientationPatient PixelSpacing "
    "SliceThickness SpacingBetweenSlices LossyImageCompression LossyImageCompressionRatio "
    "LossyImageCompressionMethod NumberOfFrames SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence "
    "DimensionOrganizationType DimensionIndexSequence"
)
_EMPTY_KEYWORDS = (
    "PatientName PatientID PatientBirthDate PatientSex "
    "StudyDate StudyTime AccessionNumber ReferringPhysicianName StudyID"
)
_EQUIPMENT_KEYWORDS = (
    "Manufacturer InstitutionName InstitutionAddress StationName InstitutionalDepartmentName ManufacturerModelName "
    "DeviceSerialNumber SoftwareVersions"
)
_MOMENTS = (("SeriesDate", "SeriesTime"), ("AcquisitionDate", "AcquisitionTime"), ("ContentDate", "ContentTime"))


class Origin(Protocol):
    """What a result comes from: headers of a study, of which the first says whose it is, and what made the result."""

    @property
    def headers(self) -> Sequence[Dataset]: ...

    @property
    def moment(self) -> datetime:
        """When the images were made, which all results carry as theirs."""

    @property
    def provenance(self) -> Provenance: ...


@dataclass(frozen=True, eq=False)
class ResultContext:
    """One analysis of one pair, with all that its result objects say.

    ``selection`` is what was remarked when the pair was chosen. ``tracking`` holds, by finding number, the Tracking
    UIDs taken over from a prior report of the same patient.
    """

    pet: Acquisition
    suv: Volume
    ct: Acquisition | None
    quantification: Quantification
    analysis: Analysis
    provenance: Provenance
    selection: tuple[Remark, ...] = ()
    tracking: Mapping[int, str] = field(default_factory=dict)

    @property
    def headers(self) -> Sequence[Dataset]:
        """Those of the PET."""
        return self.pet.headers

    @property
    def pet_series_uid(self) -> str:
        return str(self.pet.headers[0].SeriesInstanceUID)

    def tracking_uid(self, finding: Finding) -> str:
        """The finding's Tracking UID: that of the same lesion in a prior report, or else one of its place."""
        return self.tracking.get(finding.number) or tracking_uid(self.pet_series_uid, finding)

    @cached_property
    def moment(self) -> datetime:
        """When the PET was made, which all results carry as theirs: see ``content_datetime``."""
        return content_datetime(self.pet.headers)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Everything remarked on the way to this result, from the choice of series on, each once."""
        acquisitions = (self.pet,) if self.ct is None else (self.pet, self.ct)
        remarks = [remark for acquisition in acquisitions for remark in acquisition.remarks]
        return tuple(dict.fromkeys([*self.selection, *remarks, *self.quantification.remarks, *self.analysis.remarks]))


@dataclass(frozen=True, eq=False)
class Result:
    """A result object: its kind, its number among the objects of that kind (from 1), and its data set."""

    kind: ResultKind
    part: int
    dataset: Dataset


def construction(origin: Origin, kind: ResultKind, description: str, part: int = 1) -> dict[str, Any]:
    """Arguments that every highdicom constructor takes: identity of series and instance, equipment.

    ``description`` becomes the Series Description, marked with the label of ``origin.provenance``. ``part`` counts
    the objects of a kind, which are one series, from 1.
    """
    provenance = origin.provenance
    return {
        "series_instance_uid": provenance.series_instance_uid(kind),
        "series_number": provenance.series_number_of(kind),
        "series_description": f"{description} {provenance.label}".strip()[:64],
        "sop_instance_uid": provenance.sop_instance_uid(kind, part),
        "instance_number": part,
        "manufacturer": provenance.manufacturer,
        "manufacturer_model_name": PRODUCT,
        "software_versions": provenance.version,
        "device_serial_number": provenance.version,
    }


def stand_in(header: Dataset) -> Dataset:
    """A source image's identity and geometry, with an empty patient and study.

    Slice Thickness and Frame of Reference UID, which objects derived from images need, are made where absent.
    """
    image = Dataset()
    for keyword in _IMAGE_KEYWORDS.split():
        if keyword in header:
            image[keyword] = header[keyword]
    for keyword in _EMPTY_KEYWORDS.split():
        setattr(image, keyword, None)
    if not image.get("FrameOfReferenceUID"):
        image.FrameOfReferenceUID = derived_uid("frame of reference", str(header.SeriesInstanceUID))
    if "NumberOfFrames" not in image and image.get("SliceThickness") is None:
        image.SliceThickness = image.get("SpacingBetweenSlices")
    return image


def complete(result: Dataset, origin: Origin) -> Dataset:
    """The result with patient, study, dates, equipment and character set as all results have them.

    Dates and times say when the images were made, not when the result was: see ``content_datetime``.
    """
    source = origin.headers[0]
    copy_patient_and_study(source, result)
    moment = origin.moment
    for date, time in (*_MOMENTS[::2], ("InstanceCreationDate", "InstanceCreationTime")):
        setattr(result, date, moment.strftime("%Y%m%d"))
        setattr(result, time, moment.strftime("%H%M%S"))
    result.ContributingEquipmentSequence = [*_acquisition_equipment(source), _processing_equipment(origin.provenance)]
    syntax = result.file_meta.get("TransferSyntaxUID")
    if syntax is None or not syntax.is_compressed:
        result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    result.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    result.file_meta.ImplementationVersionName = f"{PRODUCT.upper()}_{origin.provenance.version}"[:16]
    set_character_set(source, result)
    return result


def content_datetime(headers: Iterable[Dataset]) -> datetime:
    """The latest of the Series, Acquisition and Content date and time in any of the headers, to the second.

    Results carry it instead of the clock, so that the same input gives the same bytes. Without any, Study Date and
    Time; without those, 1900-01-01, which no one takes for a real date.
    """
    headers = tuple(headers)
    for pairs in (_MOMENTS, (("StudyDate", "StudyTime"),)):
        moments = [
            moment
            for header in headers
            for date, time in pairs
            if (moment := _moment(text(header, date), text(header, time))) is not None
        ]
        if moments:
            return max(moments)
    return UNKNOWN_DATETIME


def _moment(date: str, time: str) -> datetime | None:
    matched = re.match(r"(\d{2})(\d{2})?(\d{2})?", time)
    hours, minutes, seconds = (int(part or 0) for part in matched.groups()) if matched else (0, 0, 0)
    try:
        return datetime.strptime(date, "%Y%m%d").replace(hour=hours, minute=minutes, second=seconds)
    except ValueError:
        return None


def _acquisition_equipment(source: Dataset) -> list[Dataset]:
    if not text(source, "Manufacturer"):
        return []
    item = Dataset()
    for keyword in _EQUIPMENT_KEYWORDS.split():
        if text(source, keyword):
            item[keyword] = decoded(source[keyword])
    item.PurposeOfReferenceCodeSequence = [highdicom.sr.CodedConcept.from_code(codes.DCM.AcquisitionEquipment)]
    return [item]


def _processing_equipment(provenance: Provenance) -> Dataset:
    item = highdicom.ContributingEquipment(
        manufacturer=provenance.manufacturer,
        purpose_of_reference=codes.DCM.ProcessingEquipment,
        manufacturer_model_name=PRODUCT,
        software_versions=provenance.version,
    )
    item.DeviceUID = provenance.device_uid
    return item
