"""Located lesions: what a location model answers for given ones, as documents for programs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from config.finding import LocationAnswer
from config.vocabulary import Location
from inference.retrieval.body import make_body
from inference.retrieval.retriever import Retriever
from node.given_lesions import GivenLesion, GivenLesions

NOT_LOCALISED = "The CT shows no body where it lies."


@dataclass(frozen=True, slots=True)
class LocatedLesion:
    """A given lesion with the answer, None where there is no body, and the seconds that it took."""

    given: GivenLesion
    answer: LocationAnswer | None
    seconds: float


def locate_given(case: GivenLesions, retriever: Retriever, sex: str | None) -> Iterator[LocatedLesion]:
    """The lesions one after another, in the order of their labels."""
    if not case.lesions:
        return
    body = make_body(case.suv, case.ct)
    for given in case.lesions:
        begin = time.perf_counter()
        answer = retriever(body, case.suv.points_mm(given.voxels), case.suv.affine[:3, :3], sex)
        yield LocatedLesion(given, answer, time.perf_counter() - begin)


def location_document(lesion: LocatedLesion) -> dict[str, Any]:
    """``label``, ``top5``, ``seconds``, and where nothing is known, why."""
    document: dict[str, Any] = {"label": lesion.given.label, "top5": []}
    if lesion.answer is None:
        document["not_localised"] = NOT_LOCALISED
    else:
        document["top5"] = [
            {**place_document(place), "confidence": round(confidence, 4)} for place, confidence in lesion.answer.top5
        ]
    return {**document, "seconds": round(lesion.seconds, 4)}


def place_document(place: Location) -> dict[str, str]:
    return {"id": place.id, "name": place.name, "coarse": place.coarse, "laterality": str(place.laterality)}
