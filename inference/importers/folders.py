"""Folders that are there whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.reasons import Reason, Refused


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name when it is full; nothing stays if filling it fails.

    Raises
    ------
    Refused
        ``BUNDLE_MALFORMED`` if there is something of that name already.
    """
    if path.exists():
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} exists already; name another folder or remove it.")
    part = path.with_name(f"{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
