"""Word matching: which location or CT finding a sentence names (localisation accuracy of the captioning paper)."""

import re
from collections.abc import Collection
from functools import lru_cache


@lru_cache(maxsize=4096)
def normalised(text: str) -> str:
    """Lower-case words with one space between them; of punctuation only hyphens within words are kept."""
    return " ".join(re.findall(r"\w+(?:-\w+)*", text.lower()))


def phrase_in(text: str, phrases: Collection[str]) -> str | None:
    """The longest phrase whose words stand in a text, one after another; the first in order where two are as long."""
    words = f" {normalised(text)} "
    found = [phrase for phrase in phrases if f" {normalised(phrase)} " in words]
    return min(found, key=lambda phrase: (-len(normalised(phrase)), phrase)) if found else None


def same_phrase(reference: str, candidate: str, phrases: Collection[str]) -> bool:
    """Whether both name the same phrase; a reference that names none is matched by nothing."""
    wanted = phrase_in(reference, phrases)
    return wanted is not None and phrase_in(candidate, phrases) == wanted
