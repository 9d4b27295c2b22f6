"""When a study is complete: what its headers prove, what an archive holds, which associations are open, and time."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind
from typer.testing import CliRunner

from config.reasons import Reason
from config.settings import Destination, Source
from db.audit_actions import AuditAction
from db.states import StudyState
from dicom_io.scanner.study import Distractor, StudyPlan, WrittenStudy
from node.cli import app

Write = Callable[..., WrittenStudy]


class Archive:
    """A PACS that answers C-FIND with the numbers of instances that it is said to hold."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, int]] = {}
        self.asked = 0
        self._entity = AE("PACS")
        self._entity.add_supported_context(StudyRootQueryRetrieveInformationModelFind)
        handlers = [(evt.EVT_C_FIND, self._find)]
        self.server = self._entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)

    def hold(self, *files: Path) -> None:
        """So many as these, and no others."""
        self._held = {}
        for file in files:
            header = dcmread(file, stop_before_pixels=True)
            modality, count = self._held.get(header.SeriesInstanceUID, (header.Modality, 0))
            self._held[header.SeriesInstanceUID] = (modality, count + 1)

    def stop(self) -> None:
        self._entity.shutdown()

    @property
    def destination(self) -> Destination:
        return Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=self.server.server_address[1])

    def _find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        self.asked += 1
        for series_uid, (modality, count) in self._held.items():
            match = Dataset()
            match.StudyInstanceUID = event.identifier.StudyInstanceUID
            match.SeriesInstanceUID, match.Modality = series_uid, modality
            match.NumberOfSeriesRelatedInstances = count
            yield 0xFF00, match


@pytest.fixture
def archive() -> Iterator[Archive]:
    running = Archive()
    yield running
    running.stop()


@pytest.fixture
def node(start_node: Callable[..., Any], archive: Archive) -> Any:
    """It knows the scanner as a source whose archive is the PACS, and a workstation that takes its time."""
    sources = (Source(ae_title="SCANNER", archive="pacs"), Source(ae_title="WORKSTATION", quiet_time_s=600))
    return start_node(destinations=(archive.destination,), sources=sources)


def state(node: Any, study: WrittenStudy) -> StudyState:
    return node.study(study.study_uid).summary.state


def evidence(node: Any) -> str:
    """By which the last study went to analysis, as the audit trail has it."""
    (*_, found) = [entry for entry in node.audit() if entry.action is AuditAction.STUDY_COMPLETE]
    return str(found.detail["evidence"])


def without_number_of_slices(study: WrittenStudy) -> None:
    for file in study.pet_files:
        header = dcmread(file)
        del header.NumberOfSlices
        header.save_as(file)


def test_a_whole_study_of_which_the_archive_holds_as_much_is_analysed_at_once(node, archive, write: Write) -> None:
    study = write()
    archive.hold(*study.files)
    node.receive(study.files)
    node.run()
    assert state(node, study) is StudyState.ENCODED
    assert evidence(node).endswith("The archive holds no more than came.")


def test_a_series_that_only_the_archive_has_yet_is_waited_for(node, archive, write: Write) -> None:
    study = write(plan=StudyPlan(distractors=frozenset({Distractor.DIAGNOSTIC_CT})))
    archive.hold(*study.files)
    node.receive([*study.ct_files, *study.pet_files])
    node.run()
    assert state(node, study) is StudyState.RECEIVING
    node.receive(study.other_files)
    node.run()
    assert (state(node, study), node.study(study.study_uid).summary.revision) == (StudyState.ENCODED, 1)


def test_a_whole_pair_is_analysed_after_the_quiet_time_whatever_else_the_archive_holds(
    node, archive, write: Write
) -> None:
    study = write(plan=StudyPlan(distractors=frozenset({Distractor.DIAGNOSTIC_CT})))
    archive.hold(*study.files)
    node.receive([*study.ct_files, *study.pet_files])
    node.run()
    node.wait()
    assert state(node, study) is StudyState.ENCODED
    assert f"pacs holds {len(study.other_files)} instances of the CT series" in evidence(node)
    assert evidence(node).startswith("Quiet time passed.")


def test_a_pet_that_does_not_count_its_slices_is_analysed_when_the_archive_holds_no_more(
    node, archive, write: Write
) -> None:
    study = write()
    without_number_of_slices(study)
    archive.hold(*study.files)
    node.receive(study.files)
    node.run()
    assert state(node, study) is StudyState.RECEIVING
    node.wait(11)
    assert state(node, study) is StudyState.ENCODED


