"""What every command shares: where people and programs read, and how a failure ends."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from config.reasons import Remark
from config.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="Settings file (TOML). Default: $UPTAKE_CONFIG, ./uptake.toml, /etc/uptake."),
]
StudyPath = Annotated[Path, typer.Argument(help="A file or a folder tree of anything.", exists=True)]

console = Console(markup=False, highlight=False)
errors = Console(stderr=True, markup=False, highlight=False)
"""Markup is off: what a header says is printed as it is."""


def print_json(document: Any) -> None:
    """A JSON document on standard output and nothing else."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def done(message: str) -> None:
    """Say that something was done."""
    console.print(Text.assemble(("✓ ", "green"), message), soft_wrap=True)


def warn(message: str) -> None:
    """Say what should be looked at, on standard output beside the result."""
    console.print(Text.assemble(("! ", "yellow"), message), soft_wrap=True)


def wrong(message: str) -> None:
    """Say what is wrong with one of several, on standard output beside the others."""
    console.print(Text.assemble(("✗ ", "bold red"), message), soft_wrap=True)


def fail(message: str, *, code: int = 1) -> NoReturn:
    """Say why on standard error and end with a non-zero exit code."""
    errors.print(Text.assemble(("✗ ", "bold red"), message), soft_wrap=True)
    raise typer.Exit(code)


def refuse(remark: Remark, *, as_json: bool) -> NoReturn:
    """End with a coded reason: what was found, and what to do."""
    if as_json:
        print_json({"refused": {"reason": str(remark.reason), "detail": remark.detail, "action": remark.reason.action}})
        raise typer.Exit(2)
    fail(f"{remark.reason} — {remark.detail}\n  {remark.reason.action}", code=2)


def writable_folder(folder: Path) -> None:
    """Make a folder for results; ends the command before any work is done if it can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(f"{folder} can't be made: {error.strerror}")
    if not os.access(folder, os.W_OK):
        fail(f"{folder} can't be written.")


def settings_from(path: Path | None) -> Settings:
    """The settings; ends the command with a clear message where they are wrong."""
    from tomllib import TOMLDecodeError

    from pydantic import ValidationError

    from config.settings import load

    try:
        return load(path)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"The settings file can't be read: {error}")
    except TOMLDecodeError as error:
        fail(f"{path or 'The settings file'} is not TOML: {error}")
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors(include_url=False)]
        fail("The settings are wrong:\n" + "\n".join(lines))


@contextmanager
def stages(title: str, *, quiet: bool) -> Iterator[Any]:
    """A progress line for people; yields a callable that takes the name of the stage that begins."""
    if quiet or not errors.is_terminal:
        yield lambda stage: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(title)
        yield lambda stage: progress.update(task, description=f"{title}: {stage}")
