"""Judges: all bundles and rules that are compared, loaded once, on one patient after another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from config.thresholds import Delineation
from inference.bundles.store import load_bundle
from inference.captioning.writer import Writer
from inference.engines.load import load_engine
from inference.retrieval.retriever import Retriever
from inference.segmentation.segment import Segmenter
from inference.stages import BASELINE, Stage
from training.evaluation.case import Case
from training.evaluation.judge_caption import judge_grammar, judge_writer
from training.evaluation.judge_location import Answers, judge_retriever, judge_rules
from training.evaluation.judge_segmentation import LesionNetwork, Prepared
from training.evaluation.lesion_f1 import Labels
from training.evaluation.record import (
    CaptionAnswers,
    LesionRecord,
    LocationAnswers,
    PatientRecord,
    SegmentationScores,
)
from training.evaluation.segmentation_scores import components, lesion_labels, score_analysis, score_labels

RULES = "rules"
THRESHOLDING = "baseline"
_GRAMMAR = "grammar, location by "

Named = tuple[tuple[str, Path], ...]
"""Folders of bundles, each with the label that tables give it."""


@dataclass(frozen=True, slots=True)
class Contenders:
    """What is compared, in the order of the tables.

    ``baseline``: also the rules that need no weights. ``sanity``: also what the models answer when they are shown
    less, or a mirrored body. Captions are guided by the first location bundle.
    """

    segmentation: Named = ()
    location: Named = ()
    caption: Named = ()
    baseline: bool = True
    sanity: bool = True


@dataclass(frozen=True, eq=False)
class Judgement:
    """A record, and the label maps of the lesions that were segmented."""

    record: PatientRecord
    predicted: Mapping[str, Labels]


def grammar_of(guide: str) -> str:
    """What the grammar on the answers of a locator is called."""
    return f"{_GRAMMAR}{guide}"


def is_grammar(label: str) -> bool:
    return label.startswith(_GRAMMAR)


class Judges:
    """``Refused`` where a bundle can't be loaded."""

    def __init__(self, contenders: Contenders, of: str) -> None:
        self._of = of
        self._baseline, self._sanity = contenders.baseline, contenders.sanity
        self._networks = [_network(label, folder) for label, folder in contenders.segmentation]
        self._retrievers = {label: Retriever(load_bundle(folder)) for label, folder in contenders.location}
        self._writers = {label: Writer(load_bundle(folder)) for label, folder in contenders.caption}

    def __call__(self, case: Case) -> Judgement:
        """What all of them answer; of a case from the cache, only location and captions by models."""
        locations: dict[str, LocationAnswers] = {}
        captions: dict[str, CaptionAnswers] = {}
        segmentations: dict[str, SegmentationScores] = {}
        predicted: dict[str, Labels] = {}
        seconds = {} if case.body_s is None else {"body": case.body_s}
        answers: dict[str, Answers] = {}
        for label, retriever in self._retrievers.items():
            locations[label], answers[label] = judge_retriever(case, retriever, sanity=self._sanity)
        if self._writers:
            guide = next(iter(self._retrievers))
            for label, writer in self._writers.items():
                captions[label] = judge_writer(case, writer, guide, answers[guide], sanity=self._sanity)
        if case.sample is not None and (self._baseline or self._networks):
            prepared = Prepared.of(case.sample)
            seconds |= prepared.seconds
            if self._baseline:
                locations[RULES], answers[RULES] = judge_rules(case, prepared.anatomy, prepared.ct_on_pet)
                for guide in [*list(self._retrievers)[:1], RULES]:
                    captions[grammar_of(guide)] = judge_grammar(case, guide, answers[guide], prepared.ct_on_pet)
            for label, found, scores in self._segmented(prepared):
                predicted[label], segmentations[label] = found, scores
        lesions = tuple(_lesions(case))
        record = PatientRecord(self._of, case.identifier, lesions, locations, captions, segmentations, seconds)
        return Judgement(record, predicted)

    def _segmented(self, prepared: Prepared) -> Iterable[tuple[str, Labels, SegmentationScores]]:
        for network in self._networks:
            labels, seconds = network(prepared)
            for delineation in Delineation:
                name = f"{network.label}, outlined by {delineation}"
                yield name, *_scored(prepared, network.stage(labels, delineation), seconds)
            found = components(network.lesions(labels))
            yield f"{network.label}, network alone", found, score_labels(prepared.sample, found, seconds)
        if self._baseline:
            yield THRESHOLDING, *_scored(prepared, BASELINE.segment, 0.0)


def _scored(prepared: Prepared, segment: Stage[Segmenter], before_s: float) -> tuple[Labels, SegmentationScores]:
    analysis, seconds = prepared.analyse(segment)
    return lesion_labels(analysis), score_analysis(prepared.sample, analysis, before_s + seconds)


def _network(label: str, folder: Path) -> LesionNetwork:
    bundle = load_bundle(folder)
    return LesionNetwork(label, bundle, load_engine(bundle))


def _lesions(case: Case) -> Iterable[LesionRecord]:
    for lesion in case.lesions:
        truth = lesion.truth
        if case.sample is None or lesion.indices is None:
            yield LesionRecord(truth.label, truth.leaf, truth.ct_finding)
            continue
        values = case.sample.suv.values[tuple(lesion.indices.T)]
        volume_ml = len(lesion.indices) * case.sample.suv.voxel_volume_ml
        yield LesionRecord(truth.label, truth.leaf, truth.ct_finding, volume_ml, float(np.max(values)))
