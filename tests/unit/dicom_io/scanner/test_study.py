"""The digital scanner: valid DICOM whose values come back as the true SUV by arithmetic written here a second time."""

import shutil
import subprocess
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.uid import (
    UID,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from config.volume import Unit, Volume
from dicom_io.scanner.examination import LUTETIUM_PSMA_617, SAMPLE_NAMES, Examination, PatientIdentity
from dicom_io.scanner.series import Flaws
from dicom_io.scanner.study import Distractor, Storage, StudyPlan, WrittenStudy, write_study
from dicom_io.scanner.vendors import (
    GE,
    GE_REPROCESSED,
    PHILIPS,
    SIEMENS,
    UIH,
    VENDORS,
    DecayCorrection,
    DoseUnit,
    InjectionTimes,
    StoredUnits,
    VendorHabits,
)

DCIODVFY = shutil.which("dciodvfy")
WEIGHT_KG, DOSE_BQ, HALF_LIFE_S = 81.0, 310e6, 6586.2
IDENTITY = PatientIdentity("Digital^Patient", "D-1", date(1961, 4, 2), "F", WEIGHT_KG, 1.71)
EXAM = Examination(bed_slices=3)


def volume(unit: Unit, largest: float, rotation_deg: float = 0.0, shape: tuple[int, int, int] = (7, 40, 36)) -> Volume:
    values = np.random.default_rng(7).uniform(0.0, largest, shape).astype(np.float32)
    if unit is Unit.HOUNSFIELD:
        values -= 1000.0
    cosine, sine = np.cos(np.deg2rad(rotation_deg)), np.sin(np.deg2rad(rotation_deg))
    tilt = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
    affine = np.eye(4)
    affine[:3, :3] = tilt @ np.array([[0, 0, 4.0], [0, 5.0, 0], [3.0, 0, 0]])
    affine[:3, 3] = (-71.5, -102.25, -412.0)
    return Volume(values, affine, unit)


CT, SUV = volume(Unit.HOUNSFIELD, 3000.0), volume(Unit.SUVBW, 25.0)


def written(folder: Path, habits: VendorHabits, **how: object) -> WrittenStudy:
    return write_study(folder, IDENTITY, CT, SUV, habits, examination=EXAM, **how)  # type: ignore[arg-type]


def cranial_first(files: tuple[Path, ...]) -> list[Dataset]:
    return [dcmread(path) for path in files]


def rescaled(header: Dataset) -> NDArray[np.float64]:
    return np.asarray(header.pixel_array * float(header.RescaleSlope) + float(header.RescaleIntercept))


def seconds_since_injection(header: Dataset, day: str, time: str) -> float:
    injected = datetime.strptime(
        header.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime, "%Y%m%d%H%M%S.%f"
    )
    return (datetime.strptime(f"{day}{time}", "%Y%m%d%H%M%S.%f") - injected).total_seconds()


def assert_is_true_suv(headers: list[Dataset], per_stored: list[float]) -> None:
    for header, factor, truth in zip(headers, per_stored, SUV.values[::-1], strict=True):
        half_step = 0.5 * float(header.RescaleSlope) * factor
        assert np.abs(rescaled(header) * factor - truth).max() <= half_step * 1.001 + 1e-5


@pytest.mark.parametrize("habits", [GE, SIEMENS, UIH])
def test_start_corrected_activity_is_the_true_suv_at_the_scans_start(tmp_path: Path, habits: VendorHabits) -> None:
    headers = cranial_first(written(tmp_path, habits).pet_files)
    elapsed = seconds_since_injection(headers[0], headers[0].SeriesDate, headers[0].SeriesTime)
    factor = WEIGHT_KG * 1000 / (DOSE_BQ * 2 ** (-elapsed / HALF_LIFE_S))
    assert {(header.Units, header.DecayCorrection) for header in headers} == {("BQML", "START")}
    assert_is_true_suv(headers, [factor] * len(headers))


def test_injection_corrected_activity_needs_no_decay(tmp_path: Path) -> None:
    headers = cranial_first(written(tmp_path, replace(UIH, decay_correction=DecayCorrection.ADMIN)).pet_files)
    assert_is_true_suv(headers, [WEIGHT_KG * 1000 / DOSE_BQ] * len(headers))


def test_uncorrected_activity_is_the_mean_over_its_bed(tmp_path: Path) -> None:
    headers = cranial_first(written(tmp_path, replace(UIH, decay_correction=DecayCorrection.NONE)).pet_files)
    factors = []
    for header in headers:
        start = seconds_since_injection(header, header.AcquisitionDate, header.AcquisitionTime)
        moments = start + (np.arange(100_000) + 0.5) / 100_000 * header.ActualFrameDuration / 1000
        factors.append(float(WEIGHT_KG * 1000 / (DOSE_BQ * np.mean(2 ** (-moments / HALF_LIFE_S)))))
    assert "DECY" not in headers[0].CorrectedImage
    assert len({round(factor, 9) for factor in factors}) == 3, "three beds"
    assert_is_true_suv(headers, factors)


def test_philips_counts_become_suv_by_one_private_factor_and_activity_by_the_other(tmp_path: Path) -> None:
    headers = cranial_first(written(tmp_path, PHILIPS).pet_files)
    suv_factor, activity_factor = float(headers[0][0x7053, 0x1000].value), float(headers[0][0x7053, 0x1009].value)
    elapsed = seconds_since_injection(headers[0], headers[0].SeriesDate, headers[0].SeriesTime)
    dose_then = DOSE_BQ * 2 ** (-elapsed / HALF_LIFE_S)
    assert headers[0].Units == "CNTS"
    assert headers[0][0x7053, 0x0010].value == "Philips PET Private Group"
    assert suv_factor / activity_factor == pytest.approx(WEIGHT_KG * 1000 / dose_then, rel=1e-9)
    assert_is_true_suv(headers, [suv_factor] * len(headers))


def test_suv_pixels_are_the_suv(tmp_path: Path) -> None:
    headers = cranial_first(written(tmp_path, replace(SIEMENS, units=StoredUnits.GML)).pet_files)
    assert (headers[0].Units, headers[0].SUVType) == ("GML", "BW")
    assert_is_true_suv(headers, [1.0] * len(headers))


def test_private_tags_know_the_scans_start_when_the_series_time_does_not(tmp_path: Path) -> None:
    start = EXAM.scan_start.strftime("%Y%m%d%H%M%S")
    ge = cranial_first(written(tmp_path / "ge", GE_REPROCESSED).pet_files)[0]
    siemens = cranial_first(written(tmp_path / "siemens", SIEMENS).pet_files)[0]
    assert (ge[0x0009, 0x0010].value, ge[0x0009, 0x100D].value[:14]) == ("GEMS_PETD_01", start)
    assert (siemens[0x0071, 0x0010].value, siemens[0x0071, 0x1022].value[:14]) == ("SIEMENS MED PT", start)
    assert ge.SeriesTime[:6] == (EXAM.scan_start + timedelta(minutes=90)).strftime("%H%M%S")
    assert siemens.SeriesDate + siemens.SeriesTime[:6] == start


def test_beds_are_scanned_one_after_the_other_from_the_first_slice_up(tmp_path: Path) -> None:
    headers = cranial_first(written(tmp_path, GE).pet_files)
    offsets = [round(float(header.FrameReferenceTime)) for header in headers]
    assert offsets == [246_000, 123_000, 123_000, 123_000, 0, 0, 0]
    assert [header.AcquisitionTime for header in headers] == sorted(
        (header.AcquisitionTime for header in headers), reverse=True
    )
    delay_ms = [
        float(siemens.FrameReferenceTime) - offset
        for siemens, offset in zip(cranial_first(written(tmp_path / "s", SIEMENS).pet_files), offsets, strict=True)
    ]
    assert delay_ms == pytest.approx([59_936.9] * 7, abs=0.1), "T/2 - λT²/24, a little before the middle"


def test_slopes_are_per_slice_or_one_as_the_vendor_does(tmp_path: Path) -> None:
    assert len({header.RescaleSlope for header in cranial_first(written(tmp_path / "ge", GE).pet_files)}) > 1
    assert len({header.RescaleSlope for header in cranial_first(written(tmp_path / "uih", UIH).pet_files)}) == 1


@pytest.mark.parametrize("rotation_deg", [0.0, 11.0])
@pytest.mark.parametrize("position", ["HFS", "FFS"])
def test_an_independent_reader_finds_values_and_geometry(tmp_path: Path, rotation_deg: float, position: str) -> None:
    ct = volume(Unit.HOUNSFIELD, 3000.0, rotation_deg)
    study = write_study(tmp_path, IDENTITY, ct, None, replace(GE, patient_position=position))
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "CT"), study.ct_series_uid))
    image = reader.Execute()
    assert image.GetSize() == ct.shape[::-1]
    for index in ((0, 0, 0), (6, 39, 35), (2, 11, 5)):
        there = image.TransformIndexToPhysicalPoint(index[::-1])
        assert there == pytest.approx(ct.points_mm(np.array([index]))[0], abs=2e-3)
    assert np.abs(SimpleITK.GetArrayFromImage(image) - ct.values).max() <= 0.501


