"""Two nodes that take in the same at once, from journals of their own into one spool and one database."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom import dcmread
from sqlalchemy import select

from db.audit import verify_chain
from db.session import Database
from db.states import AssociationOutcome, Disposition
from db.tables import Association, Instance, Study
from db.upgrade import upgrade
from dicom_io.digest import dataset_digest
from dicom_io.network.incoming import AssociationFolder
from dicom_io.scanner.study import WrittenStudy
from node.intake import Intake
from node.spool import Spool
from tests.postgresql import SERVER, postgresql_database

PREAMBLE_BYTES = 132

pytestmark = pytest.mark.postgresql


@pytest.fixture
def database() -> Iterator[Database]:
    if SERVER is None:
        pytest.skip("UPTAKE_TEST_POSTGRESQL_URL names no PostgreSQL server")
    with postgresql_database(SERVER) as url:
        upgrade(url)
        opened = Database.open(url)
        yield opened
        opened.close()


def receive(spool: Spool, files: tuple[Path, ...]) -> None:
    """As the listener of a node does, on one association that is then released."""
    association = f"association-of-{spool.node}"
    sender = {"calling_ae": "SCANNER", "called_ae": "UPTAKE", "address": "127.0.0.1", "port": 50000}
    folder = AssociationFolder(spool.own, association, **sender)
    for file in files:
        header = dcmread(file, stop_before_pixels=True)
        meta_bytes = PREAMBLE_BYTES + 12 + header.file_meta.FileMetaInformationGroupLength
        syntax = header.file_meta.TransferSyntaxUID
        folder.store(header.SOPClassUID, header.SOPInstanceUID, syntax, file.read_bytes()[meta_bytes:])
    spool.end_association(association, AssociationOutcome.RELEASED)


def test_what_two_nodes_take_in_at_once_is_kept_once_and_counted_twice(
    database: Database, tmp_path: Path, write: Callable[..., WrittenStudy]
) -> None:
    study = write()
    spools = [Spool(tmp_path / "spool", name) for name in "ab"]
    for spool in spools:
        spool.create()
        receive(spool, study.files)

    def take_all(spool: Spool) -> None:
        intake = Intake(database, spool, f"UPTAKE on {spool.node}", lambda: datetime.now(UTC))
        while intake.step():
            pass

    at_once = [threading.Thread(target=take_all, args=(spool,)) for spool in spools]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join()

    with database.reading() as session:
        rows = session.execute(select(Instance.digest, Instance.path, Instance.disposition, Instance.times_received))
        found = [tuple(row) for row in rows]
        assert len(session.scalars(select(Study)).all()) == 1
        assert [one.instance_count for one in session.scalars(select(Association))] == [len(study.files)] * 2
        assert verify_chain(session) is None
    assert {digest for digest, *_ in found} == {dataset_digest(file) for file in study.files}
    assert {(disposition, times) for *_, disposition, times in found} == {(Disposition.ACCEPTED, 2)}
    assert all(dataset_digest(tmp_path / "spool" / path) == digest for digest, path, *_ in found)
    assert all(spool.is_empty() for spool in spools)
