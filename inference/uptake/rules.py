"""The rules for physiologic uptake, in the order in which they are asked; the first that answers decides."""

from collections.abc import Callable

import numpy as np

from config.tracers import Tracer
from config.vocabulary import Laterality
from inference.anatomy.landmarks import Part
from inference.location.locate import likeliest
from inference.uptake.candidate import Candidate
from inference.uptake.expected_uptake import EXPECTED, IN_URINE, KIDNEY, PARTNER_BONUS
from inference.uptake.scene import Scene, in_bladder_box, within
from inference.uptake.verdict import Organ, Verdict, in_doubt, lesion, organ_at, physiologic

Rule = Callable[[Candidate, Scene], Verdict | None]

BRAIN = organ_at("brain", "cerebral lobe", Laterality.NONE)
MYOCARDIUM = organ_at("left ventricular myocardium", "left ventricular myocardium", Laterality.NONE)
BLADDER = organ_at("urinary bladder", "urinary bladder wall", Laterality.NONE)
LIVER_LOBES = ("left and caudate liver lobe", "right liver lobe")
BOWEL = (
    "stomach",
    "duodenum and small bowel",
    "cecum and ascending colon",
    "transverse colon",
    "descending and sigmoid colon",
)

_WINDING = 0.3
_MODERATE_TO_LIVER = 2.5
_GAS = 0.02
_LARGEST_BRAIN_ML = 2000.0


def brain(candidate: Candidate, scene: Scene) -> Verdict | None:
    place, mask = candidate.place, scene.anatomy.brain
    if scene.tracer is not Tracer.FDG:
        return None
    large = candidate.volume_ml > 150.0
    inside = place.brain >= (0.25 if large else 0.5)
    below = mask.any() and place.level_mm < 5.0 and within(place.forward_mm, (-100.0, 12.0)) and place.bone < 0.5
    unseen = not place.has_ct and large and scene.is_at_top(candidate) and candidate.volume_ml <= _LARGEST_BRAIN_ML
    if not inside and not (below and abs(place.left_mm) < 60.0) and not unseen:
        return None
    if mask.any() and candidate.volume_ml < 30.0:
        usual = float(np.percentile(scene.anatomy.suv[mask], 75))
        if candidate.suv_mean > 1.6 * usual:
            return in_doubt(f"hotter than the brain around it, mean SUV {candidate.suv_mean:.1f} against {usual:.1f}")
    return physiologic(BRAIN, "Usual FDG uptake of the brain.", 0.6 if unseen else 0.85)


def heart(candidate: Candidate, scene: Scene) -> Verdict | None:
    place = candidate.place
    if scene.tracer is not Tracer.FDG or place.heart < 0.6 or place.lung_around > 0.6:
        return None
    if place.left_mm < 15.0 or place.forward_mm < 45.0:
        return in_doubt("at the level of the heart, but not where the left ventricle lies")
    if candidate.liver_ratio > 8.0:
        return in_doubt("at the heart, but too hot for myocardium")
    if candidate.volume_ml < 2.0:
        return in_doubt("at the heart, but too small for myocardium")
    reason = "Usual FDG uptake of the left ventricular myocardium."
    return physiologic(MYOCARDIUM, reason, 0.8 if candidate.volume_ml >= 5.0 else 0.6)


def heart_without_ct(candidate: Candidate, scene: Scene) -> Verdict | None:
    """A large region of moderate uptake where the left ventricle lies; what is small or hot there may be a lesion."""
    place = candidate.place
    inside = (
        within(place.level_mm, (255.0, 390.0))
        and within(place.left_mm, (15.0, 75.0))
        and within(place.forward_mm, (45.0, 150.0))
        and place.part is Part.TRUNK
    )
    if scene.tracer is not Tracer.FDG or place.has_ct or not scene.anatomy.levels.known or not inside:
        return None
    if candidate.volume_ml < 40.0 or candidate.liver_ratio > 5.0:
        return in_doubt(
            "where the left ventricle may lie, but too small or too hot to be told from a lesion without CT"
        )
    reason = "Usual FDG uptake of the left ventricular myocardium: its place and size, without CT."
    return physiologic(MYOCARDIUM, reason, 0.55)


def liver(candidate: Candidate, scene: Scene) -> Verdict | None:
    """SUVpeak within 1.5 × mean + 2 SD of the liver (PERCIST) is the liver's own; more in what fills most of it.

    A SUVpeak above the region's own SUVmax is that of a hotter neighbour; then SUVmax counts.
    """
    place, references = candidate.place, scene.anatomy.references
    if place.liver < 0.5 or "liver_mean" not in references:
        return None
    mean, deviation = references["liver_mean"], references["liver_sd"]
    highest = 1.5 * mean + 2.0 * deviation if candidate.volume_ml < 100.0 else 2.0 * mean + 4.0 * deviation
    heat = min(candidate.suv_peak, candidate.suv_max)
    figures = f"{'SUVpeak' if heat == candidate.suv_peak else 'SUVmax'} {heat:.1f}, limit {highest:.1f}"
    if heat <= highest:
        organ = Organ("liver", likeliest(place, LIVER_LOBES))
        return physiologic(organ, f"Within the usual range of the liver: {figures}.", 0.75)
    if place.gas_around > _GAS:
        return None
    return lesion(f"Above the usual range of the liver: {figures}.", 0.6)


