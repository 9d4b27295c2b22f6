"""The command line: ``uptake``."""

from importlib.metadata import entry_points, version
from typing import Annotated

import typer

from node.commands import audit, config, database, models
from node.commands.analyze import analyze
from node.commands.caption import caption
from node.commands.check import check
from node.commands.demo import demo
from node.commands.locate import locate
from node.commands.probe import probe
from node.commands.retry import retry
from node.commands.segment import segment
from node.commands.send import send
from node.commands.serve import serve
from node.commands.status import status
from node.commands.suv import suv

app = typer.Typer(
    name="uptake",
    help="DICOM-native clinical reporting node for whole-body PET/CT.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (serve, demo, analyze, segment, locate, caption, suv, check, send, probe, status, retry):
    app.command()(command)
app.add_typer(audit.app, name="audit")
app.add_typer(models.app, name="models")
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="db")
for plugged in entry_points(group="uptake.commands"):
    app.command(plugged.name)(plugged.load())


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"uptake {version('uptake')}")
        raise typer.Exit


@app.callback()
def _root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point of the ``uptake`` command."""
    app()
