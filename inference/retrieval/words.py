"""Words: free text as the numbers that the text encoder reads."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_PAD, _UNKNOWN = 0, 1


class WordTable:
    """Numbers of words; 0 fills up to ``length``, 1 stands for what the table doesn't have."""

    def __init__(self, known: Sequence[str], length: int) -> None:
        self.words = tuple(known)
        self.length = length
        self._numbers = {word: number for number, word in enumerate(self.words, start=2)}

    def __len__(self) -> int:
        return len(self.words) + 2

    def numbers(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Shape (texts, ``length``); what is longer is cut off."""
        table = np.full((len(texts), self.length), _PAD, dtype=np.int64)
        for row, text in zip(table, texts, strict=True):
            found = [self._numbers.get(word, _UNKNOWN) for word in words(text)][: self.length]
            row[: len(found)] = found
        return table

    def knows(self, text: str) -> bool:
        """Whether any of its words is in the table."""
        return any(word in self._numbers for word in words(text))


def words(text: str) -> list[str]:
    """Lower-case words and numbers of a text, without punctuation."""
    return re.findall(r"[a-z]+\d*[a-z]?|\d+[a-z]?", text.lower())
