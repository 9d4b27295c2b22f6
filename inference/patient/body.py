"""The digital patient's outside: skin, fat and muscle of trunk, head and limbs, the arms' bones, and the couch.

Reference body as in ``patient_skeleton``: x to the left, y to the back, z above the sole, mm, 1.75 m tall.
"""

from collections.abc import Iterator
from enum import StrEnum

from inference.patient import tissues
from inference.patient.shapes import Capsule, Ellipsoid, Point, Tower
from inference.patient.skeleton import Part, forearm, hip_joint, humerus


class Arms(StrEnum):
    UP = "up"
    DOWN = "down"


# z, half width, half depth, centre y of the muscular outline; then the share of the subcutaneous fat laid over it.
_OUTLINE = (
    ((806, 60, 60, 6), 1.0),
    ((826, 140, 80, 5), 1.2),
    ((860, 150, 92, 8), 1.3),
    ((905, 152, 98, 8), 1.3),
    ((950, 149, 97, 6), 1.25),
    ((1000, 141, 93, 2), 1.2),
    ((1070, 132, 88, 0), 1.15),
    ((1150, 135, 92, -2), 1.1),
    ((1220, 146, 99, -3), 0.95),
    ((1300, 153, 104, -2), 0.85),
    ((1350, 158, 103, 0), 0.8),
    ((1395, 163, 95, 4), 0.7),
    ((1425, 160, 82, 8), 0.6),
    ((1448, 128, 68, 12), 0.55),
    ((1465, 88, 59, 14), 0.5),
    ((1482, 62, 55, 15), 0.45),
    ((1510, 54, 56, 14), 0.4),
    ((1524, 53, 62, 10), 0.35),
    ((1536, 55, 79, -2), 0.3),
    ((1570, 62, 88, 0), 0.3),
    ((1610, 70, 93, 3), 0.3),
    ((1650, 74, 96, 4), 0.3),
    ((1690, 74, 96, 5), 0.3),
    ((1718, 65, 84, 6), 0.3),
    ((1736, 48, 62, 6), 0.3),
    ((1747, 26, 34, 6), 0.3),
    ((1752, 6, 8, 6), 0.3),
)
_SKIN_MM = 2.5


def envelope(fat_mm: float, arms: Arms) -> Iterator[Part]:
    """Skin, fat and muscle of trunk, head and limbs; ``fat_mm`` is the thickness of the fat on the belly."""
    core = Tower(tuple(row for row, _ in _OUTLINE), exponent=2.3)
    layers = (
        ([fat_mm * share + _SKIN_MM for _, share in _OUTLINE], fat_mm + _SKIN_MM, tissues.SKIN),
        ([fat_mm * share for _, share in _OUTLINE], fat_mm, tissues.FAT),
        ([0.0 for _ in _OUTLINE], 0.0, tissues.MUSCLE),
    )
    for margins, limb_margin, tissue in layers:
        yield core.grown(margins), tissue
        for side in (-1, 1):
            yield from ((part, tissue) for part in _limbs(side, 0.6 * limb_margin, arms))


def arm_bones(arms: Arms) -> Iterator[Part]:
    for side in (-1, 1):
        shoulder, elbow, wrist = _arm(side, arms)
        yield from humerus(shoulder, elbow)
        yield from forearm(elbow, wrist)


def couch(fat_mm: float) -> Iterator[Part]:
    """The table: a thin shell round foam, just below the back."""
    top = 108.0 + 1.3 * fat_mm + _SKIN_MM
    for margin, tissue in ((3.0, tissues.COUCH_SHELL), (0.0, tissues.COUCH_FOAM)):
        rows = tuple((z, 205.0 + margin, 15.0 + margin, top + 18.0) for z in (-5000.0, 5000.0))
        yield Tower(rows, exponent=6.0), tissue


def _limbs(side: int, margin: float, arms: Arms) -> Iterator[Capsule | Ellipsoid]:
    shoulder, elbow, wrist = _arm(side, arms)
    yield Ellipsoid((side * 166, 10, 1418), (36 + margin, 40 + margin, 46 + margin))
    yield Capsule(shoulder, elbow, 40 + margin, 33 + margin)
    yield Capsule(elbow, wrist, 32 + margin, 23 + margin)
    hip = hip_joint(side)
    yield Capsule((side * 84, 8, hip[2] - 55), (side * 78, 2, 500), 74 + margin, 50 + margin)


def _arm(side: int, arms: Arms) -> tuple[Point, Point, Point]:
    if arms is Arms.UP:
        return (side * 172.0, 10.0, 1428.0), (side * 200.0, -12.0, 1716.0), (side * 70.0, -30.0, 1840.0)
    return (side * 172.0, 10.0, 1412.0), (side * 208.0, 30.0, 1112.0), (side * 112.0, -122.0, 960.0)
