"""A study of 3,000 slices through a running node: how long it takes, and the memory that each process fills.

From vertex to sole in one bed: a CT of 2,000 slices of 512 × 512 and a PET of 1,000 of 256 × 256. The digital patient
is sent by C-STORE to a node of its own on loopback, which reports it to a PACS. With ``--budget`` the worker may fill
so many MiB (``analysis.memory_budget_mb``); then a report, or the reason why there is none, is the answer.
"""

import argparse
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.bench import console, table
from benchmarks.whole_body import write_patient
from inference.patient.patient import DigitalPatient, Grid
from node.rehearsal import Rehearsal, rehearse

PORT_BASE = 11230
TIMEOUT_S = 3600.0
LENGTH_MM = 1940.0
CENTRE_MM = (0.0, 0.0, -300.0)
CT = (2000, 512, 500.0)
PET = (1000, 256, 600.0)
"""Slices, columns, and the width of the field of view in mm."""

ENDS = ("delivered", "committed", "failed", "rejected")


def main() -> None:
    """Print what it took, and what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--budget", type=int, metavar="MIB", help="the most memory that the worker may fill")
    parser.add_argument("--folder", type=Path, help="where 3 GB have room (default: the system's temporary folder)")
    chosen = parser.parse_args()
    settings = "[completeness]\nquiet_time_s = 3600\n"
    if chosen.budget:
        settings += f"[analysis]\nmemory_budget_mb = {chosen.budget}\n"
    with TemporaryDirectory(dir=chosen.folder) as temporary, console.status("") as status:
        folder = Path(temporary)
        status.update("the patient is written")
        patient = DigitalPatient.default(seed=1)
        study = write_patient(folder / "study", patient, patient.suv(_grid(*PET)), patient.ct(_grid(*CT)))
        files = sorted(study.rglob("*.dcm"))
        with rehearse(folder / "node", PORT_BASE, settings) as rehearsal, _peaks(rehearsal) as peaks:
            status.update(f"{len(files)} instances are sent")
            begin = time.perf_counter()
            outcomes = rehearsal.send_study(files)
            received = time.perf_counter()
            status.update("the node is at work")
            state, detail = _end(folder / "node/spool/uptake.db")
            ended = time.perf_counter()
            if len({outcome.path for outcome in outcomes if outcome.reason is None}) != len(files):
                raise SystemExit("Not every instance was acknowledged.")
            results = len(list(rehearsal.pacs_folder.iterdir()))
            stages = _stages(folder / "node/spool/uptake.db")
    budget = f", {chosen.budget} MiB for the worker" if chosen.budget else ""
    rows = table(f"{len(files)} slices, digital patient from vertex to sole{budget}", "what", "measured")
    rows.add_row("receive", f"{received - begin:.1f} s ({len(files) / (received - begin):.0f}/s)")
    rows.add_row("last C-STORE response to the end", f"{ended - received:.1f} s")
    rows.add_row("state", f"{state}: {detail}")
    rows.add_row("results in the PACS", str(results))
    for stage, seconds in sorted(stages.items(), key=lambda one: -one[1])[:6]:
        rows.add_row(f"  {stage}", f"{seconds:.1f} s")
    for role, peak_mb in peaks.items():
        rows.add_row(f"peak memory, {role}", f"{peak_mb:.0f} MiB")
    console.print(rows)


def _grid(slices: int, columns: int, width_mm: float) -> Grid:
    return Grid.axial(
        (slices, columns, columns), (LENGTH_MM / slices, width_mm / columns, width_mm / columns), CENTRE_MM
    )


@contextmanager
def _peaks(rehearsal: Rehearsal) -> Iterator[Mapping[str, float]]:
    """The most memory (MiB) that each process of the node has ever filled, by role, until the end of the block."""
    node = psutil.Process(rehearsal.processes[-1].pid)
    peaks: dict[str, float] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.2):
            for process in [node, *node.children(recursive=True)]:
                role, peak_mb = _role(process, node), _peak_mb(process)
                peaks[role] = max(peaks.get(role, 0.0), peak_mb)

    watch = threading.Thread(target=look)
    watch.start()
    try:
        yield peaks
    finally:
        over.set()
        watch.join()


def _role(process: psutil.Process, node: psutil.Process) -> str:
    """The listener lives in the main process; its children are started clerk first, then worker."""
    if process == node:
        return "listener"
    spawned = [child for child in node.children() if "spawn_main" in " ".join(child.cmdline())]
    started = sorted(spawned, key=lambda child: child.create_time())
    return ("clerk", "worker")[started.index(process)] if process in started else "helpers"


def _peak_mb(process: psutil.Process) -> float:
    """VmHWM of proc(5)."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def _end(database: Path) -> tuple[str, str]:
    """How the study ended, and in which words; waits for it."""
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        with sqlite3.connect(database) as connection:
            row = connection.execute("SELECT state, coalesce(detail, '') FROM studies").fetchone()
        if row is not None and row[0] in ENDS:
            return str(row[0]), str(row[1])
        time.sleep(0.5)
    raise SystemExit(f"The study did not end within {TIMEOUT_S:.0f} s.")


def _stages(database: Path) -> dict[str, float]:
    with sqlite3.connect(database) as connection:
        rows = connection.execute(
            "SELECT each.key, each.value FROM reports, json_each(reports.timings_s) AS each"
        ).fetchall()
    return {str(stage): float(seconds) for stage, seconds in rows}


if __name__ == "__main__":
    main()
