"""A real PACS between a scanner and the node, and the plainest receiver: what Orthanc and DCMTK make of the results."""

import os
import time
from dataclasses import replace
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from config.finding import FindingKind
from config.profiles import Profile, kinds_of
from config.reasons import Reason
from config.result_kind import ResultKind
from config.settings import Destination
from config.vocabulary import Laterality, vocabulary
from db.detail import FindingDetail, ReportDetail, ResultDetail, StudyDetail
from db.states import DeliveryState, Disposition, ReportOutcome, StudyState
from dicom_io.reading.files import find_instances
from dicom_io.scanner.examination import SAMPLE_NAMES, PatientIdentity
from dicom_io.scanner.study import StudyPlan, WrittenStudy, write_study
from dicom_io.scanner.vendors import SIEMENS
from inference.patient.patient import DigitalPatient, Grid

pytestmark = [pytest.mark.orthanc, pytest.mark.timeout(180, func_only=True)]  # the bench may be in use

PATIENT = DigitalPatient.default(seed=3)
CT_GRID = Grid.axial((72, 96, 96), (6.0, 5.2083, 5.2083), (0.0, 0.0, 40.0))
PET_GRID = Grid.axial((72, 96, 96), (6.0, 5.4, 5.4), (0.0, 0.0, 40.0))
NAME, CHARACTER_SET = SAMPLE_NAMES["Japanese"]


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


def delivered(report: ReportDetail) -> list[ResultDetail]:
    return [result for result in report.results if result.deliveries]


def data_set(part_10: bytes) -> bytes:
    """What follows the File Meta Information, whose group length is its first element (PS3.10 Section 7.1)."""
    assert part_10[128:136] == b"DICM\x02\x00\x00\x00"
    return part_10[144 + int.from_bytes(part_10[140:144], "little") :]


def uncompressed(part_10: bytes) -> bytes:
    """The same instance in Explicit VR Little Endian; as it is if it is uncompressed."""
    dataset = dcmread(BytesIO(part_10))
    if not dataset.file_meta.TransferSyntaxUID.is_compressed:
        return part_10
    dataset.decompress(generate_instance_uid=False)
    written = BytesIO()
    dataset.save_as(written)
    return written.getvalue()


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
    results = delivered(real_report)
    assert dict.fromkeys(result.kind for result in results) == dict.fromkeys(kinds_of(Profile.GENERAL))
    for result in results:
        assert data_set(bench.instance(result.sop_instance_uid)) == data_set(node.stored(result.path))


# Digital patients


@pytest.mark.parametrize("lesions", [0, 1, len(PATIENT.lesions)])
def test_the_pacs_has_the_results_as_the_node_wrote_them(bench, node, tmp_path: Path, lesions: int) -> None:
    patient = replace(PATIENT, lesions=PATIENT.lesions[:lesions])
    study = scan(tmp_path, f"{lesions} lesions", patient)
    report = examined(bench, node, study.folder, study.study_uid)
    found = [finding for finding in report.findings if finding.kind is FindingKind.LESION]
    assert report.outcome is (ReportOutcome.LESIONS if lesions else ReportOutcome.NO_LESIONS)
    assert min(lesions, 2) <= len(found) <= lesions
    for result in delivered(report):
        assert data_set(bench.instance(result.sop_instance_uid)) == data_set(node.stored(result.path))


def test_a_japanese_name_in_its_old_character_set_comes_back_unharmed(bench, node, tmp_path: Path) -> None:
    study = scan(tmp_path, "japanese")
    report = examined(bench, node, study.folder, study.study_uid)
    results = [bench.instance(result.sop_instance_uid) for result in delivered(report)]
    assert {str(dcmread(BytesIO(result)).PatientName) for result in results} == {NAME}


def test_results_of_a_routed_study_are_not_analysed_again(bench, node, tmp_path: Path) -> None:
    study = scan(tmp_path, "routed")
    bench.store(bench.orthanc, study.folder)
    bench.route(study.study_uid)
    node.detail_when(study.study_uid, is_delivered)
    modalities = bench.modalities(study.study_uid)
    assert modalities == ["CT", "KO", "OT", "OT", "PT", "SEG", "SR"]

    bench.route(study.study_uid)
    (report,) = node.detail(study.study_uid).reports
    node.detail_when(study.study_uid, lambda seen: len(seen.unused) == len(delivered(report)))
    again = node.detail_when(study.study_uid, lambda seen: all(one.closed_at for one in seen.arrivals))
    assert sum(arrival.duplicates for arrival in again.arrivals) == len(study.files)
    assert {one.disposition for one in again.unused} == {Disposition.RETURNED}
    time.sleep(node.quiet_time_s + 2.0)
    after = node.detail(study.study_uid)
    assert (after.summary.state, after.summary.revision) == (StudyState.DELIVERED, 1)
    assert len(after.reports) == 1
    assert bench.modalities(study.study_uid) == modalities


