"""A cohort patient as a scanner would store the examination."""

from datetime import date
from pathlib import Path

from config.tracers import Tracer
from dicom_io.scanner.examination import FDG, PSMA_11, Examination, PatientIdentity
from dicom_io.scanner.study import WrittenStudy, write_study
from dicom_io.scanner.vendors import SIEMENS, VendorHabits
from training.cohort.patient import Patient

_EXAMINATIONS = {
    Tracer.FDG: Examination(radiopharmaceutical=FDG, description="PET/CT FDG whole body"),
    Tracer.PSMA: Examination(radiopharmaceutical=PSMA_11, dose_bq=150e6, description="PET/CT PSMA whole body"),
}


def write_dicom(patient: Patient, folder: Path, patient_id: str, habits: VendorHabits = SIEMENS) -> WrittenStudy:
    """Write CT and PET as a study below ``folder``; the same patient and id give the same bytes."""
    identity = PatientIdentity(
        name="Patient^Digital",
        patient_id=patient_id,
        birth_date=date(1960, 2, 3),
        sex=patient.habitus.build.sex,
        weight_kg=patient.habitus.weight_kg,
        size_m=patient.habitus.height_m,
    )
    return write_study(folder, identity, patient.ct, patient.suv, habits, examination=_EXAMINATIONS[patient.tracer])