def test_the_pair_shares_study_patient_and_frame_of_reference(tmp_path: Path) -> None:
    study = written(
        tmp_path, SIEMENS, plan=StudyPlan(distractors=frozenset({Distractor.SCOUT, Distractor.PROJECTIONS}))
    )
    headers = [dcmread(path, stop_before_pixels=True) for path in study.files]
    assert {header.StudyInstanceUID for header in headers} == {study.study_uid}
    assert {header.FrameOfReferenceUID for header in headers} == {study.frame_of_reference_uid}
    assert {str(header.PatientName) for header in headers} == {"Digital^Patient"}
    assert len({header.SOPInstanceUID for header in headers}) == len(headers)


def test_a_pet_can_have_a_frame_of_reference_of_its_own(tmp_path: Path) -> None:
    study = written(tmp_path, SIEMENS, plan=StudyPlan(pet_frame_of_reference="another table position"))
    assert dcmread(study.pet_files[0]).FrameOfReferenceUID != dcmread(study.ct_files[0]).FrameOfReferenceUID


def test_pet_says_the_posture_by_codes_and_not_by_patient_position(tmp_path: Path) -> None:
    header = dcmread(written(tmp_path, replace(GE, patient_position="FFS")).pet_files[0])
    assert "PatientPosition" not in header
    assert header.PatientGantryRelationshipCodeSequence[0].CodeValue == "102541007"


