"""Report: the figures of all patients together, one for each contender and task."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from config.finding import LocationAnswer
from config.vocabulary import vocabulary
from inference.captioning.tokens import CT_FINDINGS
from inference.retrieval.locator import overruled
from training.evaluation.answered import answered_lesion, is_said_right, location_of, name_of
from training.evaluation.caption_scores import caption_scores
from training.evaluation.judges import RULES, grammar_of, is_grammar
from training.evaluation.lesion_f1 import Counts, added
from training.evaluation.location_figures import Answered, LocationFigures, by_region, location_figures, share
from training.evaluation.record import CaptionAnswers, LesionRecord, PatientRecord, Ranked, Said, SegmentationScores
from training.evaluation.run import Judged
from training.evaluation.sides import has_side, is_side_error
from training.evaluation.word_matching import same_phrase


@dataclass(frozen=True, slots=True)
class LocationReport:
    """``flips``: of lesions on a side, answered on the other in the mirrored body. ``ms_per_lesion``: median."""

    figures: LocationFigures
    ms_per_lesion: float | None = None
    by_region: Mapping[str, LocationFigures] | None = None
    masked: LocationFigures | None = None
    flips: float | None = None


@dataclass(frozen=True, slots=True)
class CaptionFigures:
    """``location_words``, ``ct_finding_words``: by word matching; ``location``, ``ct_finding``: by their fields.

    ``scores``: empty where only these are of interest.
    """

    lesions: int
    scores: Mapping[str, float | None]
    location_words: float
    ct_finding_words: float
    location: float
    ct_finding: float


@dataclass(frozen=True, slots=True)
class CaptionReport:
    """``contradicted``: captions that don't name the location that guided them, for which the node has its grammar."""

    figures: CaptionFigures
    ms_per_lesion: float | None = None
    contradicted: float | None = None
    masked: CaptionFigures | None = None
    text_only: CaptionFigures | None = None


@dataclass(frozen=True, slots=True)
class MissedLesion:
    """A lesion over 1 ml and SUV 4 of which nothing was found, and what was said of its uptake."""

    patient: str
    label: int
    location: str
    volume_ml: float
    suv_max: float
    said: str


