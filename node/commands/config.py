"""``uptake config``: what the settings are, and whether they would work."""

import json
import os
import shutil
import socket
import stat
from typing import Any

import typer

from config.reasons import Refused
from config.settings import Settings
from node.commands.output import ConfigFile, Json, console, done, fail, print_json, settings_from

app = typer.Typer(help="Show or check the settings.", no_args_is_help=True)


@app.command()
def show(config: ConfigFile = None, as_json: Json = False) -> None:
    """Show the settings in force; secrets are masked."""
    document = settings_from(config).model_dump(mode="json")
    if as_json:
        print_json(document)
        return
    console.print("\n".join(_toml_lines(document)), soft_wrap=True)


@app.command()
def check(config: ConfigFile = None) -> None:
    """Check that a node could start: settings, spool, port (free only while none runs), database, destinations."""
    settings = settings_from(config)
    problems = list(_problems(settings))
    if problems:
        fail("The settings are valid, but the node could not work:\n" + "\n".join(f"  {p}" for p in problems))
    where = f"{settings.listener.ae_title}@{settings.listener.host}:{settings.listener.port}"
    done(f"{where}, spool {settings.spool.folder}, {len(settings.destinations)} destinations")


def _problems(settings: Settings) -> list[str]:
    problems = [*_spool_problems(settings), *_listener_problems(settings), *_database_problems(settings)]
    problems += _tls_problems(settings)
    for destination in settings.destinations:
        try:
            socket.getaddrinfo(destination.host, destination.port)
        except OSError as error:
            problems.append(f"destinations: {destination.name}: {destination.host} can't be resolved: {error.strerror}")
    try:
        if settings.models.bundles:
            from node.models import check_bundles

            check_bundles(settings.models)
    except Refused as refused:
        problems.append(str(refused))
    return problems


def _spool_problems(settings: Settings) -> list[str]:
    spool = settings.spool.folder.absolute()
    existing = next(folder for folder in (spool, *spool.parents) if folder.exists())
    if not existing.is_dir():
        return [f"spool.folder: {existing} is not a folder"]
    if not os.access(existing, os.W_OK):
        return [f"spool.folder: {existing} is not writable"]
    if existing == spool and stat.S_IMODE(spool.stat().st_mode) & 0o077:
        return [f"spool.folder: {spool} is open to other users; chmod 700 it"]
    free_mb = shutil.disk_usage(existing).free // 2**20
    if free_mb < settings.spool.minimum_free_mb:
        return [f"spool.folder: {free_mb} MB free, spool.minimum_free_mb asks for {settings.spool.minimum_free_mb}"]
    return []


def _listener_problems(settings: Settings) -> list[str]:
    host, port = settings.listener.host, settings.listener.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except PermissionError:
        return []  # a port below 1024 needs a capability that the service has and a person may lack
    except OSError as error:
        return [f"listener: {host}:{port} can't be opened: {error.strerror}"]
    return []


def _tls_problems(settings: Settings) -> list[str]:
    from dicom_io.network.tls import listening_context

    problems = []
    for name, tls in [("listener", settings.listener.tls), *((one.name, one.tls) for one in settings.destinations)]:
        try:
            if tls is not None:
                listening_context(tls)
        except Refused as refused:
            problems.append(f"{name}: {refused}")
    return problems


def _database_problems(settings: Settings) -> list[str]:
    from sqlalchemy.exc import SQLAlchemyError

    from config.reasons import UptakeError
    from db.upgrade import is_current

    if not settings.database.url.get_secret_value():
        return []
    try:
        if is_current(settings.database_url):
            return []
    except (SQLAlchemyError, UptakeError) as error:
        return [f"database: {str(error).splitlines()[0]}"]
    return ["database: the schema is not this version's; run `uptake db upgrade`"]


def _toml_lines(document: dict[str, Any]) -> list[str]:
    lines = []
    for section, values in document.items():
        for table in values if isinstance(values, list) else [values]:
            lines += ["", f"[[{section}]]" if isinstance(values, list) else f"[{section}]"]
            lines += [
                f"{key} = {_toml(value)}" if value is not None else f"# {key} is not set"
                for key, value in table.items()
            ]
    return lines[1:]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }" if value else "{}"
    return json.dumps(value)