def bladder(candidate: Candidate, scene: Scene) -> Verdict | None:
    main = scene.bladder
    if main is None or not in_bladder_box(candidate):
        return None
    if candidate is main:
        reason = "Urine in the bladder: the hottest region of the middle of the pelvis."
        return physiologic(BLADDER, reason, 0.8 if candidate.volume_ml >= 10.0 else 0.55)
    touching = abs(candidate.place.centre_mm[2] - main.place.centre_mm[2]) < 0.5 * main.place.extent_mm[0]
    if touching and candidate.suv_max >= 0.5 * main.suv_max and candidate.place.level_mm < main.place.level_mm + 10.0:
        return physiologic(BLADDER, "Urine in the bladder: beside its main part and as hot.", 0.5)
    return in_doubt("near the bladder, but apart from its urine")


def lone_kidney(candidate: Candidate, scene: Scene) -> Verdict | None:
    """What lies where a kidney does, alone, may be an adrenal metastasis above it or a lesion of bowel or muscle."""
    if not scene.fits(KIDNEY, candidate) or candidate.partner(scene.candidates) is not None:
        return None
    if candidate.liver_ratio < 3.0:
        return in_doubt(f"where the {candidate.side} kidney lies, but neither as hot as urine nor paired")
    same_side = [
        other
        for other in scene.candidates
        if other is not candidate and other.side == candidate.side and scene.fits(KIDNEY, other)
    ]
    bottom = candidate.place.centre_mm[2] - candidate.place.extent_mm[0] / 2.0
    tops = [other.place.centre_mm[2] + other.place.extent_mm[0] / 2.0 for other in same_side]
    small = candidate.volume_ml < 0.5 * sum(other.volume_ml for other in same_side)
    high_and_medial = candidate.place.level_mm <= 435.0 and abs(candidate.place.left_mm) <= 58.0
    if tops and high_and_medial and small and bottom > max(tops) + 10.0:
        return in_doubt(f"above the {candidate.side} kidney and apart from it, as an adrenal gland is")
    return None


def expected(candidate: Candidate, scene: Scene) -> Verdict | None:
    for row in EXPECTED:
        if not scene.fits(row, candidate):
            continue
        partner = candidate.partner(scene.candidates) if row.paired else None
        if partner is None and (row.needs_partner or (row.paired and not candidate.place.has_ct)):
            continue
        organ = row.organ(candidate.side)
        alike = ", alike on both sides" if partner is not None else ""
        reason = f"Usual {scene.uptake} of the {organ.words}{alike}."
        return physiologic(organ, reason, row.confidence + (PARTNER_BONUS if partner is not None else 0.0))
    return None


def ureter(candidate: Candidate, scene: Scene) -> Verdict | None:
    """Urine in a ureter is thin and runs along the body, below a kidney that is seen; less so where both are seen."""
    place = candidate.place
    inside = (
        within(place.level_mm, (445.0, 690.0))
        and within(abs(place.left_mm), (14.0, 62.0))
        and within(place.forward_mm, (-5.0, 75.0))
        and place.part is Part.TRUNK
    )
    if scene.tracer not in IN_URINE or not scene.anatomy.levels.known or not inside:
        return None
    if place.bone > 0.3 or candidate.volume_ml > 15.0:
        return None
    kidney = any(scene.fits(KIDNEY, other) and other.side == candidate.side for other in scene.candidates)
    paired = candidate.volume_ml <= 3.0 and candidate.partner(scene.candidates) is not None
    thin = place.extent_mm[0] >= 20.0 and candidate.slenderness >= (1.5 if paired else 2.0)
    if not thin or not kidney:
        return in_doubt("on the course of the ureter, but not drawn out along it")
    organ = organ_at("{side} ureter", "{side} ureter", candidate.side)
    return physiologic(organ, f"Urine in the {organ.words}: thin and along its course.", 0.55)


def bowel(candidate: Candidate, scene: Scene) -> Verdict | None:
    """Moderate uptake that winds, or lies beside gas, is that of the wall of stomach or bowel.

    Moderate is an SUVpeak up to 2.5 × liver. Beside the great vessels it may be a node, whatever its shape.
    """
    place = candidate.place
    inside = (
        within(place.level_mm, (345.0, 700.0))
        and place.forward_mm >= 15.0
        and abs(place.left_mm) <= 130.0
        and place.part is Part.TRUNK
    )
    if scene.tracer is not Tracer.FDG or not scene.anatomy.levels.known or not inside:
        return None
    if place.bone > 0.2 or place.lung_around > 0.2 or place.depth_mm < 25.0 or candidate.liver_ratio > 5.0:
        return None
    beside_gas, winding = place.gas_around > _GAS, candidate.compactness < _WINDING
    by_the_vessels = abs(place.left_mm) <= 40.0 and place.forward_mm <= 66.0
    if candidate.peak_ratio > _MODERATE_TO_LIVER or by_the_vessels or not (beside_gas or winding):
        return in_doubt("focal uptake of the abdomen, in stomach or bowel or beside them")
    location = likeliest(place, BOWEL)
    how = "moderate and beside gas" if beside_gas else "moderate and winding"
    return physiologic(Organ(location.name, location), f"Usual FDG uptake of stomach or bowel: {how}.", 0.45)


RULES: tuple[Rule, ...] = (brain, heart, heart_without_ct, liver, bladder, lone_kidney, expected, ureter, bowel)
