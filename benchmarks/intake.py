"""Instances a second that intake takes from the journal into the database, and what an instance costs there.

``python -m benchmarks.intake``: CT instances of 512 × 512, already acknowledged, by one clerk, into SQLite and into the
PostgreSQL that ``UPTAKE_TEST_POSTGRESQL_URL`` names.
"""

import time
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from benchmarks.bench import console, databases, table
from benchmarks.listener import write_instances
from db.session import Database
from db.states import AssociationOutcome
from db.upgrade import upgrade
from dicom_io.network.incoming import AssociationFolder
from node.intake import Intake
from node.spool import Spool

STUDIES, INSTANCES = 4, 500


def main() -> None:
    rows = table(
        f"Intake of {STUDIES} studies of {INSTANCES} instances", "database", "instances/s", "ms of processor each"
    )
    with TemporaryDirectory() as temporary:
        for name, url in databases(Path(temporary)):
            upgrade(url)
            rate_per_s, processor_ms = _measure(Path(temporary) / name, url)
            rows.add_row(name, f"{rate_per_s:.0f}", f"{processor_ms:.2f}")
    console.print(rows)


def _measure(folder: Path, url: str) -> tuple[float, float]:
    spool, database = Spool(folder / "spool"), Database.open(url)
    folder.mkdir()
    spool.create()
    for number in range(STUDIES):
        _acknowledge(spool, folder / f"source-{number}", f"2.25.{number + 1}")
    intake = Intake(database, spool, "bench", lambda: datetime.now(UTC))
    began, processor_began = time.perf_counter(), time.process_time()
    while intake.step():
        pass
    taken_s, processor_s = time.perf_counter() - began, time.process_time() - processor_began
    database.close()
    count = STUDIES * INSTANCES
    return count / taken_s, processor_s / count * 1000


def _acknowledge(spool: Spool, source: Path, study_uid: str) -> None:
    """What the listener does, on one association that has ended."""
    write_instances(source, INSTANCES, study_uid)
    sender = {"calling_ae": "SCANNER", "called_ae": "UPTAKE", "address": "127.0.0.1"}
    association = AssociationFolder(spool.folder, study_uid, port=104, **sender)
    for number, file in enumerate(sorted(source.iterdir()), 1):
        content = file.read_bytes()
        association.store(
            CTImageStorage, f"{study_uid}.1.{number}", ExplicitVRLittleEndian, content[_data_set(content) :]
        )
    spool.end_association(study_uid, AssociationOutcome.RELEASED)


def _data_set(content: bytes) -> int:
    """Where the data set begins, behind preamble, prefix and File Meta Information (PS3.10 Section 7.1)."""
    return 144 + int.from_bytes(content[140:144], "little")


if __name__ == "__main__":
    main()
