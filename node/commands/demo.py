"""``uptake demo``: the whole way of a study, on this machine alone."""

from pathlib import Path
from tempfile import mkdtemp
from typing import Annotated

import typer
from rich.table import Table

from config.reasons import UptakeError
from node.commands.output import console, fail, stages, writable_folder


def demo(
    port_base: Annotated[
        int, typer.Option(min=1024, max=65533, help="Port of the PACS; the next two are the node's.")
    ] = 11150,
    out: Annotated[Path | None, typer.Option(help="Folder for everything; a new temporary one by default.")] = None,
) -> None:
    """Run an embedded PACS, a node and a digital PET/CT patient; show what comes back and where it lies."""
    from node.demo import PICTURE_FILE, run_demo

    folder = (out or Path(mkdtemp(prefix="uptake-demo-"))).absolute()
    writable_folder(folder)
    if any(folder.iterdir()):
        fail(f"{folder} is not empty.")
    console.print(f"Everything lies in {folder}", soft_wrap=True)
    try:
        with stages("Demonstration", quiet=False) as progress:
            outcome = run_demo(folder, port_base, progress)
    except UptakeError as error:
        fail(str(error))
    findings = Table(title="What the node found", title_justify="left")
    for name in ("#", "SUVmax", "ml", "caption"):
        findings.add_column(name, overflow="fold")
    for finding in outcome.findings:
        row = (str(finding.number), f"{finding.suv_max:.1f}", f"{finding.mtv_ml:.1f}", finding.caption)
        findings.add_row(*row, style=None if finding.kind == "lesion" else "dim")
    console.print(findings)
    results = Table(title="What the PACS has back", title_justify="left")
    for name in ("modality", "series", "file"):
        results.add_column(name, overflow="fold")
    for result in outcome.results:
        results.add_row(result.modality, result.series_description, str(result.path))
    console.print(results)
    console.print(
        f"{outcome.instances} instances sent; results in the PACS {outcome.turnaround_s:.1f} s after the last one.\n"
        f"Look at {folder / PICTURE_FILE}\n"
        f"Ask the node: uptake status --config {outcome.config_file}",
        highlight=False,
        soft_wrap=True,
    )
    if not outcome.is_complete:
        fail("SEG, SR, pictures and key objects are not all in the PACS.")
