"""Records of measured agreement, kept beside built engines: one small file for each bundle, processor and precision."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from inference.engines.cache import in_file_name, key_text, write_whole
from inference.engines.engine import Precision
from inference.engines.label_agreement import LabelAgreement, OutputAgreement


@dataclass(frozen=True, slots=True)
class PrecisionKey:
    """What a measurement depends on. With another value in any of these it is another measurement.

    ``bundle_digest`` stands for the graphs, the shape of a window and how it is prepared; ``capabilities`` for a
    processor whose name says little (virtual machines); ``method`` is the version of the measurement itself.
    """

    bundle_digest: str
    engine_version: str
    processor: str
    capabilities: tuple[str, ...]
    precision: Precision
    method: int

    @property
    def file_name(self) -> str:
        """Readable, and distinct for distinct keys."""
        digest = hashlib.sha256(key_text(self).encode()).hexdigest()
        return f"{in_file_name(self.processor)}-{self.engine_version}-{self.precision}-{digest[:16]}.agreement.json"


def write_record(folder: Path, key: PrecisionKey, agreement: LabelAgreement) -> Path:
    """Keep a measurement; it appears whole or not at all."""
    path = folder / key.file_name
    write_whole(path, _content(key, agreement).encode())
    return path


def read_record(folder: Path, key: PrecisionKey) -> LabelAgreement | None:
    """The measurement made under this key; None if there is none, or the file is damaged or another's."""
    try:
        content = (folder / key.file_name).read_text(encoding="utf-8")
        measured = json.loads(content)["agreement"]
        outputs = tuple(OutputAgreement(**output) for output in measured["outputs"])
        agreement = LabelAgreement(measured["windows"], outputs)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return agreement if content == _content(key, agreement) else None


def _content(key: PrecisionKey, agreement: LabelAgreement) -> str:
    measured = asdict(agreement)
    digest = hashlib.sha256(f"{key_text(key)}{json.dumps(measured)}".encode()).hexdigest()
    return json.dumps({"key": asdict(key), "agreement": measured, "sha256": digest}, indent=1) + "\n"
