import os
from pathlib import Path

import pytest

from inference.engines.processors import Division, divide, usable_processors


@pytest.mark.parametrize(("processors", "streams"), [(1, 1), (2, 1), (15, 1), (16, 2), (64, 8)])
def test_large_machines_look_at_several_windows_at_a_time(processors: int, streams: int) -> None:
    assert divide(processors) == Division(processors, streams)


def test_a_control_groups_quota_counts(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("100000 100000\n")
    assert usable_processors(tmp_path) == 1


def test_part_of_a_processor_is_one(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("20000 100000\n")
    assert usable_processors(tmp_path) == 1


def test_the_older_control_groups_count(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert usable_processors(tmp_path) == 1


@pytest.mark.parametrize("content", ["max 100000\n", None])
def test_without_a_quota_the_affinity_counts(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "cpu.max").write_text(content)
    assert usable_processors(tmp_path) == len(os.sched_getaffinity(0))
