"""Instances a second that intake takes from the journal into the database, and what an instance costs there.

``python -m benchmarks.intake``: CT instances of 512 × 512, already acknowledged, by one clerk, into SQLite and into the
PostgreSQL that ``UPTAKE_TEST_POSTGRESQL_URL`` names.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom.filereader import read_file_meta_info

from benchmarks.bench import console, databases, table
from benchmarks.listener import write_instances
from db.session import Database
from db.states import AssociationOutcome
from db.upgrade import upgrade
from dicom_io.network.incoming import AssociationFolder
from node.intake import Intake
from node.spool import Spool

STUDIES, INSTANCES = 4, 500
_GROUP_LENGTH_END = 144
"""Behind preamble, prefix and (0002,0000), which counts from there (PS3.10 Section 7.1)."""


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
        source, study_uid = folder / f"source-{number}", f"2.25.{number + 1}"
        write_instances(source, INSTANCES, study_uid)
        acknowledge(spool, study_uid, sorted(source.iterdir()))
    intake = Intake(database, spool, "bench", lambda: datetime.now(UTC))
    began, processor_began = time.perf_counter(), time.process_time()
    while intake.step():
        pass
    taken_s, processor_s = time.perf_counter() - began, time.process_time() - processor_began
    database.close()
    count = STUDIES * INSTANCES
    return count / taken_s, processor_s / count * 1000


def acknowledge(spool: Spool, association_id: str, files: Iterable[Path]) -> None:
    """As the listener does: into the journal, on one association that has ended."""
    sender = {"calling_ae": "SCANNER", "called_ae": "UPTAKE", "address": "127.0.0.1"}
    association = AssociationFolder(spool.own, association_id, port=104, **sender)
    for file in files:
        meta = read_file_meta_info(file)
        data_set = file.read_bytes()[_GROUP_LENGTH_END + meta.FileMetaInformationGroupLength :]
        association.store(
            meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID, data_set
        )
    spool.end_association(association_id, AssociationOutcome.RELEASED)


if __name__ == "__main__":
    main()
