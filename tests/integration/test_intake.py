"""Intake: a file that can't be taken, whatever the cause, waits in the journal and holds up no other."""

import errno
import random
import string
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from config.settings import Settings
from db.session import Database
from db.states import AssociationOutcome, Disposition, StudyState
from db.tables import Association, Instance, Study
from db.upgrade import upgrade
from dicom_io.network.incoming import AssociationFolder
from dicom_io.scanner.study import StudyPlan, WrittenStudy
from node import intake
from node.postponed import FIRST_AFTER, LAST_AFTER
from tests.integration.conftest import SteppedNode
from tests.postgresql import SERVER, postgresql_database

Write = Callable[..., WrittenStudy]
TOO_LONG = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=6000))
"""It does not compress into the 2704 bytes that an index of PostgreSQL takes."""


class Broken:
    """What fails for some instances, as long as it is not mended."""

    def __init__(self, function: Callable[..., Any], of: str, error: Exception) -> None:
        self.mended = False
        self.tried = 0
        self._function, self._of, self._error = function, of, error

    def __call__(self, *arguments: Any) -> Any:
        if self._of in str(arguments) and not self.mended:
            self.tried += 1
            raise self._error
        return self._function(*arguments)


@pytest.fixture
def break_reading(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Exception], Broken]:
    """Have a file of the journal, by a part of its path, fail when it is read."""

    def break_for(path: str, error: Exception) -> Broken:
        broken = Broken(intake.read_header, path, error)
        monkeypatch.setattr(intake, "read_header", broken)
        return broken

    return break_for


@pytest.fixture
def postgresql_node(tmp_path: Path) -> Iterator[SteppedNode]:
    if SERVER is None:
        pytest.skip("UPTAKE_TEST_POSTGRESQL_URL names no PostgreSQL server")
    with postgresql_database(SERVER) as url:
        upgrade(url)
        database = Database.open(url)
        (tmp_path / "spool").mkdir()
        yield SteppedNode(Settings(spool={"folder": tmp_path / "spool"}, database={"url": url}), database)
        database.close()


def rows(node: SteppedNode) -> list[Instance]:
    with node.database.reading() as session:
        return list(session.scalars(select(Instance)))


def closed(node: SteppedNode) -> list[str]:
    with node.database.reading() as session:
        return list(session.scalars(select(Association.id).where(Association.closed_at.is_not(None))))


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EIO, "Input/output error"), MemoryError(), ValueError("a defect")],
    ids=lambda error: type(error).__name__,
)
def test_a_file_that_can_not_be_read_holds_up_no_other_and_is_neither_lost_nor_rejected(
    node, write: Write, break_reading, error: Exception
) -> None:
    study = write()
    broken = break_reading("000003.dcm", error)
    held = node.receive(study.ct_files)
    node.receive(study.pet_files)
    while node.intake.step():
        pass
    taken = rows(node)
    assert len(taken) == len(study.files) - 2
    assert {row.disposition for row in taken} == {Disposition.ACCEPTED}
    assert len(list(node.spool.journal())) == 2
    broken.mended = True
    node.now += FIRST_AFTER
    while node.intake.step() or node.completeness.step():
        pass
    assert list(node.spool.journal()) == []
    assert held in closed(node)
    assert node.study(study.study_uid).summary.state is StudyState.COMPLETE


def test_the_association_of_a_file_that_waits_stays_open_and_others_end(node, write: Write, break_reading) -> None:
    study = write()
    break_reading("association-0001/000003.dcm", ValueError())
    node.receive(study.ct_files)
    ended = node.receive(study.pet_files)
    while node.intake.step():
        pass
    assert closed(node) == [ended]


def test_an_association_ends_though_the_journal_is_never_empty(node, write: Write) -> None:
    study = write()
    ended = node.receive(study.ct_files[:2])
    node.receive(study.pet_files + study.ct_files[2:])
    assert node.intake.step()
    assert list(node.spool.journal())
    assert closed(node) == [ended]


