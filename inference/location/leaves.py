"""Where the vocabulary is finer than the table of places and a rule can honestly follow it: coarse location → leaf."""

from dataclasses import dataclass

from config.vocabulary import Laterality, Location, vocabulary
from inference.location.surroundings import Surroundings

_ANYWHERE_MM = (-2000.0, 2000.0)
_LEAST_SHARE = 0.65
_SOFTNESS_MM = 12.0


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part of a coarse location; ``{side}`` in its name stands for right or left.

    ``away_mm`` is its distance from the midline, the others are those of ``places``.
    """

    name: str
    level_mm: tuple[float, float] = _ANYWHERE_MM
    forward_mm: tuple[float, float] = _ANYWHERE_MM
    away_mm: tuple[float, float] = _ANYWHERE_MM


LEAVES: dict[str, tuple[Leaf, ...]] = {
    "sternum": (
        Leaf("manubrium of sternum", (178.0, 233.0)),
        Leaf("body of sternum", (233.0, 332.0)),
        Leaf("xiphoid process", (332.0, 352.0)),
    ),
    "femur": (
        Leaf("{side} proximal femur", (660.0, 835.0)),
        Leaf("{side} femoral shaft", (835.0, 1045.0)),
        Leaf("{side} distal femur", (1045.0, 1125.0)),
    ),
    "tibia and fibula": (
        Leaf("{side} proximal tibia and fibula", (1125.0, 1235.0)),
        Leaf("{side} shaft of tibia and fibula", (1235.0, 1405.0)),
        Leaf("{side} distal tibia and fibula", (1405.0, 1495.0)),
    ),
    "ilium and acetabulum": (
        Leaf("{side} ilium", (520.0, 655.0)),
        Leaf("{side} acetabulum", (655.0, 705.0)),
    ),
    "pubis and ischium": (
        Leaf("{side} pubic bone", forward_mm=(42.0, 120.0)),
        Leaf("{side} ischium", forward_mm=(-60.0, 42.0)),
    ),
    "urinary bladder and urethra": (
        Leaf("urinary bladder wall", (640.0, 722.0)),
        Leaf("urethra", (722.0, 790.0)),
    ),
    "{side} axillary node": (
        Leaf("{side} axillary level I node", away_mm=(108.0, 250.0)),
        Leaf("{side} axillary level II node", away_mm=(88.0, 108.0)),
        Leaf("{side} axillary level III node", away_mm=(40.0, 88.0)),
    ),
    "mediastinal station 1-2 node": (
        Leaf("low cervical and sternal notch node (station 1{initial})", (80.0, 152.0)),
        Leaf("upper paratracheal node (station 2{initial})", (152.0, 195.0)),
    ),
    "mediastinal station 3 node": (
        Leaf("prevascular node (station 3A)", forward_mm=(65.0, 160.0)),
        Leaf("retrotracheal node (station 3P)", forward_mm=(0.0, 65.0)),
    ),
}

_SINGLE = frozenset(
    {
        *("orbit", "parotid gland", "masticator space", "supraclavicular node", "clavicle", "scapula", "shoulder"),
        *("cervical level III node", "cervical level IV node", "cervical level VI node", "cervical level VII node"),
        *("pulmonary hilum", "hilar station 10 node", "mediastinal station 4 node", "mediastinal station 7 node"),
        *("spleen", "adrenal gland", "kidney", "sacroiliac joint", "hand and wrist", "patella and knee"),
        *("foot and ankle", "thigh muscle", "calf muscle", "upper limb muscle", "popliteal node", "iliopsoas muscle"),
        *("common iliac node", "external iliac node", "internal iliac node", "obturator node", "paraspinal muscle"),
        *("costal cartilage", "thyroid gland", "seminal vesicle", "ovary and adnexa", "parotid node"),
    }
)
"""Coarse locations with one leaf on either side, so that naming the leaf says no more than naming the side."""


def refine(coarse: Location, place: Surroundings) -> tuple[Location, float]:
    """The leaf under a coarse location where a rule can tell it, with its share; else the coarse location and 1."""
    entries = vocabulary()
    side = coarse.laterality.value
    if coarse.coarse in _SINGLE:
        below = entries.below(coarse.coarse, coarse.laterality)
        return (below[0], 1.0) if len(below) == 1 else (coarse, 1.0)
    leaves = LEAVES.get(coarse.coarse.replace(side, "{side}", 1), ())
    sideless = coarse.laterality in (Laterality.NONE, Laterality.MIDLINE)
    if not leaves or (sideless and "{" in leaves[0].name):
        return coarse, 1.0
    weights = [_nearness(leaf, place) for leaf in leaves]
    best = max(range(len(leaves)), key=weights.__getitem__)
    share = weights[best] / (sum(weights) or 1.0)
    name = leaves[best].name.format(side=side, initial=side[0].upper())
    return (entries.leaf(name), share) if share >= _LEAST_SHARE else (coarse, 1.0)


def _nearness(leaf: Leaf, place: Surroundings) -> float:
    return (
        _within(place.level_mm, leaf.level_mm, place.level_uncertainty_mm)
        * _within(place.forward_mm, leaf.forward_mm, _SOFTNESS_MM)
        * _within(abs(place.left_mm), leaf.away_mm, _SOFTNESS_MM)
    )


def _within(value: float, span: tuple[float, float], softness: float) -> float:
    """1 inside a range, falling to 0 over ``softness`` beyond it, ½ at half of it."""
    outside = max(span[0] - value, value - span[1], 0.0)
    inside = min(value - span[0], span[1] - value)
    return 0.5 + 0.5 * min(1.0, inside / softness) if outside == 0.0 else max(0.0, 0.5 - 0.5 * outside / softness)
