"""Captions: one sentence for each finding, by rule, from what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.finding import LocationAnswer, Measurements
from config.tracers import Tracer
from config.vocabulary import Location
from inference.density import Density

MASS_MM = 30.0
LEAST_CONFIDENCE = 0.15
_SOLID_IN_LUNG_HU = -300.0
_SCLEROTIC_HU = 400.0
_SPONGY_BONES = ("vertebra", "sacrum", "ilium")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a caption is made of.

    ``organ`` names the organ that a physiologic uptake belongs to and is None for a lesion. ``references`` are those
    of the anatomy, SUV by name (``liver_mean``, …).
    """

    organ: str | None
    location: LocationAnswer
    measurements: Measurements
    density: Density | None
    tracer: Tracer
    references: Mapping[str, float]


def caption(facts: Facts) -> str:
    """``<Location>: <size> <CT finding>, <grade> <tracer> uptake (SUVmax <x.x>[, PSMA score <n>]).``

    The size is ``<long> × <short> cm (on PET)``; without a CT finding it is that of a ``focus``. A coarse location is
    named as such and claims no more. One below ``LEAST_CONFIDENCE`` is not named, nor is a CT finding that depends on
    it. Physiologic uptake has its organ in place of the location, and neither CT finding, grade nor size.
    """
    measured = facts.measurements
    if facts.organ is not None:
        return f"{_capitalised(facts.organ)}: physiologic {_uptake(facts.tracer)} (SUVmax {measured.suv_max:.1f})."
    if not is_located(facts):
        return sentence(facts, "location uncertain", "")
    location = facts.location.location
    return sentence(facts, location.name, ct_finding(location, measured, facts.density))


def is_located(facts: Facts) -> bool:
    """Whether the location is more than a mere guess."""
    return facts.location.confidence >= LEAST_CONFIDENCE


def sentence(facts: Facts, place: str, finding: str) -> str:
    """The caption of a lesion with these words for its location and CT finding, which may be empty."""
    measured = facts.measurements
    grade = uptake_grade(measured.suv_max, facts.references)
    size = f"{measured.long_axis_mm / 10.0:.1f} × {measured.short_axis_mm / 10.0:.1f} cm (on PET)"
    score = psma_score(measured.suv_max, facts.references) if facts.tracer is Tracer.PSMA else None
    figures = f"SUVmax {measured.suv_max:.1f}" + ("" if score is None else f", PSMA score {score}")
    said = f"{size} {finding or 'focus'}, {grade and f'{grade} '}{_uptake(facts.tracer)}"
    return f"{_capitalised(place)}: {said} ({figures})."


def ct_finding(location: Location, measured: Measurements, density: Density | None) -> str:
    """What the density at the uptake allows to say of the CT; empty where it allows nothing.

    In the lung ``nodule``, from 3 cm on ``mass``, where something solid lies there. ``osteoblastic focus`` for spongy
    bones denser than any healthy marrow; never osteolytic, as osteoporotic marrow is no denser. Nothing on the size of
    a lymph node, which is judged on CT and not by its uptake.
    """
    if density is None:
        return ""
    if location.tissue == "lung" and density.highest_hu >= _SOLID_IN_LUNG_HU:
        return "mass" if measured.long_axis_mm >= MASS_MM else "nodule"
    spongy = any(bone in f"{location.coarse} {location.name}" for bone in _SPONGY_BONES)
    if location.tissue == "bone" and spongy and density.mean_hu >= _SCLEROTIC_HU:
        return "osteoblastic focus"
    return ""


def uptake_grade(suv_max: float, references: Mapping[str, float]) -> str:
    """``intense`` over twice the liver, ``moderate`` over the liver, ``slight`` over the blood pool, else ``mild``.

    Empty where a reference that decides was not found. Compares SUVmax with the means, as Deauville scores do.
    """
    liver, pool = references.get("liver_mean"), references.get("blood_pool_mean")
    if liver is not None and suv_max > 2.0 * liver:
        return "intense"
    if liver is not None and suv_max > liver:
        return "moderate"
    if pool is not None and suv_max < pool:
        return "mild"
    if liver is not None and pool is not None:
        return "slight"
    return ""


def psma_score(suv_max: float, references: Mapping[str, float]) -> int | None:
    """The miPSMA score (Eiber 2018): 0 below blood pool, 1 from it, 2 from liver, 3 from parotid gland on.

    None where a reference that decides was not found.
    """
    pool, liver, parotid = (references.get(f"{name}_mean") for name in ("blood_pool", "liver", "parotid"))
    if pool is None or liver is None:
        return None
    if suv_max < pool:
        return 0
    if suv_max < liver:
        return 1
    return None if parotid is None else 2 + (suv_max >= parotid)


def _uptake(tracer: Tracer) -> str:
    return "uptake" if tracer is Tracer.OTHER else f"{tracer} uptake"


def _capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]
