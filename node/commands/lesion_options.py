"""Options of the commands that are told where the lesions are."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Sex(StrEnum):
    MALE = "M"
    FEMALE = "F"


PET = typer.Option("--pet", help="SUVbw, NIfTI.", exists=True, dir_okay=False)
CT = typer.Option("--ct", help="CT in HU, NIfTI, on a grid of its own.", exists=True, dir_okay=False)
LESIONS = typer.Option(
    "--lesions",
    help="Label map, NIfTI, on the grid of the PET: 0 for none, another whole number for each lesion.",
    exists=True,
    dir_okay=False,
)
SexName = Annotated[Sex | None, typer.Option("--sex", help="Leaves out locations that only the other sex has.")]

Pet = Annotated[Path, PET]
Ct = Annotated[Path, CT]
Lesions = Annotated[Path, LESIONS]
