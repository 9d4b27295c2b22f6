"""Tokens: captions as numbers and back. Words of locations and CT findings only: no figure can be decoded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.vocabulary import vocabulary

CT_FINDINGS = (
    "nodule",
    "mass",
    "ground glass opacity",
    "consolidation",
    "cavity",
    "wall thickening",
    "pleural thickening",
    "effusion",
    "enlarged lymph node",
    "non-enlarged lymph node",
    "soft tissue mass",
    "low density lesion",
    "isodense lesion",
    "osteolytic",
    "osteoblastic",
    "mixed lytic-sclerotic",
    "decreased bone density",
    "fracture",
    "no CT correlate",
    "diffuse infiltration",
    "implant",
)
PAD, START, END, COLON = 0, 1, 2, 3
PROMPT_LENGTH = 8
"""Words of the longest name in the vocabulary, and so the places of a location prompt."""

_SPECIAL = ("<pad>", "<start>", "<end>", ":")


@dataclass(frozen=True, slots=True)
class Words:
    """What a caption says in words: ``location: ct_finding``."""

    location: str
    ct_finding: str


class TokenTable:
    """Numbers of words; ``words`` are those after the four special ones."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._names = (*_SPECIAL, *self.words)
        self._numbers = {word: number for number, word in enumerate(self._names)}

    def __len__(self) -> int:
        return len(self._names)

    def caption(self, words: Words) -> list[int]:
        """``<start> location : finding <end>``; ``KeyError`` for a word that the table doesn't have."""
        return [START, *self._phrase(words.location), COLON, *self._phrase(words.ct_finding), END]

    def words_of(self, tokens: Sequence[int]) -> Words | None:
        """What tokens say, with or without start and end; None if that isn't a location, a colon and a finding."""
        inner = [token for token in tokens if token != START]
        inner = inner[: inner.index(END)] if END in inner else inner
        if inner.count(COLON) != 1 or PAD in inner:
            return None
        place = inner.index(COLON)
        location, finding = (
            " ".join(self._names[token] for token in part) for part in (inner[:place], inner[place + 1 :])
        )
        return Words(location, finding) if location and finding else None

    def prompts(self, names: Sequence[str], most: int) -> NDArray[np.int64]:
        """Location prompts, (``most`` × ``PROMPT_LENGTH``,), each from its own place on, padded."""
        table = np.full((most, PROMPT_LENGTH), PAD, dtype=np.int64)
        for row, name in zip(table, names, strict=False):
            phrase = self._phrase(name)
            row[: len(phrase)] = phrase
        return table.reshape(-1)

    def _phrase(self, phrase: str) -> list[int]:
        return [self._numbers[word] for word in phrase.split()]


def token_table() -> TokenTable:
    """All words of leaves, coarse locations and CT findings, sorted."""
    known = vocabulary()
    phrases = (*(leaf.name for leaf in known), *known.coarse_names, *CT_FINDINGS)
    return TokenTable(sorted({word for phrase in phrases for word in phrase.split()}))
