"""Captions: one sentence for each finding, by rule, from what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from config.finding import FindingKind, LocationAnswer, Measurements
from config.tracers import Tracer
from config.vocabulary import Location
from inference.density import Density

MASS_MM = 30.0
LEAST_CONFIDENCE = 0.15
_SOLID_IN_LUNG_HU = -300.0
_SOFT_TISSUE_HU = (-30.0, 150.0)
_SCLEROTIC_HU = 400.0
_SPONGY_BONES = ("vertebra", "sacrum", "ilium")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a caption is made of. ``references`` are those of the anatomy, SUV by name (``liver_mean``, …)."""

    kind: FindingKind
    location: LocationAnswer
    measurements: Measurements
    density: Density | None
    tracer: Tracer
    references: Mapping[str, float]


class Captioner(Protocol):
    """Puts a finding into words; numbers must be those measured."""

    def __call__(self, facts: Facts) -> str: ...


def caption(facts: Facts) -> str:
    """``<Location>: <CT finding>, uptake volume <long> × <short> cm, <grade> <tracer> uptake, SUVmax <x.x>.``

    The size is that of the uptake and is called so: it isn't the size on CT. A location that is only known coarsely
    is marked; one below ``LEAST_CONFIDENCE`` is not named, nor is a CT finding that depends on it. A physiologic
    finding has neither CT finding nor grade.
    """
    place = place_in_words(facts.location)
    measured = facts.measurements
    tracer = "" if facts.tracer is Tracer.OTHER else f"{facts.tracer} "
    if facts.kind is FindingKind.PHYSIOLOGIC:
        return f"{place}: physiologic {tracer}uptake, SUVmax {measured.suv_max:.1f}."
    grade = uptake_grade(measured.suv_max, facts.references)
    density = facts.density if facts.location.confidence >= LEAST_CONFIDENCE else None
    parts = [
        ct_finding(facts.location.location, measured, density),
        f"uptake volume {measured.long_axis_mm / 10.0:.1f} × {measured.short_axis_mm / 10.0:.1f} cm",
        f"{grade} {tracer}uptake".lstrip(),
        f"SUVmax {measured.suv_max:.1f}",
    ]
    score = psma_score(measured.suv_max, facts.references) if facts.tracer is Tracer.PSMA else None
    if score is not None:
        parts.append(f"PSMA score {score}")
    return f"{place}: {', '.join(parts)}."


def place_in_words(answer: LocationAnswer) -> str:
    """The location's name with a capital, and a mark if it is coarse; no name if the answer is hardly a guess."""
    if answer.confidence < LEAST_CONFIDENCE:
        return "Location uncertain"
    name = answer.location.name[:1].upper() + answer.location.name[1:]
    return name if answer.location.is_leaf else f"{name} (not further localised)"


def ct_finding(location: Location, measured: Measurements, density: Density | None) -> str:
    """What the density at the uptake allows to say; ``focus`` where it allows nothing more.

    In the lung ``nodule``, from 3 cm on ``mass``, where something solid lies there. ``lymph node`` without a word on
    its size, which is judged on CT and not by its uptake. ``osteoblastic focus`` for spongy bones denser than any
    healthy marrow; never osteolytic, as osteoporotic marrow is no denser.
    """
    if density is None:
        return "focus"
    if location.tissue == "lung" and density.highest_hu >= _SOLID_IN_LUNG_HU:
        return "mass" if measured.long_axis_mm >= MASS_MM else "nodule"
    if location.tissue == "lymph node" and _SOFT_TISSUE_HU[0] <= density.mean_hu <= _SOFT_TISSUE_HU[1]:
        return "lymph node"
    spongy = any(bone in f"{location.coarse} {location.name}" for bone in _SPONGY_BONES)
    if location.tissue == "bone" and spongy and density.mean_hu >= _SCLEROTIC_HU:
        return "osteoblastic focus"
    return "focus"


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