# Destinations that take less


def every_profile(peer: Destination) -> tuple[Destination, ...]:
    """The peer under a name for each profile, with all that a profile can ask for."""
    return tuple(
        peer.model_copy(update={"name": str(profile), "profile": profile, "outlines": True}) for profile in Profile
    )


def expected(profile: Profile, *refused: ResultKind) -> dict[ResultKind, DeliveryState]:
    """Everything sent, and instead of organ maps, where they are refused, masks."""
    states = dict.fromkeys(kinds_of(profile, outlines=True, organ_map=True), DeliveryState.SENT)
    if ResultKind.ORGAN_MAP in refused:
        states |= {ResultKind.ORGAN_MAP: DeliveryState.REPLACED, ResultKind.ORGAN_MASKS: DeliveryState.SENT}
    return states


@pytest.mark.parametrize("takes_unknown_classes", [True, False])
def test_orthanc_takes_every_profile(bench, serve, tmp_path: Path, takes_unknown_classes: bool) -> None:
    """Label maps, which it does not know, only if told to take what it does not know."""
    study = scan(tmp_path, f"profiles {takes_unknown_classes}")
    refused = () if takes_unknown_classes else (ResultKind.ORGAN_MAP,)
    bench.down()
    try:
        bench.up(unknown_sop_classes=takes_unknown_classes)
        with serve(*every_profile(bench.orthanc), results="organ_map = true") as node:
            bench.store(node.address, study.folder)
            (report,) = node.detail_when(study.study_uid, is_delivered).reports
        for profile in Profile:
            assert deliveries(report, profile) == expected(profile, *refused)
        for result in report.results:
            if any(one.state is DeliveryState.SENT for one in result.deliveries):
                assert data_set(bench.instance(result.sop_instance_uid)) == data_set(node.stored(result.path))
    finally:
        bench.down()
        bench.up()


def test_the_plainest_receiver_takes_every_profile(bench, serve, storescp, tmp_path: Path) -> None:
    study = scan(tmp_path, "storescp")
    with storescp() as receiver, serve(*every_profile(receiver), results="organ_map = true") as node:
        bench.store(node.address, study.folder)
        (report,) = node.detail_when(study.study_uid, is_delivered).reports
    for profile in Profile:
        assert deliveries(report, profile) == expected(profile, ResultKind.ORGAN_MAP)
    sent = [one for one in report.results if any(each.state is DeliveryState.SENT for each in one.deliveries)]
    received = sorted(data_set(file.read_bytes()) for file in (tmp_path / "received").iterdir())
    assert received == sorted(data_set(uncompressed(node.stored(result.path))) for result in sent)


def test_a_receiver_that_refuses_a_class_gets_another_that_is_on_record(bench, serve, storescp, tmp_path: Path) -> None:
    study = scan(tmp_path, "selective")
    profile = tmp_path / "selective.cfg"
    profile.write_text(NO_SEGMENTATIONS)
    with storescp("-xf", profile, "Selective") as receiver, serve(receiver) as node:
        bench.store(node.address, study.folder)
        (report,) = node.detail_when(study.study_uid, is_delivered).reports
    assert deliveries(report, receiver.name) == {
        ResultKind.SEGMENTATION: DeliveryState.REPLACED,
        ResultKind.REPORT: DeliveryState.SENT,
        ResultKind.PICTURE: DeliveryState.SENT,
        ResultKind.KEY_IMAGES: DeliveryState.SENT,
        ResultKind.KEY_OBJECTS: DeliveryState.OMITTED,
    }
    (segmentation,) = [result for result in report.results if result.kind is ResultKind.SEGMENTATION]
    (delivery,) = segmentation.deliveries
    assert (delivery.sent_instead, delivery.reason) == (
        ResultKind.KEY_IMAGES,
        Reason.DESTINATION_REFUSES_SOP_CLASS,
    )


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


def deliveries(report: ReportDetail, destination: str) -> dict[ResultKind, DeliveryState]:
    """Of one destination, by kind; of several objects of a kind the last."""
    found = [(result.kind, one) for result in report.results for one in result.deliveries]
    return {kind: one.state for kind, one in found if one.destination == destination}
