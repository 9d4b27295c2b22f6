"""Captioned lesions: sentences for given ones, with where their words come from, as documents for programs."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from config.finding import LocationAnswer
from config.tracers import Tracer
from config.volume import Volume
from inference.anatomy.describe import describe
from inference.caption import Facts, ct_finding, is_located
from inference.captioning.captioner import GuidedCaptioner, sized
from inference.captioning.writer import Writer, Written
from inference.density import density_of
from inference.grid import on_grid_of
from inference.location.locate import locate
from inference.measurement.measure import measure
from inference.retrieval.locator import overruled
from inference.retrieval.retriever import Retriever
from inference.stages import Pair, Voxels
from node.given_lesions import GivenLesions
from node.located_lesions import LocatedLesion, locate_given, location_document, place_document


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known besides the images."""

    tracer: Tracer
    sex: str | None


@dataclass(frozen=True, slots=True)
class CaptionedLesion:
    """A lesion with its caption, the location that it names, and its CT finding, empty where nothing can be said.

    ``located_by`` is *retrieval* or *rules*, ``location`` None where neither can tell. ``source`` is *writer* or
    *grammar*, and ``why`` says why the latter.
    """

    located: LocatedLesion
    location: LocationAnswer | None
    located_by: str
    caption: str
    ct_finding: str
    source: str
    why: str
    seconds: float


def caption_given(
    case: GivenLesions, retriever: Retriever, writer: Writer, patient: Patient
) -> Iterator[CaptionedLesion]:
    """The lesions one after another, as the node would caption them: by rules where a model is not sure enough."""
    if not case.lesions:
        return
    pair = Pair(case.suv, case.ct, on_grid_of(case.suv, case.ct))
    anatomy = describe(case.suv, pair.ct_on_pet)
    measurements = measure(case.labels, case.suv)
    for located in locate_given(case, retriever, patient.sex):
        begin = time.perf_counter()
        voxels, answer = located.given.voxels, located.answer
        ruled = locate(voxels, case.suv, anatomy, pair.ct_on_pet, patient.sex)
        by_rules = answer is None or overruled(answer, ruled)
        if answer is None or by_rules:
            answer = replace(ruled, confidence=0.0) if answer is None else ruled
        facts = Facts(
            organ=None,
            location=answer,
            measurements=measurements[located.given.label],
            density=density_of(voxels, pair.ct_on_pet),
            tracer=patient.tracer,
            references=anatomy.references,
        )
        recorder = _Recorder(writer)
        captioned = GuidedCaptioner(recorder)([facts], [voxels], pair)
        why = _why_grammar(facts, recorder.written, contradicted=bool(captioned.remarks))
        yield CaptionedLesion(
            located,
            answer if is_located(facts) else None,
            "rules" if by_rules else "retrieval",
            captioned.sentences[0],
            _finding(facts, recorder.written, by_grammar=bool(why)),
            "grammar" if why else "writer",
            why,
            located.seconds + time.perf_counter() - begin,
        )


def caption_document(lesion: CaptionedLesion) -> dict[str, Any]:
    """That of the location, and ``caption``, ``location``, ``ct_finding``, ``source`` with ``why``."""
    location = None
    if lesion.location is not None:
        location = {
            **place_document(lesion.location.location),
            "confidence": round(lesion.location.confidence, 4),
            "by": lesion.located_by,
        }
    document = {
        **location_document(lesion.located),
        "caption": lesion.caption,
        "location": location,
        "ct_finding": lesion.ct_finding,
        "source": lesion.source,
        "seconds": round(lesion.seconds, 4),
    }
    return {**document, "why": lesion.why} if lesion.why else document


@dataclass(slots=True)
class _Recorder:
    """Remembers what the writer wrote; None if it wasn't asked."""

    writer: Writer
    written: Written | None = None

    def __call__(self, suv: Volume, ct: Volume, indices: Voxels, answer: LocationAnswer) -> Written:
        self.written = self.writer(suv, ct, indices, answer)
        return self.written


def _why_grammar(facts: Facts, written: Written | None, *, contradicted: bool) -> str:
    """Why the words are the grammar's; empty if they are the writer's."""
    if written is None:
        return "The CT does not show the lesion." if is_located(facts) else "The location is uncertain."
    if not contradicted:
        return ""
    if written.words is None:
        return "The model wrote no location and CT finding."
    return f"The model wrote “{written.words.location}: {written.words.ct_finding}”, which is elsewhere."


def _finding(facts: Facts, written: Written | None, *, by_grammar: bool) -> str:
    if not by_grammar and written is not None and written.words is not None:
        return sized(written.words.ct_finding, facts.measurements)
    return ct_finding(facts.location.location, facts.measurements, facts.density) if is_located(facts) else ""
