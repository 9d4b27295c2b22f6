"""What people read of a long run: results on standard output, progress and failures on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

console = Console(markup=False, highlight=False)
errors = Console(stderr=True, markup=False, highlight=False)


def done(message: str) -> None:
    """Say that something was done."""
    console.print(Text.assemble(("✓ ", "green"), message), soft_wrap=True)


def warn(message: str) -> None:
    """Say what should be looked at."""
    console.print(Text.assemble(("! ", "yellow"), message), soft_wrap=True)


def fail(message: str, *, code: int = 1) -> NoReturn:
    """Say why and end with a non-zero exit code: 1 for how it was called, 2 for the data."""
    errors.print(Text.assemble(("✗ ", "bold red"), message), soft_wrap=True)
    raise typer.Exit(code)


@contextmanager
def counting(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar; yields a callable that takes how many are done, and of how many."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
        bar = progress.add_task(title, total=None)
        yield lambda count, total: progress.update(bar, completed=count, total=total)
