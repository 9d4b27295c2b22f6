"""Patient and study attributes of a result: those of its source, unharmed."""

from collections.abc import Iterator
from copy import deepcopy

from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import VR, PersonName

from dicom_io.header_values import UNREADABLE, text

# Type 2 in every IOD: there even when empty.
_REQUIRED = (
    "PatientName PatientID PatientBirthDate PatientSex "
    "StudyDate StudyTime AccessionNumber ReferringPhysicianName StudyID"
)

# PS3.3 C.7.1.1 Patient, C.7.2.1 General Study, C.7.2.2 Patient Study, C.12.1 SOP Common (time zone).
_OPTIONAL = (
    "StudyInstanceUID TimezoneOffsetFromUTC "
    "ReferencedPatientSequence IssuerOfPatientID TypeOfPatientID IssuerOfPatientIDQualifiersSequence "
    "SourcePatientGroupIdentificationSequence GroupOfPatientsIdentificationSequence PatientBirthTime "
    "PatientBirthDateInAlternativeCalendar PatientDeathDateInAlternativeCalendar PatientAlternativeCalendar "
    "QualityControlSubject OtherPatientNames OtherPatientIDs OtherPatientIDsSequence EthnicGroup "
    "EthnicGroupCodeSequence PatientSpeciesDescription PatientSpeciesCodeSequence PatientBreedDescription "
    "PatientBreedCodeSequence BreedRegistrationSequence ResponsiblePerson ResponsiblePersonRole "
    "ResponsibleOrganization PatientComments PatientIdentityRemoved DeidentificationMethod "
    "DeidentificationMethodCodeSequence LongitudinalTemporalInformationModified "
    "IssuerOfAccessionNumberSequence ReferringPhysicianIdentificationSequence ConsultingPhysicianName "
    "ConsultingPhysicianIdentificationSequence StudyDescription ProcedureCodeSequence PhysiciansOfRecord "
    "PhysiciansOfRecordIdentificationSequence NameOfPhysiciansReadingStudy "
    "PhysiciansReadingStudyIdentificationSequence ReferencedStudySequence RequestingService "
    "RequestingServiceCodeSequence ReasonForPerformedProcedureCodeSequence "
    "AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence PatientAge PatientSize PatientSizeCodeSequence "
    "PatientBodyMassIndex MedicalAlerts Allergies PatientWeight Occupation SmokingStatus AdditionalPatientHistory "
    "PregnancyStatus LastMenstrualDate PatientSexNeutered ReasonForVisit ReasonForVisitCodeSequence AdmissionID "
    "IssuerOfAdmissionIDSequence ServiceEpisodeID ServiceEpisodeDescription IssuerOfServiceEpisodeIDSequence "
    "PatientState"
)

# PS3.3 C.7.1.3 Clinical Trial Subject, C.7.2.3 Clinical Trial Study.
_TRIAL_SUBJECT = (
    "ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName ClinicalTrialSiteID "
    "ClinicalTrialSiteName ClinicalTrialSubjectID ClinicalTrialSubjectReadingID "
    "ClinicalTrialProtocolEthicsCommitteeName ClinicalTrialProtocolEthicsCommitteeApprovalNumber"
)
_TRIAL_STUDY = "ClinicalTrialTimePointID ClinicalTrialTimePointDescription ConsentForClinicalTrialUseSequence"

# Character sets of one byte a character that are kept; of everything else ISO_IR 192 is made.
_KEPT_CHARACTER_SETS = frozenset(f"ISO_IR {number}" for number in (100, 101, 109, 110, 126, 127, 138, 144, 148, 166))
_TEXT = frozenset((VR.LO, VR.LT, VR.PN, VR.SH, VR.ST, VR.UC, VR.UT))


def copy_patient_and_study(source: Dataset, result: Dataset) -> None:
    """Copies the attributes of patient and study, decoded, with their sequences, and never corrected.

    Optional attributes that are empty or unreadable are left out, as are all of a Clinical Trial module whose Type 1
    attributes are empty; the nine of Type 2 are there in any case.
    """
    for keyword in _REQUIRED.split():
        setattr(result, keyword, None)
        _copy(source, result, keyword)
    for keyword in _OPTIONAL.split():
        _copy(source, result, keyword)
    if text(source, "ClinicalTrialSponsorName") and text(source, "ClinicalTrialProtocolID"):
        for keyword in ("ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName"):
            setattr(result, keyword, None)
        for keyword in _TRIAL_SUBJECT.split():
            _copy(source, result, keyword)
    for keyword in _TRIAL_STUDY.split():
        _copy(source, result, keyword)


def set_character_set(source: Dataset, result: Dataset) -> None:
    """Specific Character Set of a finished result.

    The source's, if it is of one byte a character and can encode all of the result's text; none if the text is
    ASCII and the source names none; else ISO_IR 192 (UTF-8).
    """
    named = source.get("SpecificCharacterSet") or ""
    kept = str(named) if str(named) in _KEPT_CHARACTER_SETS else ""
    encoding = python_encoding[kept] if kept else "ascii"
    if not all(_encodable(value, encoding) for value in _texts(result)):
        result.SpecificCharacterSet = "ISO_IR 192"
    elif kept:
        result.SpecificCharacterSet = kept
    elif "SpecificCharacterSet" in result:
        del result.SpecificCharacterSet


def decoded(element: DataElement) -> DataElement:
    """A copy of an element in which nothing is left encoded in its source's character set."""
    copied = deepcopy(element)
    if copied.VR == VR.SQ:
        for item in copied.value:
            for nested in item:
                item[nested.tag] = decoded(nested)
            if "SpecificCharacterSet" in item:
                del item.SpecificCharacterSet
    return copied


def _copy(source: Dataset, result: Dataset, keyword: str) -> None:
    try:
        if keyword in source and not source[keyword].is_empty:
            result[keyword] = decoded(source[keyword])
    except UNREADABLE:
        return


def _texts(dataset: Dataset) -> Iterator[str]:
    for element in dataset:
        if element.VR == VR.SQ:
            for item in element.value:
                yield from _texts(item)
        elif element.VR in _TEXT and not element.is_empty:
            values = element.value
            for value in (values,) if isinstance(values, str | PersonName) else values:
                yield str(value)


def _encodable(value: str, encoding: str) -> bool:
    try:
        value.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
