"""Judging location: what a retriever and the rules answer for the true outlines of one patient's lesions."""

from collections.abc import Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from config.finding import LocationAnswer
from config.vocabulary import vocabulary
from config.volume import FloatArray, Volume
from inference.anatomy.describe import Anatomy
from inference.location.locate import locate
from inference.retrieval.coarse_to_fine import ANSWERS, Retrieved, retrieve, retrieve_flat
from inference.retrieval.field_of_view import CHANNELS, View, look
from inference.retrieval.retriever import Retriever, possible_leaves
from training.evaluation.case import Case
from training.evaluation.record import LocationAnswers, Ranked

Answers = Sequence[LocationAnswer | None]

_LESION = CHANNELS.index("lesion")


def judge_retriever(case: Case, retriever: Retriever, *, sanity: bool) -> tuple[LocationAnswers, Answers]:
    """Answers for the record, and as the captioner is given them: None for what was not localised.

    Seconds are those of the node's own call, the body made before. The same embedding is searched without the
    hierarchy. With ``sanity`` also with the lesion hidden, and in the mirrored body.
    """
    answers, seconds, flat, masked, mirrored = [], [], [], [], []
    index, temperatures, possible = retriever.index, retriever.temperatures, possible_leaves(case.sex)
    for lesion in case.lesions:
        start = perf_counter()
        answers.append(retriever(case.body, lesion.points_mm, case.step_mm, case.sex))
        seconds.append(perf_counter() - start)
        seen = look(case.body, lesion.voxels)
        flat.append(_ranked(retrieve_flat(retriever.embed(seen), index, temperatures.leaf), possible))
        if sanity:
            masked.append(_ranked(retrieve(retriever.embed(_hidden(seen)), index, temperatures, possible), possible))
            other = retriever.embed(look(case.body, lesion.voxels, View(mirrored=True)))
            mirrored.append(_ranked(retrieve(other, index, temperatures, possible), possible))
    ranked = tuple(() if answer is None else as_ranked(answer) for answer in answers)
    return LocationAnswers(ranked, tuple(seconds), tuple(flat), tuple(masked), tuple(mirrored)), answers


def judge_rules(case: Case, anatomy: Anatomy, ct_on_pet: Volume) -> tuple[LocationAnswers, Answers]:
    """The same by the rules on anatomy."""
    assert case.sample is not None
    answers, seconds = [], []
    for lesion in case.lesions:
        assert lesion.indices is not None
        start = perf_counter()
        answers.append(locate(lesion.indices, case.sample.suv, anatomy, ct_on_pet, case.sex))
        seconds.append(perf_counter() - start)
    return LocationAnswers(tuple(map(as_ranked, answers)), tuple(seconds)), answers


def as_ranked(answer: LocationAnswer) -> Ranked:
    return tuple((location.id, confidence) for location, confidence in answer.top5)


def _ranked(found: Retrieved, possible: NDArray[np.bool_]) -> Ranked:
    leaves = vocabulary().leaves
    return tuple((leaves[leaf].id, share) for leaf, share in found.leaves if possible[leaf])[:ANSWERS]


def _hidden(seen: FloatArray) -> FloatArray:
    """What is seen, without the lesion's outline."""
    hidden = np.array(seen)
    hidden[[_LESION, len(CHANNELS) + _LESION]] = 0.0
    return hidden
