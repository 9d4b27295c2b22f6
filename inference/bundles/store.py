"""Store: bundles as folders; what does not verify does not load."""

import hashlib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from config.reasons import Reason, Refused
from inference.bundles.manifest import as_toml
from inference.bundles.specification import FILES, Bundle, Specification, Task, WordsSpecification

MANIFEST = "bundle.toml"

_LARGEST_MANIFEST = 2**20
_SPECIFICATION = TypeAdapter(Specification)
_WORDS_SPECIFICATION = TypeAdapter(WordsSpecification)
_DIGESTS = TypeAdapter(dict[str, str])


def load_bundle(folder: Path) -> Bundle:
    """The bundle in a folder, every one of its files verified.

    Raises
    ------
    Refused
        ``BUNDLE_FILE_MISSING``, ``BUNDLE_MALFORMED``, ``BUNDLE_UNKNOWN_TASK``, ``BUNDLE_DIGEST``.
    """
    bundle = read_manifest(folder)
    for name, expected in bundle.digests.items():
        path = folder / name
        if not path.is_file():
            raise Refused(Reason.BUNDLE_FILE_MISSING, f"{bundle.name}: {path} does not exist.")
        found = digest_of(path)
        if found != expected:
            raise Refused(Reason.BUNDLE_DIGEST, f"{bundle.name}: {path} has SHA-256 {found}, expected {expected}.")
    return bundle


def read_manifest(folder: Path) -> Bundle:
    """What a bundle says about itself; its other files are not looked at. For lists only.

    Raises
    ------
    Refused
        ``BUNDLE_FILE_MISSING``, ``BUNDLE_MALFORMED``, ``BUNDLE_UNKNOWN_TASK``.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise Refused(Reason.BUNDLE_FILE_MISSING, f"{path} does not exist.")
    if path.stat().st_size > _LARGEST_MANIFEST:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path} is larger than 1 MiB.")
    content = path.read_bytes()
    try:
        manifest = tomllib.loads(content.decode("utf-8"))
        digests = _DIGESTS.validate_python(manifest.pop("files", {}), strict=True)
        specification = _form(_task(path, manifest)).validate_python(manifest)
    except ValidationError as error:
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path}: {_first(error)}.") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise Refused(Reason.BUNDLE_MALFORMED, f"{path}: {error}.") from error
    for name in (*digests, *specification.files):
        if not _is_inside(folder, name):
            raise Refused(Reason.BUNDLE_MALFORMED, f"{path}: {name!r} is not a file within the bundle.")
    for name in specification.files:
        if name not in digests:
            raise Refused(Reason.BUNDLE_MALFORMED, f"{path}: no SHA-256 of {name!r} under [files].")
    return Bundle(folder, specification, digests, hashlib.sha256(content).hexdigest())


def find_bundles(folder: Path) -> tuple[Path, ...]:
    """The folders directly under one that hold a manifest, in the order of their names."""
    if not folder.is_dir():
        return ()
    return tuple(sorted(path.parent for path in folder.glob(f"*/{MANIFEST}")))


def write_bundle(specification: Specification | WordsSpecification, folder: Path) -> Bundle:
    """Complete a folder that holds the files of a bundle: write ``bundle.toml`` with the digest of every file.

    Raises
    ------
    Refused
        ``BUNDLE_FILE_MISSING`` for a file that the task needs and that is not there.
    """
    for name in specification.files:
        if not (folder / name).is_file():
            raise Refused(Reason.BUNDLE_FILE_MISSING, f"{folder / name} does not exist.")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    digests = {path.relative_to(folder).as_posix(): digest_of(path) for path in files}
    form = _form(specification.task)
    plain: dict[str, Any] = form.dump_python(specification, mode="json", exclude_none=True)  # type: ignore[arg-type]
    (folder / MANIFEST).write_text(as_toml({**plain, "files": digests}), encoding="utf-8")
    return read_manifest(folder)


def digest_of(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _task(path: Path, manifest: dict[str, Any]) -> object:
    task = manifest.get("task")
    if isinstance(task, str) and task not in set(Task):
        raise Refused(Reason.BUNDLE_UNKNOWN_TASK, f"{path}: task {task!r}, expected one of {', '.join(Task)}.")
    return task


def _form(task: object) -> TypeAdapter[Specification] | TypeAdapter[WordsSpecification]:
    return _WORDS_SPECIFICATION if isinstance(task, str) and task in FILES else _SPECIFICATION


def _is_inside(folder: Path, name: str) -> bool:
    return Path(name).name != "" and (folder / name).resolve().is_relative_to(folder.resolve())


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}" if place else problem["msg"]
