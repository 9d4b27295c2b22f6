"""Location without weights: which entry of the vocabulary a region lies in, from CT, shape and position alone.

Every place of ``places`` is a box on a standard patient with a tissue. A region's log-likelihood under it is
that of a uniform distribution over the box with blurred edges, times how well the tissue fits; the places of one
coarse location add up. The baseline that every trained model is compared with.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from config.finding import LocationAnswer
from config.vocabulary import Laterality, Location, vocabulary
from config.volume import Volume
from inference.anatomy.describe import Anatomy
from inference.anatomy.landmarks import Part
from inference.location.leaves import refine
from inference.location.lobes import lobe_shares
from inference.location.places import PLACES, Place, Tissue
from inference.location.surroundings import Surroundings, look_around

_BLUR_MM = 10.0
_SIDE_BLUR_MM = 6.0
_OTHER_PART = -8.0
_CERTAINTY = {True: 0.9, False: 0.45}
"""What remains of the confidence with and without a CT: anatomy varies more than the table."""

_PAIRED = frozenset(candidate.coarse for candidate in PLACES if candidate.paired)
_RIB_SLOPE = 0.62
_LEAST = 0.02
_LEAST_FOR_LEAF = 0.15


def locate(
    voxels: NDArray[np.intp], suv: Volume, anatomy: Anatomy, ct: Volume | None, sex: str | None = None
) -> LocationAnswer:
    """Where one finding lies.

    Parameters
    ----------
    voxels
        Array indices (N, 3) of the finding on the PET grid, N ≥ 1.
    suv, ct
        The volumes that ``anatomy`` was described from.
    sex
        M or F leaves out what only the other sex has.

    Returns
    -------
    LocationAnswer
        The likeliest entry: a leaf where a rule can tell it and the coarse location isn't itself a mere guess, else a
        coarse location on its side. ``top5`` begins with it; probabilities fall and add up to at most 1.
    """
    place = look_around(voxels, suv, anatomy)
    certainty = _CERTAINTY[ct is not None] * (1.0 if anatomy.levels.known else 0.4)
    ranked = rank(place, lobe_shares(place, anatomy), sex)[:5]
    top5 = []
    for coarse, probability in ranked:
        confidence = probability * certainty
        entry, share = refine(coarse, place) if confidence >= _LEAST_FOR_LEAF else (coarse, 1.0)
        top5.append((entry, min(1.0, confidence * share)))
    top5.sort(key=lambda pair: -pair[1])
    return LocationAnswer(top5[0][0], top5[0][1], tuple(top5))


def rank(place: Surroundings, lobes: dict[str, float], sex: str | None = None) -> list[tuple[Location, float]]:
    """Coarse locations on their sides with their probabilities, likeliest first."""
    scores: dict[str, float] = {}
    for candidate in PLACES:
        if sex not in _other_sexes(candidate.coarse):
            score = log_likelihood(candidate, place, lobes)
            scores[candidate.coarse] = float(np.logaddexp(scores.get(candidate.coarse, -math.inf), score))
    best = max(scores.values())
    weights = {coarse: math.exp(score - best) for coarse, score in scores.items()}
    total = sum(weights.values())
    left = 0.5 * (1.0 + math.erf(place.left_mm / (_SIDE_BLUR_MM * math.sqrt(2.0))))
    entries: list[tuple[Location, float]] = []
    for coarse, weight in weights.items():
        entries += [(entry, weight / total * share) for entry, share in _sides(coarse, left)]
    return sorted(entries, key=lambda pair: (-pair[1], pair[0].id))


def likeliest(place: Surroundings, among: Collection[str]) -> Location:
    """The likeliest of some coarse locations, none of them a lobe of the lung, on its side where it has sides."""
    return next(entry for entry, _ in rank(place, {}) if entry.coarse in among)


def log_likelihood(candidate: Place, place: Surroundings, lobes: dict[str, float]) -> float:
    """How well a region fits a place, up to a constant."""
    in_bone = candidate.tissue in (Tissue.BONE, Tissue.RIB)
    level = place.vertebral_mm if in_bone else place.level_mm
    if candidate.tissue is Tissue.RIB:
        level -= _RIB_SLOPE * max(0.0, place.forward_mm + 20.0)
    across = abs(place.left_mm) if candidate.paired else place.left_mm
    score = math.log(candidate.weight) + math.log(max(_LEAST, tissue_fit(candidate.tissue, place)))
    score += _box(level, candidate.level_mm, place.level_uncertainty_mm) + _box(across, candidate.left_mm, _BLUR_MM)
    if candidate.forward_mm is not None:
        score += _box(place.forward_mm, candidate.forward_mm, _BLUR_MM)
    else:
        score -= math.log(120.0)
    if candidate.paired and candidate.part is Part.TRUNK:
        score -= math.log(2.0)
    if candidate.part is not place.part:
        score += _OTHER_PART
    if candidate.coarse.endswith("lobe") and candidate.tissue is Tissue.LUNG:
        score += math.log(max(0.01, lobes.get(candidate.coarse, 0.0)))
    return score


def tissue_fit(tissue: Tissue, place: Surroundings) -> float:
    """How well what the region is made of, and lies in, agrees with a tissue, in [0, 1]."""
    if not place.has_ct:
        return 0.5
    soft = place.soft + 0.7 * place.fat
    in_lung = min(1.0, place.lung + max(0.0, (place.lung_around - 0.25) / 0.5))
    if tissue is Tissue.BONE or tissue is Tissue.RIB:
        return min(1.0, 2.0 * place.bone)
    if tissue is Tissue.LUNG:
        return in_lung
    if tissue is Tissue.HILUM:
        return max(0.0, 1.0 - abs(place.lung_around - 0.4) / 0.4) * (1.0 - place.bone)
    if tissue is Tissue.PLEURA:
        return max(0.0, 1.0 - abs(place.lung_around - 0.4) / 0.3) * (1.0 if place.depth_mm < 60.0 else 0.2)
    if tissue is Tissue.BRAIN:
        return place.brain
    if tissue is Tissue.HEART:
        return place.heart
    if tissue is Tissue.LIVER:
        return 0.15 + 0.85 * place.liver if soft > 0.5 else 0.0
    if tissue is Tissue.SKIN:
        return soft * min(1.0, max(0.0, (45.0 - place.depth_mm) / 25.0))
    elsewhere = (
        (1.0 - 0.9 * in_lung) * (1.0 - 0.9 * place.brain) * (1.0 - 0.85 * place.liver) * (1.0 - 0.6 * place.heart)
    )
    return (soft + 0.3 * place.gas) * (1.0 - place.bone) * elsewhere


@cache
def _other_sexes(coarse: str) -> frozenset[str]:
    """The sexes that do not have a coarse location."""
    sex = vocabulary().coarse(coarse).sex
    return frozenset({"M", "F"} - {sex}) if sex else frozenset()


def _box(value: float, span: tuple[float, float], blur: float) -> float:
    """Log-density at a value of a uniform distribution over a range whose edges are blurred by a normal one."""
    low, high = (value - span[0]) / blur, (span[1] - value) / blur
    mass = 0.5 * (math.erf(low / math.sqrt(2.0)) + math.erf(high / math.sqrt(2.0)))
    if mass > 1e-4:
        return math.log(mass / (span[1] - span[0]))
    beyond = max(-low, -high, 3.0)
    return math.log(1e-4 / (span[1] - span[0])) - min(40.0, 0.5 * (beyond**2 - 9.0))


def _sides(coarse: str, left: float) -> Sequence[tuple[Location, float]]:
    """A coarse location split between right and left where it has both, in the proportion given by ``left``."""
    entries = _entries(coarse)
    if Laterality.LEFT not in entries:
        return [(entries[Laterality.NONE], 1.0)]
    middle = 1.0 - abs(2.0 * left - 1.0) if Laterality.MIDLINE in entries and min(left, 1.0 - left) > 0.1 else 0.0
    answer = [
        (entries[Laterality.RIGHT], (1.0 - left) * (1.0 - middle)),
        (entries[Laterality.LEFT], left * (1.0 - middle)),
    ]
    return [*answer, (entries[Laterality.MIDLINE], middle)] if middle else answer


@cache
def _entries(coarse: str) -> Mapping[Laterality, Location]:
    """A coarse location on each of its sides; the only one under NONE where it is not told apart by side."""
    known = vocabulary()
    sides = {leaf.laterality for leaf in known.below(coarse)}
    if coarse not in _PAIRED or not {Laterality.RIGHT, Laterality.LEFT} <= sides:
        return {Laterality.NONE: known.coarse(coarse)}
    return {side: known.coarse(coarse, side) for side in sides}
