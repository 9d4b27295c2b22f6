"""How an engine divides a machine's processors."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

_THREADS_PER_STREAM = 8


@dataclass(frozen=True, slots=True)
class Division:
    """Threads in all, and the number of windows that they work on at a time."""

    threads: int
    streams: int


def divide(processors: int) -> Division:
    """One window at a time up to 15 processors, then one for every 8.

    A large convolution keeps 8 threads busy; past that, another window gains more than another thread, at the price of
    another window's activations.
    """
    return Division(processors, max(1, processors // _THREADS_PER_STREAM))


def usable_processors(control_groups: Path = Path("/sys/fs/cgroup")) -> int:
    """Processors this process may use: its affinity, within the quota of its control group (cgroup v2 or v1)."""
    affinity = len(os.sched_getaffinity(0))
    quota = _quota(control_groups)
    return affinity if quota is None else max(1, min(affinity, math.ceil(quota)))


def _quota(control_groups: Path) -> float | None:
    """Processors' worth of time granted in a period, or None without a limit."""
    unified = control_groups / "cpu.max"
    if unified.is_file():
        granted, period = unified.read_text().split()
    else:
        legacy = control_groups / "cpu"
        if not (legacy / "cpu.cfs_quota_us").is_file():
            return None
        granted, period = ((legacy / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    if granted == "max" or int(granted) <= 0:
        return None
    return int(granted) / int(period)