def test_an_end_that_can_not_be_taken_holds_up_no_other(node, write: Write) -> None:
    study = write()
    held, ended = node.receive(study.ct_files[:1]), node.receive(study.pet_files[:1])
    stray = node.spool.incoming / held / ".nfs0001"
    stray.touch()
    for _ in range(3):
        node.intake.step()
    assert sorted(closed(node)) == [held, ended]
    assert list(node.spool.incoming.iterdir()) == [stray.parent]


def test_a_file_that_can_not_be_taken_is_tried_less_and_less_often_and_told_once(
    node, write: Write, break_reading
) -> None:
    broken = break_reading("000001.dcm", ValueError("a defect"))
    node.receive(write().pet_files[:1])
    with capture_logs() as logged:
        for _ in range(60):
            node.intake.step()
            node.now += timedelta(minutes=1)
    expected_rounds = 5 + timedelta(hours=1) / LAST_AFTER
    assert broken.tried <= 2 * expected_rounds  # in a batch, then alone
    (told,) = [entry for entry in logged if entry["log_level"] == "error"]
    assert told["path"].endswith("association-0001/000001.dcm")


def test_while_the_database_is_away_no_file_is_at_fault(node, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    study = write()
    node.receive(study.files)

    def away(*arguments: object) -> None:
        raise OperationalError("SELECT 1", {}, Exception("the server closed the connection"))

    with monkeypatch.context() as without_database:
        without_database.setattr(Database, "transaction", away)
        without_database.setattr(Database, "reading", away)
        for _ in range(3):
            with pytest.raises(OperationalError):
                node.intake.step()
    node.run()  # at once
    assert len(rows(node)) == len(study.files)


def test_a_journal_that_another_node_takes_over_meanwhile_is_no_trouble(
    node, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.receive(write().pet_files[:3])
    read_envelope = intake.read_envelope

    def taken_over(file: Path) -> object:
        file.unlink(missing_ok=True)
        return read_envelope(file)

    monkeypatch.setattr(intake, "read_envelope", taken_over)
    with capture_logs() as logged:
        node.intake.step()
    assert logged == []
    assert rows(node) == []


def test_a_file_that_is_lost_is_put_back_when_it_is_sent_again(node, write: Write) -> None:
    study = write()
    node.receive(study.pet_files)
    node.intake.step()
    (lost, *_) = sorted((node.spool.folder / "studies").glob("*/*.dcm"))
    lost.unlink()
    node.receive(study.pet_files)
    while node.intake.step():
        pass
    assert lost.exists()
    assert {row.disposition for row in rows(node)} == {Disposition.ACCEPTED}


def test_a_text_that_no_vr_allows_is_shortened_and_stays_itself(node, write: Write) -> None:
    studies = [write(plan=StudyPlan(seed=seed)) for seed in "ab"]
    for study, ending in zip(studies, "ab", strict=True):
        header = dcmread(study.pet_files[0])
        header.PatientID = TOO_LONG + ending
        header.save_as(study.pet_files[0])
        node.receive(study.pet_files[:1])
    node.run()
    with node.database.reading() as session:
        first, second = session.scalars(select(Study.patient_id))
    assert first != second
    assert {len(first), len(second)} == {128 + 2 + 64}
    assert first[:128] == TOO_LONG[:128]


@pytest.mark.postgresql
def test_texts_that_are_too_long_for_an_index_are_taken(postgresql_node: SteppedNode, write: Write) -> None:
    node, study = postgresql_node, write()
    header = dcmread(study.pet_files[0])
    header.PatientID = header.AccessionNumber = header.SeriesDescription = TOO_LONG
    header.save_as(study.pet_files[0])
    node.receive(study.pet_files)
    sender = {"calling_ae": "SCANNER", "called_ae": "UPTAKE", "address": "127.0.0.1", "port": 50000}
    refused = AssociationFolder(node.spool.folder, "refused", **sender)
    refused.store("1.2.840.10008.5.1.4.1.1.128", TOO_LONG, "1.2.840.10008.1.2.1", b"\x07" * 4000)
    node.spool.end_association("refused", AssociationOutcome.RELEASED)
    while node.intake.step():
        pass
    assert list(node.spool.journal()) == []
    dispositions = sorted(row.disposition for row in rows(node))
    assert dispositions == [Disposition.ACCEPTED] * len(study.pet_files) + [Disposition.REJECTED]
