"""What the benchmarks share: the machine's name, the study, databases, a table."""

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, make_url, text

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


def databases(folder: Path) -> Iterator[tuple[str, str]]:
    """SQLite, and where ``UPTAKE_TEST_POSTGRESQL_URL`` names a server PostgreSQL: name and URL of an empty database."""
    yield "SQLite", f"sqlite:///{folder / 'uptake.db'}"
    server = os.environ.get("UPTAKE_TEST_POSTGRESQL_URL")
    if server is None:
        return
    name = f"uptake_bench_{os.getpid()}"
    engine = create_engine(make_url(server).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield "PostgreSQL", make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def table(title: str, *columns: str) -> Table:
    made = Table(title=f"{title}\n[dim]{machine()}[/]", title_justify="left")
    for number, column in enumerate(columns):
        made.add_column(column, justify="left" if number == 0 else "right")
    return made
