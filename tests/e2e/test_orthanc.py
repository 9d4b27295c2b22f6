"""A real PACS between a scanner and the node: Orthanc, DCMTK, and third-party validators judge the results."""

import os
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pydicom import dcmread

from config.finding import FindingKind
from config.reasons import Reason
from config.vocabulary import Laterality, vocabulary
from db.detail import FindingDetail, ReportDetail, StudyDetail
from db.states import DeliveryState, ReportOutcome, StudyState
from dicom_io.reading.files import find_instances
from dicom_io.scanner.examination import SAMPLE_NAMES, PatientIdentity
from dicom_io.scanner.study import StudyPlan, WrittenStudy, write_study
from dicom_io.scanner.vendors import SIEMENS
from inference.patient.patient import DigitalPatient, Grid

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(180)]

PATIENT = DigitalPatient.default(seed=3)
CT_GRID = Grid.axial((72, 96, 96), (6.0, 5.2083, 5.2083), (0.0, 0.0, 40.0))
PET_GRID = Grid.axial((72, 96, 96), (6.0, 5.4, 5.4), (0.0, 0.0, 40.0))
NAME, CHARACTER_SET = SAMPLE_NAMES["Japanese"]
COMPLAINT = 'Template 1410 PlanarROIMeasurements/[Row 1] CONTAINER (125007,DCM,"Measurement Group")'


def scan(
    folder: Path, seed: str, patient: DigitalPatient = PATIENT, character_set: tuple[str, ...] = CHARACTER_SET
) -> WrittenStudy:
    """A study of a digital patient with a Japanese name, neck to kidneys; another seed is another study."""
    body = (patient.sex.value, patient.weight_kg, patient.height_m)
    identity = PatientIdentity(NAME, "DIGITAL-3", date(1960, 2, 3), *body, character_set)
    plan = StudyPlan(seed=seed)
    return write_study(folder / seed, identity, patient.ct(CT_GRID), patient.suv(PET_GRID), SIEMENS, plan=plan)


def is_delivered(study: StudyDetail) -> bool:
    return study.summary.state is StudyState.DELIVERED


def examined(bench, node, folder: Path, study_uid: str) -> ReportDetail:
    """What the node reports of a study that a scanner sends to the PACS and to the node."""
    bench.store(bench.orthanc, folder)
    bench.store(node.address, folder)
    (report,) = node.detail_when(study_uid, is_delivered).reports
    return report


def fetched(bench, report: ReportDetail, folder: Path) -> Path:
    """The results as Orthanc has them."""
    folder.mkdir()
    for result in report.results:
        (folder / f"{result.kind}.dcm").write_bytes(bench.instance(result.sop_instance_uid))
    return folder


def data_set(part_10: bytes) -> bytes:
    """What follows the File Meta Information, whose group length is its first element (PS3.10 Section 7.1)."""
    assert part_10[128:136] == b"DICM\x02\x00\x00\x00"
    return part_10[144 + int.from_bytes(part_10[140:144], "little") :]


def with_suv_max(report: ReportDetail, suv_max: float) -> FindingDetail:
    (found,) = [finding for finding in report.findings if abs(finding.suv_max - suv_max) < 0.1]
    return found


def region(finding: FindingDetail) -> str:
    """Of the body, by the vocabulary."""
    (found,) = {
        location.region
        for location in vocabulary()
        if finding.location_name in (location.name, location.coarse, f"{location.laterality} {location.coarse}")
    }
    return found


# A real study (TCIA ACRIN-NSCLC-FDG-PET)


@pytest.fixture(scope="module")
def real_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that can be sent: the archive's instances lack SOP and Series Instance UID in their data sets."""
    if "UPTAKE_TEST_STUDY" not in os.environ:
        pytest.skip("UPTAKE_TEST_STUDY names no real PET/CT study")
    folder = tmp_path_factory.mktemp("completed")
    for header in find_instances(Path(os.environ["UPTAKE_TEST_STUDY"])).headers:
        instance = dcmread(header.filename)
        instance.SOPInstanceUID = header.SOPInstanceUID
        instance.SeriesInstanceUID = header.SeriesInstanceUID
        instance.save_as(folder / f"{header.SOPInstanceUID}.dcm")
    return folder


@pytest.fixture(scope="module")
def real_report(bench, node, real_study: Path) -> ReportDetail:
    return examined(bench, node, real_study, study_uid(real_study))


