"""docs/security.md names tests that exist and limits that are in force."""

import re
from pathlib import Path

import pytest

from config.settings import Listener, Spool
from dicom_io.network.reactor import LONGEST_OTHER_PDU_BYTES
from dicom_io.reading.elements import MAXIMUM_INFLATED_BYTES
from dicom_io.reading.frames import MAXIMUM_ROWS_OR_COLUMNS, MAXIMUM_VOXELS
from tests.unit.documents import rows, section

TESTS = Path(__file__).parents[1]
THREATS = rows(section("security.md", "## Who could do what"), "threat", "measure", "shown by")


@pytest.mark.parametrize("named", [name for row in THREATS for name in re.findall(r"[\w/]+\.py", row[2])])
def test_what_shows_a_measure_exists(named: str) -> None:
    assert list(TESTS.rglob(f"*{named}"))


def test_limits_are_those_in_force() -> None:
    said = {of: most for of, most, _ in rows(section("security.md", "## Limits"), "of", "at most", "beyond")}
    listener = Listener()
    assert said["associations at a time"].endswith(f" {listener.maximum_associations}")
    assert said["silence of a peer"].endswith(f" {listener.network_timeout_s:g} s")
    assert said["one PDU"].startswith(f"{LONGEST_OTHER_PDU_BYTES // 2**20} MiB")
    assert said["one object"].endswith(f" {listener.maximum_object_mb} MiB")
    assert said["the disk"].endswith(f" {Spool().minimum_free_mb} MiB")
    assert said["a deflated data set"] == f"{MAXIMUM_INFLATED_BYTES // 2**20} MiB inflated"
    assert said["rows, columns; voxels of a volume"].startswith(f"{MAXIMUM_ROWS_OR_COLUMNS} each")
    assert MAXIMUM_VOXELS == 2**30
