"""Physiologic uptake recognised by rules, without weights: a class and a reason for every candidate.

No candidate is dropped. Where the rules do not explain an uptake it is a lesion, and where they are in doubt it is a
lesion with low confidence and a reason that says so.
"""

from dataclasses import replace

from config.finding import LabelMap
from config.tracers import TracerProfile
from config.volume import Volume
from inference.anatomy.describe import Anatomy
from inference.uptake.candidate import Candidate, list_candidates
from inference.uptake.expected_uptake import USUAL_LIVER_SUV
from inference.uptake.rules import RULES
from inference.uptake.scene import Scene
from inference.uptake.verdict import Verdict, in_doubt, lesion

_WITHOUT_CT = 0.8


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
    scene = Scene(anatomy, profile.tracer, list_candidates(labels, suv, anatomy, liver))
    return {candidate.label: _judge(candidate, scene) for candidate in scene.candidates}


def _judge(candidate: Candidate, scene: Scene) -> Verdict:
    for rule in RULES:
        verdict = rule(candidate, scene)
        if verdict is not None:
            certainty = 1.0 if candidate.place.has_ct else _WITHOUT_CT
            return replace(verdict, confidence=verdict.confidence * certainty)
    if not candidate.place.has_ct:
        return in_doubt(f"without CT no organ is known to explain this {scene.uptake}, {scene.heat(candidate)}")
    return lesion(f"No organ explains this {scene.uptake}: {scene.heat(candidate)}.", 0.7)
