"""Answered: records as values of the vocabulary."""

import re

from config.vocabulary import Laterality, Location, vocabulary
from training.evaluation.location_figures import Answered
from training.evaluation.record import LesionRecord, Ranked, Said

_SIDES = {"R": Laterality.RIGHT, "L": Laterality.LEFT, "": Laterality.NONE}


def location_of(identifier: str) -> Location:
    """The entry of an id: a leaf (``L083``), or a coarse location, which may have a side (``C012R``)."""
    coarse = re.fullmatch(r"C(\d+)([RL]?)", identifier)
    if coarse is None:
        return vocabulary().by_id[identifier]
    return vocabulary().coarse(vocabulary().coarse_names[int(coarse[1]) - 1], _SIDES[coarse[2]])


def name_of(identifier: str) -> str:
    return location_of(identifier).name


def answered_lesion(lesion: LesionRecord, ranked: Ranked) -> Answered | None:
    """What was answered for a lesion; None where the truth is not known."""
    if lesion.leaf is None:
        return None
    answers = tuple((location_of(identifier), confidence) for identifier, confidence in ranked)
    return Answered(vocabulary().by_id[lesion.leaf], answers)


def is_said_right(lesion: LesionRecord, said: Said) -> tuple[bool, bool]:
    """Whether the caption of a lesion of known truth has its location, and its CT finding."""
    if said is None or lesion.leaf is None:
        return False, False
    return said[0] == vocabulary().by_id[lesion.leaf].name, said[1] == lesion.ct_finding
