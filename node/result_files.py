"""Result objects as files in a folder."""

import contextlib
import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from config.result_kind import ResultKind
from dicom_io.results.result import Result


def write_objects(objects: Sequence[Result], folder: Path) -> tuple[Path, ...]:
    """Write result objects as Part 10 files (``seg.dcm``, ``seg-2.dcm``, …); their paths, in the same order.

    A file has its name only when it is whole.
    """
    return tuple(_whole(result, folder).replace(folder / file_name(result)) for result in objects)


def keep_objects(objects: Sequence[Result], folder: Path) -> tuple[Path, ...]:
    """Write result objects as Part 10 files, each under a name that its content gives it; their paths, in that order.

    Nothing else ever bears such a name (``sr-3c5a0e….dcm``), so that who writes in vain, because its study has moved on
    meanwhile, does not write over what is on record.
    """
    parts = [_whole(result, folder) for result in objects]
    names = [f"{_stem(result.kind)}-{file_digest(part)}.dcm" for result, part in zip(objects, parts, strict=True)]
    return tuple(part.replace(folder / name) for part, name in zip(parts, names, strict=True))


def file_name(result: Result) -> str:
    """``seg.dcm``, ``key-images.dcm`` and so on; ``-2`` and so on for further objects of a kind."""
    return f"{_stem(result.kind)}.dcm" if result.part == 1 else f"{_stem(result.kind)}-{result.part}.dcm"


def remove_others(folder: Path, written: Sequence[Path]) -> None:
    """Remove result objects of earlier runs, and nothing else, from a folder."""
    names = [pattern.format(_stem(kind)) for kind in ResultKind for pattern in ("{}.dcm", "{}-[0-9]*.dcm")]
    for stale in {path for name in names for path in folder.glob(name)} - set(written):
        stale.unlink()


def remove_parts(folder: Path, before: datetime) -> int:
    """Remove what was begun within a folder before a moment and never got its name, as a killed process leaves it.

    How many files these were.
    """
    count = 0
    for part in folder.rglob("*.part"):
        with contextlib.suppress(FileNotFoundError):  # another node was faster, or it has its name now
            if datetime.fromtimestamp(part.stat().st_mtime, UTC) < before:
                part.unlink()
                count += 1
    return count


def file_digest(file: Path) -> str:
    """SHA-256 (hex) of a result file, as it is put on record; raises ``OSError`` if it can't be read."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _whole(result: Result, folder: Path) -> Path:
    """A result object written to a file that has no name yet."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{_stem(result.kind)}.{uuid.uuid4().hex}.part"
    result.dataset.save_as(part, enforce_file_format=True)
    return part


def _stem(kind: ResultKind) -> str:
    return kind.value.lower().replace(" ", "-")
