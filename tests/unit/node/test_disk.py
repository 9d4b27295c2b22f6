from pathlib import Path

import pytest
import structlog

from config.reasons import Reason
from node.disk import MIB, DiskWatch, Watermarks


@pytest.fixture
def free_mb(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What is free, for the test to set."""
    free = [0]
    monkeypatch.setattr(Watermarks, "free_bytes", lambda self: free[0] * MIB)
    return free


@pytest.mark.parametrize(
    ("free", "reason"), [(100, None), (99, Reason.DISK_LOW), (10, Reason.DISK_LOW), (9, Reason.DISK_FULL)]
)
def test_a_mark_is_the_least_that_is_enough(free_mb: list[int], free: int, reason: Reason | None) -> None:
    free_mb[0] = free
    shortage = Watermarks(Path("/spool"), warn_below_mb=100, congested_below_mb=20, refuse_below_mb=10).shortage()
    assert (shortage and shortage.reason) == reason


def test_a_disk_that_is_gone_is_full(tmp_path: Path) -> None:
    shortage = Watermarks(tmp_path / "unmounted", 0, 0, 0).shortage()
    assert shortage is not None
    assert shortage.reason is Reason.DISK_FULL


def test_the_log_is_told_once_each_way(free_mb: list[int]) -> None:
    watch = DiskWatch(Watermarks(Path("/spool"), warn_below_mb=100, congested_below_mb=20, refuse_below_mb=10))
    with structlog.testing.capture_logs() as told:
        for free_mb[0] in (200, 50, 40, 5, 300, 300):
            watch.look()
    said = [(line["event"], line.get("reason")) for line in told]
    assert said == [("disk short", "disk-low"), ("disk short", "disk-full"), ("disk has room again", None)]


@pytest.mark.parametrize(("free", "answer"), [(20, None), (19, (2, 3, 1)), (1, (2, 3, 1))])
def test_associations_are_refused_for_the_time_being_before_instances_are(
    free_mb: list[int], free: int, answer: tuple[int, int, int] | None
) -> None:
    free_mb[0] = free
    congestion = Watermarks(Path("/spool"), warn_below_mb=100, congested_below_mb=20, refuse_below_mb=10).congestion()
    assert (congestion and congestion.answer) == answer
