"""Verdict: whether a candidate is a lesion or physiologic, and what says so."""

from dataclasses import dataclass

from config.finding import FindingKind
from config.vocabulary import Laterality, Location, vocabulary

DOUBT = 0.35
"""Confidence of a lesion that might as well be physiologic."""


@dataclass(frozen=True, slots=True)
class Organ:
    """What takes the tracer up: in a reader's words (``left ureter``), and the entry of the vocabulary it lies in."""

    words: str
    location: Location


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a candidate is, why (a sentence), in which organ (None for a lesion), and how sure that is, in [0, 1]."""

    kind: FindingKind
    reason: str
    organ: Organ | None
    confidence: float


def organ_at(words: str, entry: str, side: Laterality) -> Organ:
    """An organ at a leaf or a coarse location of the vocabulary; ``{side}`` in either text stands for the side.

    Raises ``KeyError`` if the vocabulary has neither.
    """
    entries = vocabulary()
    name = entry.format(side=side)
    location = entries.by_name[name] if name in entries.by_name else entries.coarse(name, side)
    return Organ(words.format(side=side), location)


def physiologic(organ: Organ, reason: str, confidence: float) -> Verdict:
    return Verdict(FindingKind.PHYSIOLOGIC, reason, organ, confidence)


def lesion(reason: str, confidence: float) -> Verdict:
    return Verdict(FindingKind.LESION, reason, None, confidence)


def in_doubt(why: str) -> Verdict:
    """A lesion, as nothing may be lost to a guess."""
    return lesion(f"In doubt, kept as a lesion: {why}.", DOUBT)
