"""Studies that come as they do in a hospital: routed by a PACS (Orthanc by its Lua scripts), by scanners, in pieces."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage, generate_uid
from pynetdicom import AE

from config.reasons import Reason
from config.settings import Destination
from db.audit_actions import AuditAction
from db.detail import StudyDetail
from db.queries import audit_events
from db.session import Database
from db.states import StudyState
from dicom_io.scanner.examination import Examination
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from tests.e2e.conftest import wait_for
from tests.e2e.private_orthanc import EXECUTABLE, PrivateOrthanc, running_orthanc

STORESCU = Path("/usr/bin/storescu")
pytestmark = [
    pytest.mark.orthanc,
    pytest.mark.skipif(EXECUTABLE is None or not STORESCU.exists(), reason="Orthanc and DCMTK are not installed"),
    pytest.mark.timeout(300, func_only=True),
]

ROUTING = """
function OnStoredInstance(instance, tags, metadata)
  if tags['AccessionNumber'] == 'AT-ONCE' and (tags['Modality'] == 'CT' or tags['Modality'] == 'PT') then
    SendToModality(instance, 'UPTAKE')
  end
end

function OnStableStudy(study, tags, metadata)
  if tags['AccessionNumber'] == 'WHEN-STABLE' then
    RestApiPost('/modalities/UPTAKE/store', DumpJson({ Resources = { study }, Synchronous = false }))
  end
end
"""
"""Each image as it comes, or a whole study, results that have come back too, when nothing has come for two seconds."""

AS_A_SOURCE = """
[[sources]]
ae_title = "ROUTER"
quiet_time_s = 600
archive = "router"
"""

Serve = Callable[..., AbstractContextManager[Any]]
Write = Callable[..., WrittenStudy]


@pytest.fixture
def router(tmp_path: Path) -> Iterator[PrivateOrthanc]:
    with running_orthanc(tmp_path / "router", "ROUTER", ROUTING) as router:
        yield router


def storescu(peer: Destination, files: Sequence[Path], calling_ae: str = "SCANNER") -> None:
    """One association of DCMTK's, the files in their order."""
    where = ("-aet", calling_ae, "-aec", peer.ae_title, peer.host, str(peer.port))
    command = [STORESCU, "--required", *where, *files]
    sent = subprocess.run(list(map(str, command)), env={**os.environ, "TCP_NODELAY": "1"}, timeout=120, check=False)
    assert sent.returncode == 0


def send_from_another_host(peer: Destination, files: Sequence[Path]) -> None:
    """One association from 127.0.0.2."""
    entity = AE("CONSOLE")
    for sop_class in (CTImageStorage, PositronEmissionTomographyImageStorage):
        entity.add_requested_context(sop_class, ExplicitVRLittleEndian)
    association = entity.associate(peer.host, peer.port, ae_title=peer.ae_title, bind_address=("127.0.0.2", 0))
    assert [association.send_c_store(dcmread(file)).Status for file in files] == [0x0000] * len(files)
    association.release()


def seen_when(node: Any, study_uid: str, condition: Callable[[StudyDetail], bool]) -> StudyDetail:
    wait_for(lambda: (seen := node.detail(study_uid)) is not None and condition(seen), f"node at {node.folder}", 240)
    found: StudyDetail = node.detail(study_uid)
    return found


def is_judged(study: StudyDetail) -> bool:
    return study.summary.state is not StudyState.RECEIVING


def is_reported(study: StudyDetail) -> bool:
    return study.summary.state in (StudyState.ENCODED, StudyState.DELIVERED)


def evidence(node: Any, study_uid: str) -> list[str]:
    """By which each revision of a study went to analysis."""
    database = Database.open(f"sqlite:///{node.folder}/spool/uptake.db")
    with database.reading() as session:
        events = audit_events(session, study=study_uid, action=AuditAction.STUDY_COMPLETE)
    database.close()
    return [str(event.detail["evidence"]) for event in events]


def without_number_of_slices(study: WrittenStudy) -> None:
    for file in study.pet_files:
        header = dcmread(file)
        del header.NumberOfSlices
        header.save_as(file)