def study_uid(folder: Path) -> str:
    return str(dcmread(next(folder.iterdir()), specific_tags=["StudyInstanceUID"]).StudyInstanceUID)


@pytest.mark.real
def test_the_corrected_pet_is_measured_with_the_vendors_factor(node, real_study: Path, real_report) -> None:
    series = {one.series_uid: one for one in node.detail(study_uid(real_study)).series}
    assert series[real_report.pet_series_uid].description == "PET AC"
    assert series[real_report.ct_series_uid].description == "CT IMAGES"
    assert {one.description: one.kind for one in series.values()} == {
        "PET AC": "PET",
        "PET NAC": "PET without attenuation correction",
        "CT IMAGES": "attenuation CT",
        "SCOUT": "scout",
        "PET SUV Factors": "real world value mapping",
    }
    assert real_report.suv_factor == pytest.approx(0.00042111, abs=5e-9)


@pytest.mark.real
def test_what_a_person_sees_in_the_real_study_is_reported(real_report) -> None:
    mass, focus = with_suv_max(real_report, 42.2), with_suv_max(real_report, 13.4)
    assert (mass.kind, mass.laterality, region(mass)) == (FindingKind.LESION, Laterality.RIGHT, "chest")
    assert (focus.kind, region(focus)) == (FindingKind.LESION, "chest")
    kidneys = [finding for finding in real_report.findings if "kidney" in finding.location_name]
    assert {kidney.laterality for kidney in kidneys} == {Laterality.RIGHT, Laterality.LEFT}
    assert {kidney.kind for kidney in kidneys} == {FindingKind.PHYSIOLOGIC}


@pytest.mark.real
def test_the_pacs_has_the_real_results_as_the_node_wrote_them(bench, node, real_report) -> None:
    assert [str(result.kind) for result in real_report.results] == ["SEG", "SR", "picture"]
    for result in real_report.results:
        assert data_set(bench.instance(result.sop_instance_uid)) == data_set(node.stored(result.path))


@pytest.mark.real
def test_validators_find_no_error_in_the_real_results(bench, real_study: Path, real_report, tmp_path: Path) -> None:
    """dcentvfy gets the PET too, and calls its slices inconsistent; of our objects it may say nothing."""
    results = fetched(bench, real_report, tmp_path / "results")
    pet = [
        file
        for file in real_study.iterdir()
        if dcmread(file, specific_tags=["SeriesInstanceUID"]).SeriesInstanceUID == real_report.pet_series_uid
    ]
    errors = bench.validate(results, *pet).errors
    del errors["dcentvfy"]
    assert set(errors.values()) == {0}, errors
    said = bench.run_program("dcentvfy", *results.iterdir(), *pet).lines("Error")
    assert [line for line in said if "IE=<Series>" not in line or "Element=<NumberOfTimeSlices>" not in line] == []
    assert [line for line in said if str(results) in line] == []


# Digital patients


@pytest.mark.parametrize("lesions", [0, 1, len(PATIENT.lesions)])
def test_validators_find_no_error_in_digital_results(bench, node, tmp_path: Path, lesions: int) -> None:
    """In UTF-8 from the start, because dcentvfy compares names byte by byte, whatever their character set."""
    patient = replace(PATIENT, lesions=PATIENT.lesions[:lesions])
    study = scan(tmp_path, f"{lesions} lesions", patient, ("ISO_IR 192",))
    report = examined(bench, node, study.folder, study.study_uid)
    found = [finding for finding in report.findings if finding.kind is FindingKind.LESION]
    assert report.outcome is (ReportOutcome.LESIONS if lesions else ReportOutcome.NO_LESIONS)
    assert min(lesions, 2) <= len(found) <= lesions

    results = fetched(bench, report, tmp_path / "results")
    for result in report.results:
        assert data_set((results / f"{result.kind}.dcm").read_bytes()) == data_set(node.stored(result.path))

    validation = bench.validate(results, *study.pet_files)
    expected = dict.fromkeys(validation.errors, 0)
    if len(found) == 1:
        # PixelMed's rule applies TID 1410 to every group of a report that has just one image region, so also to the
        # TID 1411 group. What would silence it is worse: a second region makes OHIF list the lesion twice, a frame of
        # the segmentation in the volumetric group would have to name one source image in place of the series.
        expected["PixelMed DicomSRValidator"] = 2
        complaints = bench.run("srvalidate.sh", results / "SR.dcm", timeout_s=60).lines("Error:")
        assert len([line for line in complaints if COMPLAINT in line and line.endswith(" content item")]) == 2
    assert validation.errors == expected, validation.output


