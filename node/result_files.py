"""Result objects as files in a folder."""

import uuid
from collections.abc import Sequence
from pathlib import Path

from config.result_kind import ResultKind
from dicom_io.results.result import Result


def write_objects(objects: Sequence[Result], folder: Path) -> tuple[Path, ...]:
    """Write result objects as Part 10 files (``seg.dcm``, ``seg-2.dcm``, …); their paths, in the same order.

    A file has its name only when it is whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for result in objects:
        path = folder / file_name(result)
        part = path.with_suffix(f".{uuid.uuid4().hex}.part")
        result.dataset.save_as(part, enforce_file_format=True)
        written.append(part.replace(path))
    return tuple(written)


def file_name(result: Result) -> str:
    """``seg.dcm``, ``key-images.dcm`` and so on; ``-2`` and so on for further objects of a kind."""
    return f"{_stem(result.kind)}.dcm" if result.part == 1 else f"{_stem(result.kind)}-{result.part}.dcm"


def remove_others(folder: Path, written: Sequence[Path]) -> None:
    """Remove result objects of earlier runs, and nothing else, from a folder."""
    names = [pattern.format(_stem(kind)) for kind in ResultKind for pattern in ("{}.dcm", "{}-[0-9]*.dcm")]
    for stale in {path for name in names for path in folder.glob(name)} - set(written):
        stale.unlink()


def _stem(kind: ResultKind) -> str:
    return kind.value.lower().replace(" ", "-")
