"""Scores of captions against values worked out by hand."""

import math
import shutil

import pytest

pytest.importorskip("pycocoevalcap")

from training.evaluation.caption_scores import METRICS, caption_scores

REFERENCES = ["T7 vertebra: osteolytic", "left ilium: no CT correlate"]
CANDIDATES = ["T8 vertebra: osteolytic", "left ilium: no CT correlate"]


@pytest.fixture
def _no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)


@pytest.mark.usefixtures("_no_java")
def test_bleu_counts_shared_n_grams_of_the_corpus() -> None:
    """Words: 2 of 3 and 5 of 5; pairs: 1 of 2 and 4 of 4; triples: 0 of 1 and 3 of 3; fours: 2 of 2."""
    scores = caption_scores(REFERENCES, CANDIDATES)
    precisions = (7 / 8, 5 / 6, 3 / 4, 2 / 2)
    for n in range(1, 5):
        expected = math.prod(precisions[:n]) ** (1 / n)
        assert scores[f"BLEU-{n}"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.usefixtures("_no_java")
def test_short_captions_are_punished() -> None:
    """Three words where five are wanted: all right, but exp(1 − 5 / 3)."""
    scores = caption_scores(["left ilium no CT correlate"], ["left ilium no"])
    assert scores["BLEU-1"] == pytest.approx(math.exp(1 - 5 / 3), abs=1e-6)


@pytest.mark.usefixtures("_no_java")
def test_rouge_l_is_the_mean_f_of_longest_common_subsequences() -> None:
    """Of three words two, in order: precision and recall 2 / 3; the other caption is right."""
    assert caption_scores(REFERENCES, CANDIDATES)["ROUGE-L"] == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.usefixtures("_no_java")
def test_cider_of_what_shares_no_word_is_0() -> None:
    references = [*REFERENCES, "spleen: mass"]
    assert caption_scores(references, ["a", "b", "c"])["CIDEr"] == pytest.approx(0.0)


@pytest.mark.usefixtures("_no_java")
def test_without_java_there_is_no_meteor() -> None:
    scores = caption_scores(REFERENCES, CANDIDATES)
    assert scores["METEOR"] is None
    assert set(scores) == set(METRICS)
