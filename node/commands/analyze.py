"""``uptake analyze``: a study on disk becomes result objects on disk; no network, no database."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from config.profiles import Profile, kinds_of
from node.commands.output import (
    ConfigFile,
    Json,
    StudyPath,
    console,
    print_json,
    refuse,
    settings_from,
    stages,
    warn,
    writable_folder,
)

FINDINGS_FILE = "findings.json"


def analyze(
    path: StudyPath,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for seg.dcm, sr.dcm, picture.dcm and so on, and findings.json.")
    ],
    pet_only: Annotated[bool, typer.Option("--pet-only", help="Go on without a CT; locations are coarse.")] = False,
    study: Annotated[str | None, typer.Option("--study", help="Study Instance UID, where PATH holds several.")] = None,
    profile: Annotated[Profile, typer.Option(help="Which results, by what viewers show.")] = Profile.GENERAL,
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Analyse a PET/CT study from files: segment, measure, locate, caption; write SEG, SR, pictures and JSON."""
    from config.reasons import Refused
    from node.analysis import analyse_inputs, choose_inputs
    from node.commands.inventory import study_headers
    from node.findings import findings_document
    from node.models import Models
    from node.result_files import remove_others, write_objects

    settings = settings_from(config)
    if pet_only:
        settings = settings.model_copy(update={"analysis": settings.analysis.model_copy(update={"pet_only": True})})
    kinds = kinds_of(profile, organ_map=settings.results.organ_map)
    writable_folder(out)
    with stages("Analysing", quiet=as_json) as progress:
        progress("find instances")
        headers, _ = study_headers(path, study, quiet=as_json)
        try:
            inputs = choose_inputs(headers, settings)
            outcome = analyse_inputs(inputs, settings, Models(settings), kinds=kinds, progress=progress)
        except Refused as refused:
            refuse(refused.remark, as_json=as_json)
        written = write_objects(outcome.objects, out)
        remove_others(out, written)
        document = findings_document(outcome)
        (out / FINDINGS_FILE).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if as_json:
        print_json(document)
        return
    console.print(findings_table(document))
    for remark in document["remarks"]:
        warn(f"{remark['reason']}: {remark['detail']}")
    names = ", ".join([*(file.name for file in written), FINDINGS_FILE])
    console.print(f"Written to {out}: {names}", soft_wrap=True)


def findings_table(document: dict[str, object]) -> Table:
    """The findings as a table for people."""
    totals = document["totals"]
    assert isinstance(totals, dict)
    dmax = "" if totals["dmax_mm"] is None else f", Dmax {totals['dmax_mm']:.0f} mm"
    table = Table(
        title=f"{totals['lesion_count']} lesions, TMTV {totals['tmtv_ml']:.1f} ml, TLG {totals['tlg']:.0f} g{dmax}",
        title_justify="left",
    )
    for name, justify in (
        ("#", "right"),
        ("kind", "left"),
        ("SUVmax", "right"),
        ("SUVpeak", "right"),
        ("ml", "right"),
        ("finding", "left"),
    ):
        table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
    findings = document["lesions"]
    assert isinstance(findings, list)
    for finding in findings:
        style = None if finding["kind"] == "lesion" else "dim"
        words = (
            finding["caption"]
            if finding["kind"] == "lesion"
            else f"{finding['location']['name']} ({finding['reason']})"
        )
        table.add_row(
            str(finding["number"]),
            finding["kind"],
            f"{finding['suv_max']:.1f}",
            f"{finding['suv_peak']:.1f}",
            f"{finding['mtv_ml']:.1f}",
            words,
            style=style,
        )
    return table
