"""From the last C-STORE response to the last result in the PACS, on a running node, against the analysis alone."""

import sqlite3
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.bench import console, study_folder, table
from dicom_io.reading.files import find_instances
from node.rehearsal import rehearse

PORT_BASE = 11190
OVERHEAD_BUDGET_S = 3.0
TIMEOUT_S = 300.0
RESULTS = 3


def main() -> None:
    """Print the turnaround of one study, the analysis inside it, and what the plumbing adds."""
    with study_folder() as (name, study), TemporaryDirectory() as folder:
        headers = find_instances(study).headers
        with rehearse(Path(folder), PORT_BASE) as rehearsal:
            begin = time.perf_counter()
            outcomes = rehearsal.send_study([Path(header.filename) for header in headers])
            acknowledged = time.perf_counter()
            while len(list(rehearsal.pacs_folder.iterdir())) < RESULTS:
                if time.perf_counter() - acknowledged > TIMEOUT_S:
                    raise SystemExit((Path(folder) / "node.log").read_text())
                time.sleep(0.02)
            turnaround_s = time.perf_counter() - acknowledged
        analysis_s = _analysis_s(Path(folder) / "spool" / "uptake.db")
    rows = table(f"C-STORE to result in the PACS, {name}, {len(outcomes)} instances", "what", "measured", "budget")
    rows.add_row("receive", f"{acknowledged - begin:.2f} s ({len(outcomes) / (acknowledged - begin):.0f}/s)", "")
    rows.add_row("last C-STORE response to last result in the PACS", f"{turnaround_s:.2f} s", "")
    rows.add_row("analysis alone", f"{analysis_s:.2f} s", "")
    rows.add_row("plumbing", f"{turnaround_s - analysis_s:.2f} s", f"{OVERHEAD_BUDGET_S:.0f} s")
    console.print(rows)


def _analysis_s(database: Path) -> float:
    """Seconds from analysis-started to report-recorded in the audit trail."""
    query = (
        "SELECT (julianday(max(at)) - julianday(min(at))) * 86400.0 FROM audit_events"
        " WHERE action IN ('analysis-started', 'report-recorded')"
    )
    with sqlite3.connect(database) as connection:
        (seconds,) = connection.execute(query).fetchone()
    return float(seconds)


if __name__ == "__main__":
    main()
