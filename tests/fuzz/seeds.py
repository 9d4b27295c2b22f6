"""What fuzzing starts from: a digital patient's study of a few slices, by several vendors, in both storages."""

from datetime import date
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from dicom_io.scanner.examination import PatientIdentity
from dicom_io.scanner.study import Distractor, Storage, StudyPlan, WrittenStudy, write_study
from dicom_io.scanner.vendors import VENDORS, VendorHabits
from inference.patient.patient import DigitalPatient, Grid

CORPUS = Path(__file__).with_name("corpus")
"""Files that were once handled wrongly, and others that reach far into the code."""

_GRID = Grid.axial((6, 8, 8), (40.0, 60.0, 60.0), (0.0, 0.0, 200.0))


def write_seeds(folder: Path) -> tuple[Path, ...]:
    """Write an instance of every kind below ``folder``; the paths of the first study, all of it."""
    study = _write(folder / "study", VENDORS["UIH"], StudyPlan(distractors=frozenset(Distractor)))
    for name, habits in VENDORS.items():
        _write(folder / f"classic-{name}", habits, StudyPlan())
    _write(folder / "enhanced", VENDORS["GE"], StudyPlan(storage=Storage.ENHANCED))
    for path in (study.ct_files[0], study.pet_files[0]):
        for syntax in (ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian):
            instance = dcmread(path)
            instance.file_meta.TransferSyntaxUID = syntax
            instance.save_as(folder / f"{syntax}-{path.name}", implicit_vr=syntax.is_implicit_VR, little_endian=True)
        instance = dcmread(path)
        instance.compress(RLELossless, generate_instance_uid=False)
        instance.save_as(folder / f"{RLELossless}-{path.name}")
    return study.files


def _write(folder: Path, habits: VendorHabits, plan: StudyPlan) -> WrittenStudy:
    patient = DigitalPatient.default(seed=3)
    identity = PatientIdentity(
        "Patient^Fuzzed", "FUZZ", date(1960, 2, 3), patient.sex.value, patient.weight_kg, patient.height_m
    )
    return write_study(folder, identity, patient.ct(_GRID), patient.suv(_GRID), habits, plan=plan)
