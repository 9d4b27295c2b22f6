"""Retrieval locator: trained retrieval where it is sure enough, rules elsewhere, and a remark where they contradict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from config.finding import LocationAnswer
from config.reasons import Reason, Remark
from config.vocabulary import Laterality
from config.volume import Matrix
from inference.anatomy.describe import Anatomy
from inference.retrieval.body import Body, make_body
from inference.stages import Located, Locator, Pair, Voxels, locate_by_rules

LEAST_CONFIDENCE = 0.3
"""Below it the rules locate: they may stop at a coarse location, where retrieval must choose among leaves."""

CERTAIN = 0.5
"""From this confidence on, of both, opposite sides are a contradiction."""

_TRUNK = ("head", "neck", "chest", "abdomen", "pelvis")


class LocationRetriever(Protocol):
    """Says where a lesion lies, from the LPS centres (N, 3) of its voxels and their edges (3, 3).

    None where it can't be localised; never what only the other sex has.
    """

    def __call__(
        self, body: Body, points_mm: Matrix, step_mm: Matrix, sex: str | None = None
    ) -> LocationAnswer | None: ...


@dataclass(frozen=True)
class RetrievalLocator:
    """Locates by retrieval; the rules have the rest, and are the second opinion.

    They locate what retrieval can't localise or isn't sure of, what it puts into a region that doesn't touch theirs,
    and everything without a CT. The remarks name the findings that they located, and those that retrieval and rules
    put into regions apart or, both certain, on opposite sides.
    """

    retriever: LocationRetriever
    rules: Locator = locate_by_rules

    def __call__(self, places: Sequence[Voxels], pair: Pair, anatomy: Anatomy, sex: str | None) -> Located:
        ruled = self.rules(places, pair, anatomy, sex)
        retrieved = self._retrieved(places, pair, sex)
        answers: list[LocationAnswer] = []
        by_rules: list[str] = []
        remarks: list[Remark] = []
        for number, (rule, found) in enumerate(zip(ruled.answers, retrieved, strict=True), start=1):
            if found is not None and contradict(found, rule):
                remarks.append(_disagreement(number, found, rule))
            if found is None or overruled(found, rule):
                answers.append(rule)
                by_rules.append(str(number))
            else:
                answers.append(found)
        if by_rules:
            remarks.append(Remark(Reason.LOCATED_BY_RULES, f"Findings by number: {', '.join(by_rules)}."))
        return Located(tuple(answers), (*ruled.remarks, *remarks))

    def _retrieved(self, places: Sequence[Voxels], pair: Pair, sex: str | None) -> Sequence[LocationAnswer | None]:
        if pair.ct is None or not places:
            return [None] * len(places)
        body = make_body(pair.suv, pair.ct)
        step_mm = pair.suv.affine[:3, :3]
        return [self.retriever(body, pair.suv.points_mm(voxels), step_mm, sex) for voxels in places]


def overruled(found: LocationAnswer, rule: LocationAnswer) -> bool:
    """Whether the rules' answer stands: retrieval isn't sure, or is in a region that doesn't touch theirs."""
    return found.confidence < LEAST_CONFIDENCE or _apart(found.location.region, rule.location.region)


def contradict(found: LocationAnswer, rule: LocationAnswer) -> bool:
    """Whether retrieval is sure enough of a region apart, or both are certain of opposite sides."""
    if found.confidence >= LEAST_CONFIDENCE and _apart(found.location.region, rule.location.region):
        return True
    sides = {found.location.laterality, rule.location.laterality}
    return sides == {Laterality.RIGHT, Laterality.LEFT} and min(found.confidence, rule.confidence) >= CERTAIN


def _apart(one: str, other: str) -> bool:
    """Whether a region lies between two of the trunk; spine and limbs touch all."""
    return one in _TRUNK and other in _TRUNK and abs(_TRUNK.index(one) - _TRUNK.index(other)) > 1


def _disagreement(number: int, found: LocationAnswer, rule: LocationAnswer) -> Remark:
    retrieved, ruled = (f"{answer.location.name} ({answer.confidence:.2f})" for answer in (found, rule))
    return Remark(Reason.LOCATIONS_DISAGREE, f"Finding {number}: {retrieved} by retrieval, {ruled} by rules.")
