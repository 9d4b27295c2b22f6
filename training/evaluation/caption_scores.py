"""Scores of captions against references: BLEU, METEOR, ROUGE-L and CIDEr by pycocoevalcap."""

import contextlib
import io
import shutil
from collections.abc import Sequence
from functools import cache
from typing import Any

from training.evaluation.word_matching import normalised

METRICS = ("BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "METEOR", "ROUGE-L", "CIDEr")


def caption_scores(references: Sequence[str], candidates: Sequence[str]) -> dict[str, float | None]:
    """The ``METRICS`` of a corpus of captions with one reference each; CIDEr counts words over all references.

    METEOR runs in Java and is None where there is none.
    """
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge

    wanted, said = ({n: [normalised(text)] for n, text in enumerate(texts)} for texts in (references, candidates))
    with contextlib.redirect_stdout(io.StringIO()):
        bleu, _ = Bleu(4).compute_score(wanted, said)
    scores: list[float | None] = [float(each) for each in bleu]
    scores.append(_meteor(wanted, said))
    scores += [float(metric().compute_score(wanted, said)[0]) for metric in (Rouge, Cider)]
    return dict(zip(METRICS, scores, strict=True))


def _meteor(wanted: dict[int, list[str]], said: dict[int, list[str]]) -> float | None:
    if shutil.which("java") is None:
        return None
    score, _ = _meteor_program().compute_score(wanted, said)
    return float(score)


@cache
def _meteor_program() -> Any:
    """Starting it takes longer than what it does."""
    from pycocoevalcap.meteor.meteor import Meteor

    return Meteor()
