"""Records: what was answered for one patient, as JSON; all figures are made of these."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter

from training.evaluation.lesion_f1 import Counts

Ranked = tuple[tuple[str, float], ...]
"""Ids of locations with their confidences, likeliest first; nothing if not localised."""

Said = tuple[str, str] | None
"""Location and CT finding in words; None where no words could be had."""


@dataclass(frozen=True, slots=True)
class LesionRecord:
    """The truth; what a data set doesn't tell is None."""

    label: int
    leaf: str | None
    ct_finding: str | None
    volume_ml: float | None = None
    suv_max: float | None = None


@dataclass(frozen=True, slots=True)
class LocationAnswers:
    """Answers for each lesion; ``flat`` without the hierarchy, ``masked`` without the lesion's channel, ``mirrored``
    of the mirrored body; these are empty where they don't apply.
    """

    ranked: tuple[Ranked, ...]
    seconds: tuple[float, ...]
    flat: tuple[Ranked, ...] = ()
    masked: tuple[Ranked, ...] = ()
    mirrored: tuple[Ranked, ...] = ()


@dataclass(frozen=True, slots=True)
class CaptionAnswers:
    """Words for each lesion; ``masked`` without the lesion's channel, ``text_only`` without any image.

    ``guide``: whose location answers the words are for.
    """

    guide: str
    said: tuple[Said, ...]
    seconds: tuple[float, ...]
    masked: tuple[Said, ...] = ()
    text_only: tuple[Said, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentationScores:
    """One patient's figures; None as in ``autopet``. ``missed``: labels, each with what was said of that uptake."""

    dice: float | None
    false_positive_ml: float
    false_negative_ml: float | None
    by_overlap: Counts
    by_suv_max: Counts
    obvious: int
    missed: Mapping[int, str]
    seconds: float


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """All that was answered for one patient. ``of``: what was judged; a record of something else is not used."""

    of: str
    patient: str
    lesions: tuple[LesionRecord, ...]
    locations: Mapping[str, LocationAnswers] = field(default_factory=dict)
    captions: Mapping[str, CaptionAnswers] = field(default_factory=dict)
    segmentations: Mapping[str, SegmentationScores] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


_RECORD = TypeAdapter(PatientRecord)


def write_record(record: PatientRecord, path: Path) -> None:
    """Written beside and moved over, so that a file is whole or not there."""
    part = path.with_suffix(".part")
    part.write_bytes(_RECORD.dump_json(record, indent=1))
    part.replace(path)


def read_record(path: Path, of: str) -> PatientRecord | None:
    """The record in a file, None if there is none or it is of something else."""
    if not path.is_file():
        return None
    record = _RECORD.validate_json(path.read_bytes())
    return record if record.of == of else None
