"""``uptake models``: the bundles at hand, what is in them, and whether they work here."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from config.reasons import Refused
from node.commands import models_engines, models_import
from node.commands.models_engines import Name
from node.commands.output import ConfigFile, Json, console, fail, print_json, refuse, settings_from, wrong

if TYPE_CHECKING:
    from config.settings import Settings
    from inference.bundles.specification import Bundle

app = typer.Typer(help="Trained models: list, show, verify, import, build, measure.", no_args_is_help=True)
app.add_typer(models_import.app, name="import")
app.command()(models_engines.verify)
app.command()(models_engines.build)
app.command()(models_engines.bench)


@app.command("list")
def list_bundles(config: ConfigFile = None, as_json: Json = False) -> None:
    """List the bundles under models.folder and those shipped, and what each is in use for. Digests are not checked."""
    from inference.bundles.store import read_manifest
    from node.models import known_bundles

    settings = settings_from(config)
    rows = []
    for name, folder in known_bundles(settings.models).items():
        try:
            rows.append(_row(folder, read_manifest(folder), settings))
        except Refused as refused:
            reason = str(refused.reason)
            rows.append({"name": name, "from": _origin(folder), "refused": reason, "detail": refused.detail})
    if as_json:
        print_json(rows)
        return
    if not rows:
        fail(f"There is no bundle under {settings.models.folder}; `uptake models import` makes one.")
    table = Table(show_edge=False)
    columns = ("name", "version", "task", "tracer", "channels", "folds", "from", "in_use")
    for column in columns:
        table.add_column({"in_use": "in use for"}.get(column, column), overflow="fold", no_wrap=column == "name")
    for row in rows:
        if "refused" not in row:
            table.add_row(*(row[column] for column in columns))
    console.print(table)
    for row in rows:
        if "refused" in row:
            wrong(f"{row['name']}: {row['refused']} — {row['detail']}")


@app.command()
def show(name: Name, config: ConfigFile = None, as_json: Json = False) -> None:
    """Show what a bundle says about itself, its digests, and what was measured of it on this processor."""
    from inference.bundles.store import MANIFEST
    from node.models import engine_folder, named_folder

    settings = settings_from(config)
    try:
        folder = named_folder(settings.models, name)
        document = _document(folder, engine_folder(settings))
    except Refused as refused:
        refuse(refused.remark, as_json=as_json)
    if as_json:
        print_json(document)
        return
    console.print((folder / MANIFEST).read_text(encoding="utf-8"), soft_wrap=True)
    console.print(f"# digest of the bundle: {document['digest']}", soft_wrap=True)
    for precision, agreement in document["measured"].items():
        console.print(f"# {precision}: {agreement}", soft_wrap=True)


def _row(folder: Path, bundle: "Bundle", settings: "Settings") -> dict[str, str]:
    from inference.bundles.specification import FILES
    from node.models import words_bundles

    used = [str(tracer) for tracer, named in settings.models.lesion_segmentation.items() if named == folder.name]
    used += [str(task) for task, named in words_bundles(settings.models).items() if named == folder.name]
    of_voxels = bundle.task not in FILES
    return {
        "name": folder.name,
        "version": bundle.version,
        "task": str(bundle.task),
        "tracer": str(bundle.tracer or "any"),
        "channels": ", ".join(channel.name for channel in bundle.channels) if of_voxels else "PET, CT",
        "folds": str(len(bundle.graphs)) if of_voxels else "",
        "from": _origin(folder),
        "in_use": ", ".join(used),
        "digest": bundle.digest,
    }


def _origin(folder: Path) -> str:
    from inference.bundles.shipped import SHIPPED

    return "shipped" if folder.parent == SHIPPED else "folder"


def _document(folder: Path, cache: Path) -> dict[str, Any]:
    import tomllib

    from inference.bundles.store import MANIFEST, read_manifest
    from inference.network.precision import recorded_agreements

    bundle = read_manifest(folder)
    manifest = tomllib.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    measured = {str(precision): str(found) for precision, found in recorded_agreements(bundle, cache).items()}
    return {"folder": str(folder), "digest": bundle.digest, "measured": measured, **manifest}