def test_the_same_arguments_give_the_same_bytes_and_another_seed_other_identifiers(tmp_path: Path) -> None:
    first, second = written(tmp_path / "1", GE), written(tmp_path / "2", GE)
    assert [path.read_bytes() for path in first.files] == [path.read_bytes() for path in second.files]
    assert written(tmp_path / "3", GE, plan=StudyPlan(seed="another")).study_uid != first.study_uid


def test_missing_and_doubled_slices_leave_the_number_of_slices_as_planned(tmp_path: Path) -> None:
    plan = StudyPlan(pet_flaws=Flaws(missing=(2,), doubled=(4,)))
    headers = cranial_first(written(tmp_path, GE, plan=plan).pet_files)
    places = [float(header.ImagePositionPatient[2]) for header in headers]
    assert len(headers) == 7
    assert {header.NumberOfSlices for header in headers} == {7}
    assert sorted(set(places)) == [-412.0 + 3.0 * index for index in (0, 1, 3, 4, 5, 6)]
    assert len({header.SOPInstanceUID for header in headers}) == 7


def test_what_a_vendor_omits_or_garbles_is_absent_or_garbled(tmp_path: Path) -> None:
    habits = replace(
        GE,
        omitted=frozenset({"PatientWeight", "RadionuclideHalfLife"}),
        dose_unit=DoseUnit.MBQ,
        injection_times=InjectionTimes.TIME_ONLY,
        timezone="+0900",
    )
    header = dcmread(written(tmp_path, habits).pet_files[0])
    injected = header.RadiopharmaceuticalInformationSequence[0]
    assert "PatientWeight" not in header
    assert "RadionuclideHalfLife" not in injected
    assert "RadiopharmaceuticalStartDateTime" not in injected
    assert float(injected.RadionuclideTotalDose) == 310.0
    assert header.TimezoneOffsetFromUTC == "+0900"


def test_a_scan_over_midnight_has_two_dates(tmp_path: Path) -> None:
    exam = Examination(administered=datetime(2024, 3, 5, 23, 30), bed_slices=3)
    header = dcmread(write_study(tmp_path, IDENTITY, None, SUV, SIEMENS, examination=exam).pet_files[0])
    assert header.SeriesDate == "20240306"
    assert header.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime[:8] == "20240305"


def test_a_therapy_nuclide_is_named_by_its_code(tmp_path: Path) -> None:
    exam = replace(EXAM, radiopharmaceutical=LUTETIUM_PSMA_617)
    header = dcmread(write_study(tmp_path, IDENTITY, None, SUV, SIEMENS, examination=exam).pet_files[0])
    assert header.RadiopharmaceuticalInformationSequence[0].RadionuclideCodeSequence[0].CodeValue == "447553000"


