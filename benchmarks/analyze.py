"""``uptake analyze`` as a user runs it: wall clock, peak memory, and where the time goes."""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench import console, study_folder, table

ROUNDS = 3
WALL_BUDGET_S = 15.0
PEAK_BUDGET_MIB = 2048


def main() -> None:
    """Print a table of ``ROUNDS`` runs in processes of their own."""
    with study_folder() as (name, study), TemporaryDirectory() as out:
        runs = [_run(study, Path(out)) for _ in range(ROUNDS)]
    walls, peaks = [run[0] for run in runs], [run[1] for run in runs]
    stages = runs[-1][2]
    rows = table(f"uptake analyze, {name}, {ROUNDS} runs", "what", "median", "worst", "budget")
    rows.add_row("wall clock", f"{statistics.median(walls):.2f} s", f"{max(walls):.2f} s", f"{WALL_BUDGET_S:.0f} s")
    rows.add_row(
        "peak memory", f"{statistics.median(peaks):.0f} MiB", f"{max(peaks):.0f} MiB", f"{PEAK_BUDGET_MIB} MiB"
    )
    rows.add_section()
    for stage, seconds in sorted(stages.items(), key=lambda item: -item[1]):
        rows.add_row(stage, f"{seconds:.2f} s", "", "")
    rows.add_row("start, find instances, write", f"{walls[-1] - sum(stages.values()):.2f} s", "", "")
    console.print(rows)


def _run(study: Path, out: Path) -> tuple[float, float, dict[str, float]]:
    script = (
        "import resource, runpy, sys\n"
        "try:\n runpy.run_module('node', run_name='__main__')\n"
        "finally:\n sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss"
        " + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))\n"
    )
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", script, "analyze", str(study), "--out", str(out), "--json"],
        capture_output=True,
        check=True,
        text=True,
    )
    wall_s = time.perf_counter() - begin
    return wall_s, int(done.stderr.split()[-1]) / 1024, json.loads(done.stdout)["timings_s"]


if __name__ == "__main__":
    main()
