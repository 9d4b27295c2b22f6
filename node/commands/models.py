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
    """List the bundles under models.folder, and for which tracer each is in use. Digests are not checked."""
    from inference.bundles.store import find_bundles, read_manifest

    settings = settings_from(config)
    rows = []
    for folder in find_bundles(settings.models.folder):
        try:
            rows.append(_row(folder.name, read_manifest(folder), settings))
        except Refused as refused:
            rows.append({"name": folder.name, "refused": str(refused.reason), "detail": refused.detail})
    if as_json:
        print_json(rows)
        return
    if not rows:
        fail(f"There is no bundle under {settings.models.folder}; `uptake models import` makes one.")
    table = Table(show_edge=False)
    for column in ("name", "version", "task", "tracer", "channels", "folds", "in use for"):
        table.add_column(column, overflow="fold")
    for row in rows:
        if "refused" not in row:
            table.add_row(*(row[key] for key in ("name", "version", "task", "tracer", "channels", "folds", "in_use")))
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


def _row(name: str, bundle: "Bundle", settings: "Settings") -> dict[str, str]:
    used = [str(tracer) for tracer, named in settings.models.lesion_segmentation.items() if named == name]
    return {
        "name": name,
        "version": bundle.version,
        "task": str(bundle.task),
        "tracer": str(bundle.tracer or "any"),
        "channels": ", ".join(channel.name for channel in bundle.channels),
        "folds": str(len(bundle.network.graphs)),
        "in_use": ", ".join(used),
        "digest": bundle.digest,
    }


def _document(folder: Path, cache: Path) -> dict[str, Any]:
    import tomllib

    from inference.bundles.store import MANIFEST, read_manifest
    from inference.network.precision import recorded_agreements

    bundle = read_manifest(folder)
    manifest = tomllib.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    measured = {str(precision): str(found) for precision, found in recorded_agreements(bundle, cache).items()}
    return {"folder": str(folder), "digest": bundle.digest, "measured": measured, **manifest}
