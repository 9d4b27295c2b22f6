"""``uptake suv``: how a PET is quantified, with the reason."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from node.commands.output import Json, StudyPath, console, fail, print_json, refuse, warn


def suv(
    path: StudyPath,
    out: Annotated[Path | None, typer.Option("--out", help="Write the SUVbw volume as NIfTI.")] = None,
    study: Annotated[str | None, typer.Option("--study", help="Study Instance UID, where PATH holds several.")] = None,
    as_json: Json = False,
) -> None:
    """Show the SUV factor of a study's PET: unit, decay reference, candidates, warnings, or why it is refused."""
    from config.reasons import Refused
    from dicom_io.reading.series import choose_pair, group_series
    from dicom_io.reading.volume import read_pet
    from dicom_io.suv.quantify import quantify, to_suv
    from inference.nifti import write_nifti
    from node.commands.inventory import study_headers

    if out is not None and not out.name.endswith((".nii", ".nii.gz")):
        fail("--out must end in .nii or .nii.gz.")
    headers, _ = study_headers(path, study, quiet=as_json)
    try:
        pair = choose_pair(group_series(headers), pet_only=True)
        pet = read_pet(pair.pet)
        quantification = quantify(pet.headers, pair.mappings)
        volume = to_suv(pet, quantification)
    except Refused as refused:
        refuse(refused.remark, as_json=as_json)
    if out is not None:
        try:
            write_nifti(volume, out)
        except OSError as error:
            fail(f"{out} can't be written: {error.strerror or error}")
    document = {"pet_series_instance_uid": pair.pet.uid, **quantification.as_dict()}
    if as_json:
        print_json(document)
        return
    console.print(_table(document))
    for remark in dict.fromkeys([*pair.remarks, *pet.remarks, *quantification.remarks]):
        warn(f"{remark}\n  {remark.reason.action}")
    if out is not None:
        console.print(f"SUVbw volume written to {out}", highlight=False)


def _table(document: dict[str, Any]) -> Table:
    table = Table(title="SUV quantification", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("value", overflow="fold")
    for name, value in document.items():
        if name == "candidates":
            for candidate in value:
                table.add_row("decay reference candidate", _candidate(candidate))
        elif name == "normalisations":
            for key, factor in value.items():
                table.add_row(key, _words(factor))
        elif name != "remarks":
            table.add_row(name, _words(value))
    return table


def _candidate(candidate: dict[str, Any]) -> str:
    ratio = candidate["suv_relative_to_chosen"]
    effect = "" if ratio is None else f", SUV × {ratio:.4f}"
    note = f" ({candidate['note']})" if candidate["note"] else ""
    return f"{candidate['standing']}: {candidate['time']}{effect}, {candidate['source']}{note}"


def _words(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.8g}" if isinstance(value, float) else str(value)
