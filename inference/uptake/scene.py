"""The scene: what a rule may look at besides the candidate itself."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from config.tracers import Tracer
from inference.anatomy.describe import Anatomy
from inference.anatomy.landmarks import Part
from inference.location.places import Range
from inference.uptake.candidate import Candidate
from inference.uptake.expected_uptake import IN_URINE, Expected


@dataclass(frozen=True, eq=False)
class Scene:
    """The patient, the tracer and all candidates."""

    anatomy: Anatomy
    tracer: Tracer
    candidates: tuple[Candidate, ...]

    @property
    def uptake(self) -> str:
        """``FDG uptake``, or ``uptake`` of a tracer that is not known."""
        return "uptake" if self.tracer is Tracer.OTHER else f"{self.tracer} uptake"

    def heat(self, candidate: Candidate) -> str:
        """How hot a candidate is, in words; the liver is named only if it was measured."""
        liver = self.anatomy.references.get("liver_mean")
        words = f"SUVmax {candidate.suv_max:.1f}"
        return words if liver is None else f"{words}, liver mean {liver:.1f}"

    def fits(self, organ: Expected, candidate: Candidate) -> bool:
        """Whether a candidate lies in the box of an organ that takes up the tracer, and is like its uptake.

        Without a CT levels are less sure, and the box is taller.
        """
        place = candidate.place
        slack = 0.0 if place.has_ct else level_slack_mm(candidate)
        across = abs(place.left_mm) if organ.paired else place.left_mm
        return (
            self.tracer in organ.tracers
            and self.anatomy.levels.known
            and place.part is Part.TRUNK
            and within(place.level_mm, (organ.level_mm[0] - slack, organ.level_mm[1] + slack))
            and within(across, organ.left_mm)
            and within(place.forward_mm, organ.forward_mm)
            and within(candidate.liver_ratio, organ.liver_ratio)
            and within(candidate.volume_ml, organ.volume_ml)
            and within(place.fat, organ.fat_share)
            and within(place.depth_mm, organ.depth_mm)
            and place.bone <= 0.35
            and place.lung <= 0.3
            and place.lung_around <= 0.4
        )

    @cached_property
    def bladder(self) -> Candidate | None:
        """The region of most uptake where the bladder lies; None for a tracer that urine does not carry."""
        if self.tracer not in IN_URINE or not self.anatomy.levels.known:
            return None
        inside = [c for c in self.candidates if in_bladder_box(c) and c.liver_ratio >= 1.3 and c.volume_ml >= 3.0]
        return max(inside, key=lambda c: (c.total_uptake, -c.label), default=None)

    def is_at_top(self, candidate: Candidate) -> bool:
        """Whether a candidate lies at the midline of the uppermost 200 mm of the patient in view."""
        patient = self.anatomy.patient
        top = self.anatomy.frame.heights_mm()[np.flatnonzero(patient.any(axis=(1, 2)))[-1]]
        return bool(top - candidate.place.centre_mm[2] < 200.0 and abs(candidate.place.left_mm) < 40.0)


def in_bladder_box(candidate: Candidate) -> bool:
    place = candidate.place
    slack = level_slack_mm(candidate)
    return (
        within(place.level_mm, (640.0 - slack, 728.0 + slack))
        and abs(place.left_mm) <= 45.0
        and (not place.has_ct or within(place.forward_mm, (18.0, 115.0)))
        and place.bone <= 0.3
        and place.part is Part.TRUNK
    )


def level_slack_mm(candidate: Candidate) -> float:
    """How far outside an organ's levels a candidate may seem to lie; without a CT few landmarks fix them."""
    return min(25.0 if candidate.place.has_ct else 45.0, candidate.place.level_uncertainty_mm)


def within(value: float, span: Range) -> bool:
    return span[0] <= value <= span[1]