def test_a_japanese_name_in_its_old_character_set_comes_back_unharmed(bench, node, tmp_path: Path) -> None:
    study = scan(tmp_path, "japanese")
    report = examined(bench, node, study.folder, study.study_uid)
    names = [dcmread(file).PatientName for file in fetched(bench, report, tmp_path / "results").iterdir()]
    assert names == [NAME] * 3


def test_results_of_a_routed_study_are_not_analysed_again(bench, node, tmp_path: Path) -> None:
    study = scan(tmp_path, "routed")
    bench.store(bench.orthanc, study.folder)
    bench.route(study.study_uid)
    node.detail_when(study.study_uid, is_delivered)
    assert bench.modalities(study.study_uid) == ["CT", "OT", "PT", "SEG", "SR"]

    bench.route(study.study_uid)
    arrived = len(study.files) + 3
    node.detail_when(study.study_uid, lambda seen: sum(one.accepted for one in seen.arrivals) == arrived)
    again = node.detail_when(study.study_uid, lambda seen: all(one.closed_at for one in seen.arrivals))
    assert sum(arrival.duplicates for arrival in again.arrivals) == len(study.files)
    time.sleep(node.quiet_time_s + 2.0)
    after = node.detail(study.study_uid)
    assert (after.summary.state, after.summary.revision) == (StudyState.DELIVERED, 1)
    assert len(after.reports) == 1
    assert bench.modalities(study.study_uid) == ["CT", "OT", "PT", "SEG", "SR"]


# Destinations that take less


def test_a_pacs_that_refuses_unknown_classes_takes_the_results(bench, node, tmp_path: Path) -> None:
    study = scan(tmp_path, "strict")
    bench.down()
    try:
        bench.up(unknown_sop_classes=False)
        bench.store(node.address, study.folder)
        (report,) = node.detail_when(study.study_uid, is_delivered).reports
        assert bench.modalities(study.study_uid) == ["OT", "SEG", "SR"]
        assert deliveries(report) == dict.fromkeys(("SEG", "SR", "picture"), (DeliveryState.SENT, None))
    finally:
        bench.down()
        bench.up()


def test_the_plainest_receiver_takes_the_results(bench, serve, storescp, tmp_path: Path) -> None:
    study = scan(tmp_path, "storescp")
    with storescp() as receiver, serve(receiver) as node:
        bench.store(node.address, study.folder)
        (report,) = node.detail_when(study.study_uid, is_delivered).reports
    assert deliveries(report) == dict.fromkeys(("SEG", "SR", "picture"), (DeliveryState.SENT, None))
    received = sorted(data_set(file.read_bytes()) for file in (tmp_path / "received").iterdir())
    assert received == sorted(data_set(node.stored(result.path)) for result in report.results)


def test_a_receiver_that_refuses_a_class_is_on_record(bench, serve, storescp, tmp_path: Path) -> None:
    study = scan(tmp_path, "selective")
    profile = tmp_path / "selective.cfg"
    profile.write_text(NO_SEGMENTATIONS)
    with storescp("-xf", profile, "Selective") as receiver, serve(receiver) as node:
        bench.store(node.address, study.folder)
        ended = node.detail_when(study.study_uid, lambda seen: seen.summary.state is StudyState.FAILED)
    (report,) = ended.reports
    assert deliveries(report) == {
        "SEG": (DeliveryState.REFUSED, Reason.DESTINATION_REFUSES_SOP_CLASS),
        "SR": (DeliveryState.SENT, None),
        "picture": (DeliveryState.SENT, None),
    }
    assert len(list((tmp_path / "received").iterdir())) == 2


NO_SEGMENTATIONS = r"""
[[TransferSyntaxes]]
[Uncompressed]
TransferSyntax1 = LittleEndianExplicit
[[PresentationContexts]]
[ReportsAndPictures]
PresentationContext1 = VerificationSOPClass\Uncompressed
PresentationContext2 = ComprehensiveSRStorage\Uncompressed
PresentationContext3 = SecondaryCaptureImageStorage\Uncompressed
[[Profiles]]
[Selective]
PresentationContexts = ReportsAndPictures
"""


def deliveries(report: ReportDetail) -> dict[str, tuple[DeliveryState, Reason | None]]:
    return {str(result.kind): (one.state, one.reason) for result in report.results for one in result.deliveries}
