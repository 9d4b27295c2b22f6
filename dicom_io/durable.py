"""Durability: what survives a power cut."""

import os
from pathlib import Path


def sync_path(path: Path) -> None:
    """Make a file's content, or the names in a folder, durable (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
