"""What the benchmarks share: the machine's name, the study, a table."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

console = Console(width=120)


def machine() -> str:
    """The processor, its cores and memory, and the interpreter."""
    cpuinfo = Path("/proc/cpuinfo")
    models = [
        line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
    ]
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    processor = models[0] if models else platform.machine()
    return f"{processor}, {os.cpu_count()} cores, {memory_gb:.0f} GB, Python {platform.python_version()}"


@contextmanager
def study_folder() -> Iterator[tuple[str, Path]]:
    """A PET/CT study: the real one that ``UPTAKE_TEST_STUDY`` names, else a digital patient of the demo's size."""
    named = os.environ.get("UPTAKE_TEST_STUDY")
    if named:
        yield "real study", Path(named)
        return
    from node.demo import write_demo_study

    with TemporaryDirectory() as folder:
        yield "digital patient", write_demo_study(Path(folder)).folder


def table(title: str, *columns: str) -> Table:
    made = Table(title=f"{title}\n[dim]{machine()}[/]", title_justify="left")
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number == 0 else "right")
    return made