def test_a_pet_that_does_not_count_its_slices_is_refused_when_the_archive_holds_more(
    node, archive, write: Write
) -> None:
    study = write()
    without_number_of_slices(study)
    archive.hold(*study.files)
    lowest = sorted(study.pet_files, key=lambda file: float(dcmread(file).ImagePositionPatient[2]))[:10]
    node.receive([file for file in study.files if file not in lowest])
    node.run()
    node.wait(59)
    assert state(node, study) is StudyState.RECEIVING
    node.wait(2)
    summary = node.study(study.study_uid).summary
    assert (summary.state, summary.reason) == (StudyState.REJECTED, Reason.INCOMPLETE)
    assert f"pacs holds 72 instances of the PT series {study.pet_series_uid}, 62 came." in str(summary.detail)


def test_results_that_the_archive_has_already_are_not_waited_for(node, archive, write: Write) -> None:
    study = write()
    archive.hold(*study.files)
    node.receive(study.files)
    node.run()
    results = [node.spool.folder / result.path for result in node.study(study.study_uid).reports[0].results]
    more = write(plan=StudyPlan(distractors=frozenset({Distractor.DIAGNOSTIC_CT}))).other_files
    archive.hold(*study.files, *more, *results)
    node.receive(more)
    node.run()
    assert state(node, study) is StudyState.ENCODED
    assert [entry.action for entry in node.audit()].count(AuditAction.REPORT_STANDS) == 1


def test_a_dead_archive_delays_nothing(node, archive, write: Write) -> None:
    archive.stop()
    study = write()
    node.receive(study.files)
    node.run()
    assert state(node, study) is StudyState.ENCODED


def test_an_association_that_stays_open_holds_no_study_that_is_whole_longer_than_it_must(
    node, archive, write: Write
) -> None:
    """As when a PACS sends a hundred studies on one association."""
    study, other = write(plan=StudyPlan(seed="a")), write(plan=StudyPlan(seed="b"))
    archive.hold(*study.files)
    node.receive([*study.files, *other.pet_files], released=False)
    node.run()
    assert state(node, study) is StudyState.RECEIVING
    node.wait(11)
    assert (state(node, study), state(node, other)) == (StudyState.ENCODED, StudyState.RECEIVING)
    node.wait(3600)
    assert state(node, other) is StudyState.RECEIVING


def test_the_quiet_time_counts_from_the_end_of_the_association(node, write: Write) -> None:
    study = write()
    association = node.receive(study.pet_files, released=False)
    node.run()
    node.wait(3600)
    node.release(association)
    node.run()
    node.wait(59)
    assert state(node, study) is StudyState.RECEIVING
    node.wait(2)
    assert node.study(study.study_uid).summary.reason is Reason.NO_CT


def test_the_quiet_time_is_the_longest_of_the_sources(node, write: Write) -> None:
    study = write()
    node.receive(study.pet_files[:30])
    node.receive(study.pet_files[30:], "WORKSTATION")
    node.run()
    node.wait(599)
    assert state(node, study) is StudyState.RECEIVING
    node.wait(2)
    assert node.study(study.study_uid).summary.reason is Reason.NO_CT


def test_of_a_source_without_an_archive_none_is_asked(node, archive, write: Write) -> None:
    study = write()
    node.receive(study.files, "WORKSTATION")
    node.run()
    assert state(node, study) is StudyState.ENCODED
    assert archive.asked == 0


def test_a_person_sees_how_much_is_kept_aside_and_why(node, write: Write, tmp_path: Path) -> None:
    study = write()
    altered = []
    for file in study.pet_files[:2]:
        header = dcmread(file)
        header.PatientWeight = "12"
        altered.append(tmp_path / file.name)
        header.save_as(altered[-1])
    node.receive([*study.pet_files, *altered])
    node.run()
    (tmp_path / "uptake.toml").write_text(f'[spool]\nfolder = "{node.settings.spool.folder}"\n')
    everything = CliRunner().invoke(app, ["status", "--config", str(tmp_path / "uptake.toml")])
    assert "2 in conflict" in everything.stdout
    one = CliRunner().invoke(app, ["status", study.study_uid, "--config", str(tmp_path / "uptake.toml")])
    assert one.stdout.count("uid-conflict") == 1
    assert "2 × uid-conflict" in one.stdout


def test_what_comes_by_a_clock_that_is_behind_is_looked_at(node, write: Write) -> None:
    study = write()
    node.receive(study.ct_files)
    node.run()
    ahead, node.now = node.now, node.now - timedelta(seconds=3)
    node.receive(study.pet_files)
    while node.intake.step():
        pass
    node.now = ahead + timedelta(seconds=1)
    node.run()
    assert node.study(study.study_uid).summary.state is StudyState.ENCODED