def test_a_pacs_that_routes_each_image_as_it_comes_is_waited_for(
    router: PrivateOrthanc, serve: Serve, write: Write
) -> None:
    study = write(examination=Examination(accession="AT-ONCE"))
    with serve(router.address, results=AS_A_SOURCE) as node:
        router.introduce(node.address)
        storescu(router.address, study.files)
        found = seen_when(node, study.study_uid, is_judged)
        (by,) = evidence(node, study.study_uid)
    assert (found.summary.revision, found.summary.instances) == (1, len(study.files))
    assert all(arrival.calling_ae == "ROUTER" for arrival in found.arrivals)
    assert by.endswith("The archive holds no more than came.")


def test_what_headers_do_not_tell_the_pacs_does(router: PrivateOrthanc, serve: Serve, write: Write) -> None:
    """The quiet time would be ten minutes."""
    study = write(examination=Examination(accession="WHEN-STABLE"))
    without_number_of_slices(study)
    with serve(router.address, results=AS_A_SOURCE) as node:
        router.introduce(node.address)
        storescu(router.address, study.files)
        found = seen_when(node, study.study_uid, is_judged)
        (by,) = evidence(node, study.study_uid)
    assert (found.summary.revision, found.summary.instances) == (1, len(study.files))
    assert by == (
        "The PET does not say how many slices it has (Number of Slices). The archive holds no more than came."
    )


def test_one_study_may_come_on_three_associations_from_two_hosts(
    router: PrivateOrthanc, serve: Serve, write: Write
) -> None:
    study = write()
    storescu(router.address, study.files)
    with serve(router.address, results=AS_A_SOURCE) as node:
        router.introduce(node.address)
        storescu(node.address, study.ct_files)
        send_from_another_host(node.address, study.pet_files[::2])
        half = seen_when(node, study.study_uid, lambda seen: len([one for one in seen.arrivals if one.closed_at]) == 2)
        assert half.summary.state is StudyState.RECEIVING
        router.send(study.pet_files[1::2], node.address)
        found = seen_when(node, study.study_uid, is_judged)
        assert len(evidence(node, study.study_uid)) == 1
    assert [(one.calling_ae, one.address, one.accepted) for one in found.arrivals] == [
        ("SCANNER", "127.0.0.1", len(study.ct_files)),
        ("CONSOLE", "127.0.0.2", len(study.pet_files) // 2),
        ("ROUTER", "127.0.0.1", len(study.pet_files) // 2),
    ]
    assert found.summary.revision == 1


def test_two_studies_may_come_interleaved_on_one_association(
    router: PrivateOrthanc, serve: Serve, write: Write
) -> None:
    studies = [write(plan=StudyPlan(seed=seed)) for seed in ("a", "b")]
    mixed = [file for both in zip(*(study.files for study in studies), strict=True) for file in both]
    with serve(router.address) as node:
        storescu(node.address, mixed)
        found = [seen_when(node, study.study_uid, is_judged) for study in studies]
    assert [(one.summary.revision, len(one.arrivals), one.arrivals[0].accepted) for one in found] == [
        (1, 1, len(study.files)) for study in studies
    ]


def test_a_series_that_is_sent_again_with_corrections_is_what_the_next_report_is_of(
    router: PrivateOrthanc, serve: Serve, write: Write
) -> None:
    study = write()
    corrected, under_the_old_uids = [], []
    series_uid = generate_uid()
    for file in study.pet_files:
        header = dcmread(file)
        header.PatientWeight = header.PatientWeight + 5
        under_the_old_uids.append(file.with_suffix(".altered"))
        header.save_as(under_the_old_uids[-1])
        header.SeriesInstanceUID, header.SOPInstanceUID = series_uid, generate_uid()
        header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
        header.SeriesTime = "235900"
        corrected.append(file.with_suffix(".corrected"))
        header.save_as(corrected[-1])
    with serve(router.address) as node:
        storescu(node.address, study.files)
        seen_when(node, study.study_uid, is_reported)
        storescu(node.address, under_the_old_uids)
        aside = seen_when(node, study.study_uid, lambda seen: len(seen.unused) == len(study.pet_files))
        assert (is_reported(aside), aside.summary.revision) == (True, 1)
        assert {one.reason for one in aside.unused} == {Reason.UID_CONFLICT}
        assert {node.stored(one.path)[128:132] for one in aside.unused} == {b"DICM"}
        storescu(node.address, corrected)
        found = seen_when(node, study.study_uid, lambda seen: len(seen.reports) == 2)
    assert [report.pet_series_uid for report in found.reports] == [study.pet_series_uid, series_uid]
