"""Sides: the error that must not happen."""

from config.vocabulary import Laterality, Location

_OPPOSITE = {Laterality.RIGHT: Laterality.LEFT, Laterality.LEFT: Laterality.RIGHT}


def has_side(location: Location) -> bool:
    return location.laterality in _OPPOSITE


def is_side_error(truth: Location, answer: Location) -> bool:
    """Whether a lesion on one side was answered to be on the other; the midline is no error of side."""
    return has_side(truth) and answer.laterality is _OPPOSITE[truth.laterality]
