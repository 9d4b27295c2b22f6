"""Neighbours: vertebrae and ribs that are one apart, which is how they are miscounted."""

from config.vocabulary import Location

SPINE = (
    *(f"C{number} vertebra" for number in range(1, 8)),
    *(f"T{number} vertebra" for number in range(1, 13)),
    *(f"L{number} vertebra" for number in range(1, 6)),
    "S1 segment of sacrum",
)
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)
RIBS = {side: tuple(f"{side} {ordinal} rib" for ordinal in _ORDINALS) for side in ("right", "left")}


def is_vertebra(location: Location) -> bool:
    """Whether it is one of the 24 vertebrae above the sacrum."""
    return location.name in SPINE[:-1]


def is_rib(location: Location) -> bool:
    return any(location.name in ribs for ribs in RIBS.values())


def is_one_off(truth: Location, answer: Location) -> bool:
    """Whether the answer is the vertebra, or the rib of the same side, above or below the true one."""
    for row in (SPINE, *RIBS.values()):
        if truth.name in row and answer.name in row:
            return abs(row.index(truth.name) - row.index(answer.name)) == 1
    return False