@pytest.mark.parametrize("language", list(SAMPLE_NAMES))
def test_names_survive_in_their_character_set(tmp_path: Path, language: str) -> None:
    name, character_set = SAMPLE_NAMES[language]
    identity = replace(IDENTITY, name=name, character_set=character_set)
    study = write_study(tmp_path, identity, CT, SUV, UIH)
    for path in (study.ct_files[0], study.pet_files[0]):
        assert str(dcmread(path).PatientName) == name


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless, ImplicitVRLittleEndian])
def test_transfer_syntaxes_lose_nothing(tmp_path: Path, syntax: UID) -> None:
    plain = cranial_first(written(tmp_path / "plain", GE).files)
    packed = cranial_first(written(tmp_path / "packed", replace(GE, transfer_syntax=syntax)).files)
    for first, second in zip(plain, packed, strict=True):
        assert second.file_meta.TransferSyntaxUID == syntax
        assert np.array_equal(first.pixel_array, second.pixel_array)


def test_distractors_say_what_they_are(tmp_path: Path) -> None:
    study = written(tmp_path, UIH, plan=StudyPlan(distractors=frozenset(Distractor)))
    first = {distractor: dcmread(tmp_path / distractor.value / "0001.dcm") for distractor in Distractor}
    assert list(first[Distractor.SCOUT].ImageType)[2] == "LOCALIZER"
    assert "ATTN" not in first[Distractor.UNCORRECTED_PET].CorrectedImage
    assert list(first[Distractor.PROJECTIONS].SeriesType)[1] == "REPROJECTION"
    assert first[Distractor.DIAGNOSTIC_CT].ContrastBolusAgent == "Iohexol"
    mapping = first[Distractor.REAL_WORLD_VALUES].ReferencedImageRealWorldValueMappingSequence[0]
    pet = dcmread(study.pet_files[0])
    suv = pet.pixel_array * mapping.RealWorldValueMappingSequence[0].RealWorldValueSlope
    assert np.abs(suv - SUV.values[-1]).max() < 1e-3


def test_enhanced_pet_maps_frames_to_suv_and_activity(tmp_path: Path) -> None:
    study = written(tmp_path, SIEMENS, plan=StudyPlan(storage=Storage.ENHANCED))
    pet, ct = dcmread(study.pet_files[0]), dcmread(study.ct_files[0])
    assert (len(study.files), pet.NumberOfFrames, ct.NumberOfFrames) == (2, 7, 7)
    for number, groups in enumerate(pet.PerFrameFunctionalGroupsSequence):
        suv_slope = groups.RealWorldValueMappingSequence[1].RealWorldValueSlope
        assert groups.RealWorldValueMappingSequence[1].MeasurementUnitsCodeSequence[0].CodeValue == "g/ml{SUVbw}"
        assert np.abs(pet.pixel_array[number] * suv_slope - SUV.values[6 - number]).max() <= 0.5001 * suv_slope + 1e-5
    highest = float(pet.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient[2])
    assert highest == -412.0 + 6 * 3.0
    assert np.abs(ct.pixel_array[0] - 1024 - CT.values[-1]).max() <= 0.501


def test_enhanced_pet_has_no_way_to_say_counts(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Bq/ml"):
        written(tmp_path, PHILIPS, plan=StudyPlan(storage=Storage.ENHANCED))


@pytest.mark.skipif(DCIODVFY is None, reason="dciodvfy is not installed")
@pytest.mark.parametrize("vendor", [*VENDORS, "enhanced"])
def test_a_validator_finds_no_error(tmp_path: Path, vendor: str) -> None:
    everything = frozenset(Distractor) if vendor == "UIH" else frozenset(Distractor) - {Distractor.REAL_WORLD_VALUES}
    if vendor == "enhanced":
        study = written(tmp_path, SIEMENS, plan=StudyPlan(storage=Storage.ENHANCED))
    else:
        study = written(tmp_path, VENDORS[vendor], plan=StudyPlan(distractors=everything))
    for path in study.files:
        if path.name == "0001.dcm":
            answer = subprocess.run([str(DCIODVFY), "-new", str(path)], capture_output=True, check=False)
            said = (answer.stdout + answer.stderr).decode("utf-8", "replace").splitlines()
            assert [line for line in said if line.startswith("Error")] == [], path
