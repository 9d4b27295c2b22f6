"""Physiologic uptake recognised by rules, without weights: a class and a reason for every candidate.

No candidate is dropped. Where the rules do not explain an uptake it is a lesion, and where they are in doubt it is a
lesion with low confidence and a reason that says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from config.finding import FindingKind, LabelMap
from config.tracers import Tracer, TracerProfile
from config.volume import Volume
from inference.anatomy.describe import Anatomy
from inference.anatomy.landmarks import Part
from inference.uptake.candidate import Candidate, list_candidates
from inference.uptake.expected_uptake import EXPECTED, IN_URINE, KIDNEY, USUAL_LIVER_SUV, Expected

_PARTNER_BONUS = 0.15
_WITHOUT_CT = 0.8
_DOUBT = 0.35


@dataclass(frozen=True)
class Verdict:
    """What a candidate is, why (in words), in which organ (empty for a lesion), and how sure that is, in [0, 1]."""

    kind: FindingKind
    reason: str
    organ: str
    confidence: float


@dataclass(frozen=True, eq=False)
class Scene:
    """What a rule may look at besides the candidate itself."""

    anatomy: Anatomy
    tracer: Tracer
    candidates: tuple[Candidate, ...]
    bladder: Candidate | None


Rule = Callable[[Candidate, Scene], Verdict | None]


def classify(labels: LabelMap, suv: Volume, anatomy: Anatomy, profile: TracerProfile) -> dict[int, Verdict]:
    """A verdict for every label over 0.

    Parameters
    ----------
    labels
        Candidate regions on the PET grid.
    suv
        SUVbw that they were found in.
    anatomy
        Of the same volume.
    profile
        The tracer; it decides in which organs uptake is expected.
    """
    liver = anatomy.references.get("liver_mean", USUAL_LIVER_SUV[profile.tracer])
    candidates = list_candidates(labels, suv, anatomy, liver)
    scene = Scene(anatomy, profile.tracer, candidates, _find_bladder(candidates, anatomy, profile.tracer))
    return {candidate.label: _judge(candidate, scene) for candidate in candidates}


def _judge(candidate: Candidate, scene: Scene) -> Verdict:
    for rule in _RULES:
        verdict = rule(candidate, scene)
        if verdict is not None:
            certainty = 1.0 if candidate.place.has_ct else _WITHOUT_CT
            return Verdict(verdict.kind, verdict.reason, verdict.organ, verdict.confidence * certainty)
    reason = f"No physiologic uptake of {_name(scene.tracer)} is expected here; {_heat(candidate)}."
    return Verdict(FindingKind.LESION, reason, "", 0.7 if candidate.place.has_ct else 0.5)


def _brain(candidate: Candidate, scene: Scene) -> Verdict | None:
    place, brain = candidate.place, scene.anatomy.brain
    if scene.tracer is not Tracer.FDG:
        return None
    below = brain.any() and place.level_mm < 5.0 and -100.0 < place.forward_mm < 12.0 and abs(place.left_mm) < 60.0
    unseen = not place.has_ct and candidate.volume_ml > 150.0 and _is_at_top(candidate, scene)
    if place.brain < 0.5 and not (below and place.bone < 0.5) and not unseen:
        return None
    if brain.any() and candidate.volume_ml < 30.0:
        usual = float(np.percentile(scene.anatomy.suv[brain], 75))
        if candidate.suv_mean > 1.6 * usual:
            return _in_doubt(f"Hotter than the brain around it ({candidate.suv_mean:.1f} against {usual:.1f} SUV).")
    reason = (
        "Inside the skull, where FDG is taken up by the brain." if not unseen else "Large uptake of the head: brain."
    )
    return _physiologic("brain", reason, 0.6 if unseen else 0.85)


def _heart(candidate: Candidate, scene: Scene) -> Verdict | None:
    place = candidate.place
    if scene.tracer is not Tracer.FDG or place.heart < 0.6 or place.lung_around > 0.6:
        return None
    if place.left_mm < 0.0 or place.forward_mm < 45.0:
        return _in_doubt("Between the lungs at the level of the heart, but not where the left ventricle lies.")
    if candidate.volume_ml < 2.0 or candidate.liver_ratio > 8.0:
        return _in_doubt(f"At the heart, but too {'hot' if candidate.liver_ratio > 8.0 else 'small'} for myocardium.")
    reason = "Between the lungs, left of the midline, below the hila: myocardium."
    return _physiologic("heart", reason, 0.8 if candidate.volume_ml >= 5.0 else 0.6)


def _liver(candidate: Candidate, scene: Scene) -> Verdict | None:
    if candidate.place.liver < 0.5 or "liver_mean" not in scene.anatomy.references:
        return None
    mean, deviation = scene.anatomy.references["liver_mean"], scene.anatomy.references["liver_sd"]
    highest = 1.5 * mean + 2.0 * deviation if candidate.volume_ml < 100.0 else 2.0 * mean + 4.0 * deviation
    if candidate.suv_max > highest:
        reason = (
            f"In the liver and hotter than it (SUVmax {candidate.suv_max:.1f}, liver {mean:.1f} ± {deviation:.1f})."
        )
        return Verdict(FindingKind.LESION, reason, "", 0.6)
    reason = f"In the liver and no hotter than its noise (SUVmax {candidate.suv_max:.1f}, limit {highest:.1f})."
    return _physiologic("liver", reason, 0.75)


def _bladder(candidate: Candidate, scene: Scene) -> Verdict | None:
    main = scene.bladder
    if main is None or not _in_bladder_box(candidate):
        return None
    if candidate is main:
        large = candidate.volume_ml >= 10.0
        return _physiologic(
            "urinary bladder", "The lowest hot midline region of the pelvis: urine.", 0.8 if large else 0.55
        )
    touching = abs(candidate.place.centre_mm[2] - main.place.centre_mm[2]) < 0.5 * main.place.extent_mm[0]
    if touching and candidate.suv_max >= 0.5 * main.suv_max and candidate.place.level_mm < main.place.level_mm + 10.0:
        return _physiologic("urinary bladder", "Beside the main part of the bladder and as hot: urine.", 0.5)
    return _in_doubt("Near the urinary bladder but apart from its urine.")


def _kidney_in_doubt(candidate: Candidate, scene: Scene) -> Verdict | None:
    """What lies where a kidney does, alone, may be an adrenal metastasis above it or a lesion of bowel or muscle."""
    if not _fits(KIDNEY, candidate, scene) or candidate.partner(scene.candidates) is not None:
        return None
    if candidate.liver_ratio < 3.0:
        return _in_doubt(f"Where the {candidate.side} kidney lies, but neither as hot as urine nor paired.")
    same_side = [
        other
        for other in scene.candidates
        if other is not candidate and other.side == candidate.side and _fits(KIDNEY, other, scene)
    ]
    bottom = candidate.place.centre_mm[2] - candidate.place.extent_mm[0] / 2.0
    tops = [other.place.centre_mm[2] + other.place.extent_mm[0] / 2.0 for other in same_side]
    small = candidate.volume_ml < 0.5 * sum(other.volume_ml for other in same_side)
    high_and_medial = candidate.place.level_mm <= 435.0 and abs(candidate.place.left_mm) <= 58.0
    if tops and high_and_medial and small and bottom > max(tops) + 10.0:
        return _in_doubt(f"Above the {candidate.side} kidney and apart from it: adrenal gland rather than urine.")
    return None


def _ureter(candidate: Candidate, scene: Scene) -> Verdict | None:
    place = candidate.place
    inside = (
        445.0 <= place.level_mm <= 690.0 and 14.0 <= abs(place.left_mm) <= 62.0 and -5.0 <= place.forward_mm <= 75.0
    )
    if scene.tracer not in IN_URINE or not scene.anatomy.levels.known or not inside or place.part is not Part.TRUNK:
        return None
    if place.bone > 0.3 or candidate.volume_ml > 15.0:
        return None
    kidney = any(_fits(KIDNEY, other, scene) and other.side == candidate.side for other in scene.candidates)
    if candidate.elongated() and kidney:
        return _physiologic(f"{candidate.side} ureter", "Thin uptake along the course of the ureter: urine.", 0.55)
    return _in_doubt("On the course of the ureter, but not drawn out along it: ureter or node.")


def _bowel(candidate: Candidate, scene: Scene) -> Verdict | None:
    place = candidate.place
    inside = 345.0 <= place.level_mm <= 700.0 and place.forward_mm >= 15.0 and abs(place.left_mm) <= 130.0
    if not inside or not scene.anatomy.levels.known or place.bone > 0.2 or place.lung_around > 0.2:
        return None
    if place.depth_mm < 25.0 or candidate.liver_ratio > 5.0:
        return None
    if place.part is not Part.TRUNK or scene.tracer is not Tracer.FDG:
        return None
    drawn_out = max(place.extent_mm) >= 2.0 * min(place.extent_mm) and max(place.extent_mm) >= 40.0
    if candidate.volume_ml >= 8.0 and drawn_out and place.level_mm >= 425.0:
        return _physiologic("bowel", "Drawn-out uptake of the abdomen, as in the wall of the bowel.", 0.5)
    beside_gas = " beside gas" if place.gas_around > 0.02 else ""
    return _in_doubt(f"Focal uptake of the abdomen{beside_gas}: stomach, bowel, or a lesion.")


def _expected(candidate: Candidate, scene: Scene) -> Verdict | None:
    for organ in EXPECTED:
        if not _fits(organ, candidate, scene):
            continue
        partner = candidate.partner(scene.candidates) if organ.paired else None
        if organ.needs_partner and partner is None:
            continue
        name = f"{candidate.side} {organ.organ}" if organ.paired else organ.organ
        paired = ", with like uptake on the other side" if partner is not None else ""
        reason = f"{_name(scene.tracer)} is taken up here without disease ({name}){paired}; {_heat(candidate)}."
        return _physiologic(name, reason, organ.confidence + (_PARTNER_BONUS if partner is not None else 0.0))
    return None


_RULES: tuple[Rule, ...] = (_brain, _heart, _liver, _bladder, _kidney_in_doubt, _expected, _ureter, _bowel)


def _fits(organ: Expected, candidate: Candidate, scene: Scene) -> bool:
    place = candidate.place
    across = abs(place.left_mm) if organ.paired else place.left_mm
    return (
        scene.tracer in organ.tracers
        and scene.anatomy.levels.known
        and place.part is Part.TRUNK
        and _within(place.level_mm, organ.level_mm)
        and _within(across, organ.left_mm)
        and _within(place.forward_mm, organ.forward_mm)
        and _within(candidate.liver_ratio, organ.liver_ratio)
        and _within(candidate.volume_ml, organ.volume_ml)
        and _within(place.fat, organ.fat_share)
        and _within(place.depth_mm, organ.depth_mm)
        and place.bone <= 0.35
        and place.lung <= 0.3
        and place.lung_around <= 0.4
    )


def _find_bladder(candidates: Sequence[Candidate], anatomy: Anatomy, tracer: Tracer) -> Candidate | None:
    """The region of most uptake where the bladder lies; None for a tracer that urine does not carry."""
    if tracer not in IN_URINE or not anatomy.levels.known:
        return None
    inside = [c for c in candidates if _in_bladder_box(c) and c.liver_ratio >= 1.3 and c.volume_ml >= 3.0]
    return max(inside, key=lambda c: (c.total_uptake, -c.label), default=None)


def _in_bladder_box(candidate: Candidate) -> bool:
    place = candidate.place
    slack = min(25.0, place.level_uncertainty_mm)
    return (
        _within(place.level_mm, (640.0 - slack, 728.0 + slack))
        and abs(place.left_mm) <= 45.0
        and (not place.has_ct or _within(place.forward_mm, (18.0, 115.0)))
        and place.bone <= 0.3
        and place.part is Part.TRUNK
    )


def _is_at_top(candidate: Candidate, scene: Scene) -> bool:
    top = scene.anatomy.frame.heights_mm()[np.flatnonzero(scene.anatomy.patient.any(axis=(1, 2)))[-1]]
    return bool(top - candidate.place.centre_mm[2] < 200.0 and abs(candidate.place.left_mm) < 40.0)


def _within(value: float, span: tuple[float, float]) -> bool:
    return span[0] <= value <= span[1]


def _physiologic(organ: str, reason: str, confidence: float) -> Verdict:
    return Verdict(FindingKind.PHYSIOLOGIC, reason, organ, confidence)


def _in_doubt(reason: str) -> Verdict:
    return Verdict(FindingKind.LESION, f"{reason} In doubt, and so kept as a lesion.", "", _DOUBT)


def _name(tracer: Tracer) -> str:
    return "this tracer" if tracer is Tracer.OTHER else tracer.value


def _heat(candidate: Candidate) -> str:
    return f"SUVmax {candidate.suv_max:.1f}, {candidate.liver_ratio:.1f} times liver"
