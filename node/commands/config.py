"""``uptake config``: what the settings are, and whether they would work."""

import json
import os
import shutil
import socket
from typing import Any

import typer

from config.reasons import Refused
from config.settings import Settings
from node.commands.output import ConfigFile, Json, console, fail, print_json, settings_from

app = typer.Typer(help="Show or check the settings.", no_args_is_help=True)


@app.command()
def show(config: ConfigFile = None, as_json: Json = False) -> None:
    """Show the settings in force; secrets are masked."""
    document = settings_from(config).model_dump(mode="json")
    if as_json:
        print_json(document)
        return
    console.print("\n".join(_toml_lines(document)), highlight=False, markup=False, soft_wrap=True)


@app.command()
def check(config: ConfigFile = None) -> None:
    """Check that the node could start: settings valid, spool writable with room, port free, destinations resolvable."""
    settings = settings_from(config)
    problems = list(_problems(settings))
    if problems:
        fail("The settings are valid, but the node could not work:\n" + "\n".join(f"  {p}" for p in problems))
    where = f"{settings.listener.ae_title}@{settings.listener.host}:{settings.listener.port}"
    console.print(f"[green]✓[/] {where}, spool {settings.spool.folder}, {len(settings.destinations)} destinations")


def _problems(settings: Settings) -> list[str]:
    problems = []
    spool = settings.spool.folder.absolute()
    existing = next(folder for folder in (spool, *spool.parents) if folder.exists())
    if not os.access(existing, os.W_OK):
        problems.append(f"spool.folder: {existing} is not writable")
    free_mb = shutil.disk_usage(existing).free // 2**20
    if free_mb < settings.spool.minimum_free_mb:
        problems.append(
            f"spool.folder: {free_mb} MB free, spool.minimum_free_mb asks for {settings.spool.minimum_free_mb}"
        )
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.listener.host, settings.listener.port))
        except OSError as error:
            problems.append(
                f"listener: {settings.listener.host}:{settings.listener.port} can't be opened: {error.strerror}"
            )
    for destination in settings.destinations:
        try:
            socket.getaddrinfo(destination.host, destination.port)
        except OSError as error:
            problems.append(f"destinations: {destination.name}: {destination.host} can't be resolved: {error.strerror}")
    names = [destination.name for destination in settings.destinations]
    problems.extend(
        f"destinations: the name {name} is used twice" for name in sorted({n for n in names if names.count(n) > 1})
    )
    try:
        if settings.models.lesion_segmentation:
            from node.models import check_bundles

            check_bundles(settings.models)
    except Refused as refused:
        problems.append(str(refused))
    return problems


def _toml_lines(document: dict[str, Any]) -> list[str]:
    lines = []
    for section, values in document.items():
        for table in values if isinstance(values, list) else [values]:
            lines += ["", f"[[{section}]]" if isinstance(values, list) else f"[{section}]"]
            lines += [
                f"{key} = {json.dumps(value)}" if value is not None else f"# {key} is not set"
                for key, value in table.items()
            ]
    return lines[1:]
