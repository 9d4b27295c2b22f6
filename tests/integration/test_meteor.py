"""METEOR, which runs in Java."""

import shutil

import pytest

pytest.importorskip("pycocoevalcap")

from training.evaluation.caption_scores import caption_scores

CAPTIONS = ["T7 vertebra: osteolytic", "left ilium: no CT correlate"]


@pytest.mark.skipif(shutil.which("java") is None, reason="METEOR needs Java")
def test_meteor_of_the_reference_itself_is_1_and_of_other_words_is_0() -> None:
    assert caption_scores(CAPTIONS, CAPTIONS)["METEOR"] == pytest.approx(1.0)
    assert caption_scores(CAPTIONS, ["spleen", "spleen"])["METEOR"] == pytest.approx(0.0)
