"""Judging captions: the words that a writer and the grammar have for one patient's lesions."""

from time import perf_counter

import numpy as np

from config.volume import Volume
from inference.caption import ct_finding
from inference.captioning.patch import LESION, HalfPatch
from inference.captioning.writer import Writer, Written
from inference.density import density_of
from inference.measurement.measure import measure
from training.evaluation.case import Case
from training.evaluation.judge_location import Answers
from training.evaluation.record import CaptionAnswers, Said

FOCUS = "focus"
"""What the grammar says of a lesion without a CT finding."""


def judge_writer(case: Case, writer: Writer, guide: str, answers: Answers, *, sanity: bool) -> CaptionAnswers:
    """Words for lesions that lie where the answers of ``guide`` say; none for what was not localised.

    With ``sanity`` also with the lesion hidden, and with nothing but the location to go by.
    """
    words: dict[str, list[Said]] = {name: [] for name in ("said", "masked", "text_only")}
    seconds = []
    for lesion, answer in zip(case.lesions, answers, strict=True):
        shown = {"said": lesion.patch}
        if sanity:
            shown |= {"masked": _hidden(lesion.patch), "text_only": np.zeros_like(lesion.patch)}
        start = perf_counter()
        for name, patch in shown.items():
            words[name].append(None if answer is None else _said(writer.write(patch, answer)))
            if name == "said":
                seconds.append(perf_counter() - start + (lesion.patch_s or 0.0))
    said, masked, text_only = (tuple(each) for each in words.values())
    return CaptionAnswers(guide, said, tuple(seconds), masked, text_only)


def judge_grammar(case: Case, guide: str, answers: Answers, ct_on_pet: Volume) -> CaptionAnswers:
    """The location that was answered, and the CT finding that the grammar allows itself."""
    assert case.sample is not None
    measured = measure(case.sample.labels, case.sample.suv)
    said: list[Said] = []
    seconds = []
    for lesion, answer in zip(case.lesions, answers, strict=True):
        assert lesion.indices is not None
        start = perf_counter()
        if answer is None:
            said.append(None)
            continue
        density = density_of(lesion.indices, ct_on_pet)
        finding = ct_finding(answer.location, measured[lesion.truth.label], density)
        said.append((answer.location.name, finding or FOCUS))
        seconds.append(perf_counter() - start)
    return CaptionAnswers(guide, tuple(said), tuple(seconds))


def _hidden(patch: HalfPatch) -> HalfPatch:
    """A patch without the lesion's outline."""
    hidden = np.array(patch)
    hidden[LESION] = 0.0
    return hidden


def _said(written: Written) -> Said:
    return None if written.words is None else (written.words.location, written.words.ct_finding)
