"""Captions: one sentence for each finding, by rule, from what was measured."""

from collections.abc import Mapping
from dataclasses import dataclass

from config.finding import LocationAnswer, Measurements, UptakeGrade
from config.indication import Indication
from config.tracers import Tracer
from config.vocabulary import Location
from inference.density import Density
from inference.grade import uptake_grade, uptake_words

MASS_MM = 30.0
LEAST_CONFIDENCE = 0.15
_SOLID_IN_LUNG_HU = -300.0
_SCLEROTIC_HU = 400.0
_SPONGY_BONES = ("vertebra", "sacrum", "ilium")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a caption is made of.

    ``organ`` names the organ that a physiologic uptake belongs to and is None for a lesion. ``references`` are those
    of the anatomy, SUV by name (``liver_mean``, …). ``indication`` and ``radiopharmaceutical`` as in ``Options``.
    """

    organ: str | None
    location: LocationAnswer
    measurements: Measurements
    density: Density | None
    tracer: Tracer
    references: Mapping[str, float]
    indication: Indication = Indication.OTHER
    radiopharmaceutical: str = ""

    @property
    def grade(self) -> UptakeGrade | None:
        """Of a lesion, where there is a scale for the examination; None for physiologic uptake."""
        if self.organ is not None:
            return None
        return uptake_grade(
            self.measurements.suv_max,
            self.references,
            tracer=self.tracer,
            indication=self.indication,
            radiopharmaceutical=self.radiopharmaceutical,
        )


def caption(facts: Facts) -> str:
    """``<Location>: <size> <CT finding>, <intensity> <tracer> uptake (SUVmax <x.x>[, <grade>]).``

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
    intensity = uptake_words(measured.suv_max, facts.references)
    size = f"{measured.long_axis_mm / 10.0:.1f} × {measured.short_axis_mm / 10.0:.1f} cm (on PET)"
    figures = f"SUVmax {measured.suv_max:.1f}" + (f", {facts.grade}" if facts.grade else "")
    said = f"{size} {finding or 'focus'}, {intensity and f'{intensity} '}{_uptake(facts.tracer)}"
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


def _uptake(tracer: Tracer) -> str:
    return "uptake" if tracer is Tracer.OTHER else f"{tracer} uptake"


def _capitalised(words: str) -> str:
    return words[:1].upper() + words[1:]
