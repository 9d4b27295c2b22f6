"""The anatomical vocabulary: 387 lesion locations under 124 coarse ones (``locations.tsv``)."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files


class Laterality(StrEnum):
    RIGHT = "right"
    LEFT = "left"
    MIDLINE = "midline"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Location:
    """An entry of the vocabulary: a leaf (``L083``) or, where no more can be said, a coarse location (``C012R``).

    ``sct_code`` is a SNOMED CT concept, ``code_match`` says whether it means the location (``exact``) or encloses it
    (``broader``); ``ct_window`` is the window to view it in; ``sex`` is M or F where only one has it.
    """

    id: str
    name: str
    coarse: str
    laterality: Laterality
    region: str
    tissue: str
    sct_code: str
    sct_meaning: str
    code_match: str
    ct_window: str
    sex: str
    description: str

    @property
    def is_leaf(self) -> bool:
        return self.id.startswith("L")


# Codes of the body regions (PS3.16 CID 4031), for coarse locations whose leaves share no code.
REGION_CODES: dict[str, tuple[str, str]] = {
    "head": ("69536005", "Head"),
    "neck": ("45048000", "Neck"),
    "chest": ("51185008", "Chest"),
    "abdomen": ("818981001", "Abdomen"),
    "pelvis": ("816092008", "Pelvis"),
    "spine": ("421060004", "Spine"),
    "upper limb": ("53120007", "Upper limb"),
    "lower limb": ("61685007", "Lower limb"),
}


class Vocabulary:
    """Lookup of leaves by id and of coarse locations by name and side."""

    def __init__(self, leaves: tuple[Location, ...]) -> None:
        self.leaves = leaves
        self.by_id = {leaf.id: leaf for leaf in leaves}
        self.by_name = {leaf.name: leaf for leaf in leaves}
        self.coarse_names = tuple(dict.fromkeys(leaf.coarse for leaf in leaves))

    def __iter__(self) -> Iterator[Location]:
        return iter(self.leaves)

    def leaf(self, name: str) -> Location:
        """The leaf of that exact name; ``KeyError`` if there is none."""
        return self.by_name[name]

    def below(self, coarse: str, laterality: Laterality | None = None) -> tuple[Location, ...]:
        """The leaves under a coarse location, optionally of one side."""
        return tuple(leaf for leaf in self.leaves if leaf.coarse == coarse and laterality in (None, leaf.laterality))

    def coarse(self, name: str, laterality: Laterality = Laterality.NONE) -> Location:
        """The coarse location as an entry of its own, on one side where it has sides.

        Raises ``KeyError`` if no coarse location has that name.
        """
        number = self.coarse_names.index(name) + 1 if name in self.coarse_names else 0
        if not number:
            raise KeyError(name)
        leaves = self.below(name)
        sides = {leaf.laterality for leaf in leaves}
        if len(sides) == 1:
            laterality = sides.pop()
        elif laterality not in (Laterality.RIGHT, Laterality.LEFT):
            laterality = Laterality.MIDLINE if laterality is Laterality.MIDLINE else Laterality.NONE
        sided = laterality in (Laterality.RIGHT, Laterality.LEFT)
        spelled = f"{laterality.value} {name}" if sided and len(sides) > 1 else name
        shared = {
            (leaf.sct_code, leaf.sct_meaning) for leaf in self.below(name, laterality if sided else None) or leaves
        }
        region = leaves[0].region
        code, meaning = shared.pop() if len(shared) == 1 else REGION_CODES[region]
        suffix = {Laterality.RIGHT: "R", Laterality.LEFT: "L"}.get(laterality, "")
        sexes = {leaf.sex for leaf in leaves}
        return Location(
            id=f"C{number:03d}{suffix}",
            name=spelled,
            coarse=name,
            laterality=laterality,
            region=region,
            tissue=leaves[0].tissue,
            sct_code=code,
            sct_meaning=meaning,
            code_match="broader",
            ct_window=leaves[0].ct_window,
            sex=sexes.pop() if len(sexes) == 1 else "",
            description="",
        )


@cache
def vocabulary() -> Vocabulary:
    """The vocabulary that ships with the node."""
    with (files("config") / "locations.tsv").open(encoding="utf-8") as table:
        rows = csv.DictReader(table, delimiter="\t")
        return Vocabulary(
            tuple(
                Location(
                    id=row["id"],
                    name=row["name"],
                    coarse=row["coarse"],
                    laterality=Laterality(row["laterality"]),
                    region=row["region"],
                    tissue=row["tissue"],
                    sct_code=row["sct_code"],
                    sct_meaning=row["sct_meaning"],
                    code_match=row["sct_match"],
                    ct_window=row["ct_window"],
                    sex=row["sex"],
                    description=row["description"],
                )
                for row in rows
            )
        )