@dataclass(frozen=True, slots=True)
class SegmentationReport:
    """Means over patients in whom there is something to find; lesions are counted over all of them together."""

    patients: int
    dice: float | None
    false_positive_ml: float
    false_negative_ml: float | None
    by_overlap: Counts
    by_suv_max: Counts
    obvious: int
    missed: tuple[MissedLesion, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """``seconds``: medians per patient of what is done once for all lesions."""

    patients: int
    lesions: int
    leaves: int
    left_out: Mapping[str, str]
    location: Mapping[str, LocationReport]
    caption: Mapping[str, CaptionReport]
    segmentation: Mapping[str, SegmentationReport]
    seconds: Mapping[str, float]


def make_report(judged: Judged) -> Report:
    """The figures of records that are all of the same contenders."""
    records = judged.records
    lesions = [lesion for record in records for lesion in record.lesions]
    parts = dict.fromkeys(part for record in records for part in record.seconds)
    return Report(
        patients=len(records),
        lesions=len(lesions),
        leaves=len({lesion.leaf for lesion in lesions if lesion.leaf is not None}),
        left_out=judged.left_out,
        location=dict(_locations(records)),
        caption=dict(_captions(records)),
        segmentation=dict(_segmentations(records)),
        seconds={part: median(record.seconds[part] for record in records) for part in parts},
    )


def _locations(records: Sequence[PatientRecord]) -> Iterator[tuple[str, LocationReport]]:
    for label in _labels(record.locations for record in records):
        answers = [record.locations[label] for record in records]
        seconds = [each for one in answers for each in one.seconds]
        located = _answered(records, [one.ranked for one in answers])
        hidden = _answered(records, [one.masked for one in answers])
        mirrored = _answered(records, [one.mirrored for one in answers])
        yield (
            label,
            LocationReport(
                location_figures(located),
                1000.0 * median(seconds) if seconds else None,
                by_region(located),
                location_figures(hidden) if hidden else None,
                share([each for each in mirrored if has_side(each.truth)], _flipped),
            ),
        )
        flat = _answered(records, [one.flat for one in answers])
        if flat:
            yield f"{label}, flat", LocationReport(location_figures(flat))
        if label != RULES and RULES in records[0].locations:
            rules = [record.locations[RULES].ranked for record in records]
            chosen = [_as_the_node(one.ranked, rule) for one, rule in zip(answers, rules, strict=True)]
            yield f"{label}, else {RULES}", LocationReport(location_figures(_answered(records, chosen)))


def _as_the_node(retrieved: Sequence[Ranked], rules: Sequence[Ranked]) -> list[Ranked]:
    """Retrieval where it isn't overruled, rules elsewhere: what ``RetrievalLocator`` answers."""
    return [
        rule if not found or overruled(_answer(found), _answer(rule)) else found
        for found, rule in zip(retrieved, rules, strict=True)
    ]


def _answer(ranked: Ranked) -> LocationAnswer:
    return LocationAnswer(location_of(ranked[0][0]), ranked[0][1], ())


def _flipped(lesion: Answered) -> bool:
    return lesion.first is not None and is_side_error(lesion.truth, lesion.first)


def _answered(records: Sequence[PatientRecord], ranked: Sequence[Sequence[Ranked]]) -> list[Answered]:
    """Lesions of known truth with their answers; nothing where none were asked for."""
    pairs = (
        answered_lesion(lesion, answer)
        for record, of_patient in zip(records, ranked, strict=True)
        if of_patient
        for lesion, answer in zip(record.lesions, of_patient, strict=True)
    )
    return [each for each in pairs if each is not None]


def _captions(records: Sequence[PatientRecord]) -> Iterator[tuple[str, CaptionReport]]:
    for label in _labels(record.captions for record in records):
        answers = [record.captions[label] for record in records]
        figures = _caption_figures(records, [one.said for one in answers])
        if figures is None:
            continue
        seconds = [each for one in answers for each in one.seconds]
        ms_per_lesion = 1000.0 * median(seconds)
        fallback = grammar_of(answers[0].guide)
        if is_grammar(label):
            yield label, CaptionReport(figures, ms_per_lesion)
            continue
        agreeing = [agreed for record in records for agreed in _agreeing(record, record.captions[label])]
        masked = _caption_figures(records, [one.masked for one in answers], scored=False)
        text_only = _caption_figures(records, [one.text_only for one in answers], scored=False)
        contradicted = 1.0 - float(np.mean(agreeing))
        yield label, CaptionReport(figures, ms_per_lesion, contradicted, masked, text_only)
        if fallback in records[0].captions:
            node = _caption_figures(records, [_with_fallback(record, label, fallback) for record in records])
            if node is not None:
                yield f"{label}, else grammar", CaptionReport(node)


def _agreeing(record: PatientRecord, answers: CaptionAnswers) -> list[bool]:
    """Whether each caption names the location that guided it."""
    ranked = record.locations[answers.guide].ranked
    return [
        said is not None and bool(guide) and said[0] == name_of(guide[0][0])
        for said, guide in zip(answers.said, ranked, strict=True)
    ]


def _with_fallback(record: PatientRecord, label: str, fallback: str) -> list[Said]:
    """What the node says: the writer's words where they agree with the location, else the grammar's."""
    answers, grammar = record.captions[label], record.captions[fallback]
    agreeing = _agreeing(record, answers)
    return [own if agreed else other for own, other, agreed in zip(answers.said, grammar.said, agreeing, strict=True)]


def _caption_figures(
    records: Sequence[PatientRecord], said: Sequence[Sequence[Said]], *, scored: bool = True
) -> CaptionFigures | None:
    """Of the lesions whose location and CT finding are known; None if there are none."""
    pairs: list[tuple[LesionRecord, Said]] = [
        (lesion, words)
        for record, of_patient in zip(records, said, strict=True)
        if of_patient
        for lesion, words in zip(record.lesions, of_patient, strict=True)
        if lesion.leaf is not None and lesion.ct_finding is not None
    ]
    if not pairs:
        return None
    references = [f"{name_of(lesion.leaf or '')}: {lesion.ct_finding}" for lesion, _ in pairs]
    candidates = ["" if words is None else ": ".join(words) for _, words in pairs]
    names = [*(leaf.name for leaf in vocabulary()), *vocabulary().coarse_names]
    both = list(zip(references, candidates, strict=True))
    right = np.asarray([is_said_right(lesion, words) for lesion, words in pairs])
    return CaptionFigures(
        lesions=len(pairs),
        scores=caption_scores(references, candidates) if scored else {},
        location_words=float(np.mean([same_phrase(*pair, names) for pair in both])),
        ct_finding_words=float(np.mean([same_phrase(*pair, CT_FINDINGS) for pair in both])),
        location=float(right[:, 0].mean()),
        ct_finding=float(right[:, 1].mean()),
    )


def _segmentations(records: Sequence[PatientRecord]) -> Iterator[tuple[str, SegmentationReport]]:
    for label in _labels(record.segmentations for record in records):
        scores = [record.segmentations[label] for record in records]
        yield (
            label,
            SegmentationReport(
                patients=len(scores),
                dice=_mean([each.dice for each in scores]),
                false_positive_ml=float(np.mean([each.false_positive_ml for each in scores])),
                false_negative_ml=_mean([each.false_negative_ml for each in scores]),
                by_overlap=added(each.by_overlap for each in scores),
                by_suv_max=added(each.by_suv_max for each in scores),
                obvious=sum(each.obvious for each in scores),
                missed=tuple(lesion for record in records for lesion in _missed(record, record.segmentations[label])),
                seconds=median(each.seconds for each in scores),
            ),
        )


def _missed(record: PatientRecord, scores: SegmentationScores) -> Iterator[MissedLesion]:
    for lesion in record.lesions:
        if lesion.label in scores.missed:
            name = "unknown" if lesion.leaf is None else name_of(lesion.leaf)
            volume, suv = lesion.volume_ml or 0.0, lesion.suv_max or 0.0
            yield MissedLesion(record.patient, lesion.label, name, volume, suv, scores.missed[lesion.label])


def _labels(parts: Iterator[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(label for part in parts for label in part))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
