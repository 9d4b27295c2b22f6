"""Engines built for one GPU, kept as files that say what they were built for."""

import hashlib
import json
import math
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from config.reasons import Reason, Refused
from inference.engines.engine import Precision, WindowShape

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_MAGIC = b"uptake-engine 1\n"
_VOXELS_AT_ONCE = 2**22
_MOST_WINDOWS = 4


@dataclass(frozen=True, slots=True)
class ShapeProfile:
    """The input shapes (N, channels, \\*patch) that an engine was built for: its range, and where it is fastest."""

    minimum: tuple[int, ...]
    optimum: tuple[int, ...]
    maximum: tuple[int, ...]

    @classmethod
    def of(cls, shape: WindowShape) -> "ShapeProfile":
        """One window to as many as are worth a launch: about four million voxels (4 windows of 96³, 1 of 160³)."""
        batch = max(1, min(_MOST_WINDOWS, _VOXELS_AT_ONCE // math.prod(shape.patch)))
        return cls(shape.inputs(1), shape.inputs(batch), shape.inputs(batch))


@dataclass(frozen=True, slots=True)
class EngineKey:
    """What a built engine depends on. With another value in any of these it is another engine.

    ``graph_digest`` is the SHA-256 of the graph's file; ``compute_capability`` is (major, minor).
    """

    graph_digest: str
    builder_version: str
    gpu_name: str
    compute_capability: tuple[int, int]
    precision: Precision
    profile: ShapeProfile

    @property
    def digest(self) -> str:
        return hashlib.sha256(key_text(self).encode()).hexdigest()

    @property
    def file_name(self) -> str:
        """Readable, and distinct for distinct keys."""
        return f"{self._machine}-{self.precision}-{self.digest[:16]}.engine"

    @property
    def timing_cache_name(self) -> str:
        """Timings are shared by all graphs that one version builds for one kind of GPU."""
        return f"{self._machine}.timings"

    @property
    def _machine(self) -> str:
        major, minor = self.compute_capability
        return f"{in_file_name(self.gpu_name)}-sm{major}{minor}-{self.builder_version}"


def write_engine(folder: Path, key: EngineKey, built: bytes) -> Path:
    """Keep an engine; it appears whole or not at all, also when several processes build it at once."""
    header = json.dumps({"key": key_text(key), "sha256": hashlib.sha256(built).hexdigest()})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / key.file_name
    write_whole(path, b"".join((_MAGIC, header.encode(), b"\n", built)))
    return path


def read_engine(folder: Path, key: EngineKey) -> bytes | None:
    """The engine built for this key; None if none was built.

    Raises
    ------
    Refused
        ENGINE_CACHE_FOREIGN, if the file under this key's name was built for something else or is damaged.
    """
    path = folder / key.file_name
    if not path.is_file():
        return None
    content = path.read_bytes()
    if not content.startswith(_MAGIC):
        raise Refused(Reason.ENGINE_CACHE_FOREIGN, f"{path} is not an engine file.")
    line, _, built = content[len(_MAGIC) :].partition(b"\n")
    try:
        header = json.loads(line)
        written, digest = json.loads(header["key"]), header["sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(Reason.ENGINE_CACHE_FOREIGN, f"{path} has a damaged header.") from error
    differences = _differences(written, json.loads(key_text(key)))
    if differences:
        raise Refused(Reason.ENGINE_CACHE_FOREIGN, f"{path} was built for {differences}.")
    if hashlib.sha256(built).hexdigest() != digest:
        raise Refused(Reason.ENGINE_CACHE_FOREIGN, f"{path} is damaged: its SHA-256 is not the one in its header.")
    return built


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file at once."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def key_text(key: "DataclassInstance") -> str:
    """A key as text, the same for the same values."""
    return json.dumps(asdict(key), sort_keys=True)


def in_file_name(device: str) -> str:
    """A device's name as part of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-")


def _differences(written: object, expected: dict[str, object]) -> str:
    """In words, what a file was built for that differs; empty if nothing does."""
    if not isinstance(written, dict):
        return "an unknown machine"
    different = sorted(name for name in expected | written if written.get(name) != expected.get(name))
    return ", ".join(f"{name} {written.get(name)!r} instead of {expected.get(name)!r}" for name in different)
