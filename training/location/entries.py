"""Entries: what the text side has to tell apart, the 387 leaves and the 124 coarse locations above them."""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from config.vocabulary import Laterality, vocabulary


@dataclass(frozen=True, slots=True)
class Entry:
    """A location with all that is known about it in words.

    ``structures`` are anatomical structures that belong to it, ``neighbours`` those beside it.
    """

    name: str
    laterality: Laterality
    coarse: str
    region: str
    tissue: str
    description: str
    structures: tuple[str, ...]
    neighbours: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Entries:
    """All entries: ``leaves`` in the vocabulary's order, ``coarse`` names in theirs, ``parents`` (387,) between them.

    ``mirrored`` (387,): the leaf on the other side, itself on the midline, −1 where the body isn't symmetric.
    """

    leaves: tuple[Entry, ...]
    coarse: tuple[Entry, ...]
    parents: NDArray[np.intp]
    mirrored: NDArray[np.intp]


_OTHER = {"right": "left", "left": "right", "R": "L", "L": "R"}


@cache
def entries() -> Entries:
    """The entries of the vocabulary that ships with the node."""
    known = vocabulary()
    parts = _parts()
    leaves = tuple(
        Entry(
            name=leaf.name,
            laterality=leaf.laterality,
            coarse=leaf.coarse,
            region=leaf.region,
            tissue=leaf.tissue,
            description=leaf.description,
            structures=tuple(part for part in parts[leaf.id] if not part.startswith("~")),
            neighbours=tuple(part[1:] for part in parts[leaf.id] if part.startswith("~")),
        )
        for leaf in known
    )
    coarse = tuple(_coarse(name, [leaf for leaf in leaves if leaf.coarse == name]) for name in known.coarse_names)
    parents = np.asarray([known.coarse_names.index(leaf.coarse) for leaf in leaves])
    numbers = {leaf.name: number for number, leaf in enumerate(leaves)}
    mirrored = np.asarray([_mirrored(leaf, number, numbers) for number, leaf in enumerate(leaves)])
    return Entries(leaves, coarse, parents, mirrored)


def other_side(words: str) -> str:
    """Right and left in a phrase exchanged, also in the number of a station such as 4R."""
    return re.sub(r"\bright\b|\bleft\b|(?<=\d)[RL]\b", lambda found: _OTHER[found[0]], words)


def _mirrored(leaf: Entry, number: int, numbers: dict[str, int]) -> int:
    twin = numbers.get(other_side(leaf.name))
    if twin is not None and twin != number:
        return twin
    if leaf.laterality in (Laterality.RIGHT, Laterality.LEFT) or not {"right", "left"}.isdisjoint(leaf.name.split()):
        return -1
    return number


def _coarse(name: str, leaves: list[Entry]) -> Entry:
    sides = {leaf.laterality for leaf in leaves}
    return Entry(
        name=name,
        laterality=sides.pop() if len(sides) == 1 else Laterality.NONE,
        coarse=name,
        region=leaves[0].region,
        tissue=leaves[0].tissue,
        description="",
        structures=tuple(leaf.name for leaf in leaves),
        neighbours=(),
    )


def _parts() -> dict[str, tuple[str, ...]]:
    """Names of structures by leaf; ``~`` marks a neighbour."""
    with (files("config") / "locations.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    return {
        row["id"]: tuple(
            ("~" if part.strip().startswith("~") else "") + part.split(":", 1)[1].strip()
            for part in row["parts"].split(";")
            if ":" in part
        )
        for row in rows
    }
