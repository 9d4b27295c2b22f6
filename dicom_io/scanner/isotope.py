"""What a PET header says about the injection, the patient's posture, and privately about scale and time."""

from datetime import timedelta

from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from dicom_io.scanner.examination import Examination
from dicom_io.scanner.headers import StudyContext, code_item, date_and_time, decimal, fine_decimal
from dicom_io.scanner.physics import PHILIPS_SUV_PER_COUNT, philips_activity_per_count
from dicom_io.scanner.vendors import DoseUnit, InjectionTimes, PrivateTags, VendorHabits


def set_radiopharmaceutical(header: Dataset, habits: VendorHabits, exam: Examination) -> None:
    """Radiopharmaceutical Information Sequence (PS3.3 C.8.9.2), with codes of CID 4020 and 4021."""
    injected = exam.radiopharmaceutical
    item = Dataset()
    item.Radiopharmaceutical = injected.name
    item.RadiopharmaceuticalRoute = "Intravenous route"
    item.AdministrationRouteCodeSequence = [code_item(codes.SCT.IntravenousRoute)]
    item.RadiopharmaceuticalVolume = decimal(5.0)
    if habits.injection_times is not InjectionTimes.DATE_TIME_ONLY:
        item.RadiopharmaceuticalStartTime = date_and_time(exam.administered)[1]
    if habits.injection_times is not InjectionTimes.TIME_ONLY:
        shifted = exam.administered + timedelta(days=habits.injection_shift_days)
        item.RadiopharmaceuticalStartDateTime = "".join(date_and_time(shifted))
    in_mbq = habits.dose_unit is DoseUnit.MBQ
    item.RadionuclideTotalDose = decimal(exam.dose_bq / 1e6 if in_mbq else exam.dose_bq)
    item.RadionuclideHalfLife = decimal(injected.nuclide.half_life_s)
    item.RadionuclidePositronFraction = decimal(injected.nuclide.positron_fraction)
    item.RadionuclideCodeSequence = [code_item(injected.nuclide.code)]
    if injected.code is not None:
        item.RadiopharmaceuticalCodeSequence = [code_item(injected.code)]
    header.RadiopharmaceuticalInformationSequence = [item]


def set_orientation_codes(header: Dataset, habits: VendorHabits) -> None:
    """NM/PET Patient Orientation module (PS3.3 C.8.4.6), which forbids Patient Position beside it."""
    posture = code_item(codes.SCT.Recumbent)
    posture.PatientOrientationModifierCodeSequence = [code_item(codes.SCT.Supine)]
    header.PatientOrientationCodeSequence = [posture]
    first = codes.SCT.Headfirst if habits.patient_position.startswith("HF") else Code("102541007", "SCT", "feet-first")
    header.PatientGantryRelationshipCodeSequence = [code_item(first)]


def add_private_tags(header: Dataset, context: StudyContext) -> None:
    """The private attributes of the vendor, under their private creators."""
    habits, exam = context.habits, context.examination
    scan_start = "".join(date_and_time(exam.scan_start))
    if habits.private_tags is PrivateTags.GE:
        header.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", scan_start)
    elif habits.private_tags is PrivateTags.SIEMENS:
        header.private_block(0x0071, "SIEMENS MED PT", create=True).add_new(0x22, "DT", scan_start)
    elif habits.private_tags is PrivateTags.PHILIPS:
        block = header.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x00, "DS", fine_decimal(PHILIPS_SUV_PER_COUNT))
        activity = philips_activity_per_count(exam, context.identity.weight_kg)
        block.add_new(0x09, "DS", fine_decimal(activity))
