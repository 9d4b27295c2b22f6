"""Wording: the leaf and the CT finding that a report's words mean.

A text means a leaf if it is the leaf's id, or if those of its words that the vocabulary knows are the words of one
leaf's name, in any order and in any of the ways to say it (``descriptions.spoken_names``). So *mass in the left
kidney, SUVmax 8.4* is the left kidney, and *node beside the left kidney* is nothing: better no location than a wrong
one. Figures with a unit or decimals are not looked at.
"""

import re
from functools import cache

from config.vocabulary import Location, vocabulary
from inference.captioning.tokens import CT_FINDINGS
from inference.retrieval.words import words
from training.location.descriptions import spoken_names
from training.location.entries import entries

Bag = frozenset[str]

_FIGURE = re.compile(r"\bsuv\w*\W*\d+([.,]\d+)?|\b\d+([.,]\d+)?\s*(mm|cm|ml)\b|\b\d+[.,]\d+")
_FILLERS = frozenset({"of", "the", "in", "on", "at", "and", "to"})


def leaf_meant(text: str) -> Location | None:
    """The leaf that a text means, None if it is not clear."""
    known = vocabulary().by_id.get(text.strip().upper())
    if known is not None:
        return known
    return _bags().get(_bag(text) & _known_words())


def ct_finding_meant(text: str) -> str | None:
    """The CT finding that has exactly these words, in any order."""
    return {_bag(finding): finding for finding in CT_FINDINGS}.get(_bag(text))


@cache
def _bags() -> dict[Bag, Location]:
    """Leaves by the words of their names; without those that several leaves share."""
    found: dict[Bag, set[str]] = {}
    for leaf, entry in zip(vocabulary(), entries().leaves, strict=True):
        for name in spoken_names(entry):
            for form in _forms(name):
                found.setdefault(_bag(form), set()).add(leaf.id)
    exact = {_bag(leaf.name): leaf for leaf in vocabulary()}
    return {bag: vocabulary().by_id[min(ids)] for bag, ids in found.items() if len(ids) == 1} | exact


@cache
def _known_words() -> Bag:
    return frozenset(word for bag in _bags() for word in bag)


def _forms(name: str) -> tuple[str, ...]:
    """The name, the name without what stands in parentheses, and a nodal station by its number."""
    inner = re.search(r"\((.*)\)", name)
    if inner is None:
        return (name,)
    bare = name.replace(inner[0], "")
    if "station" not in inner[1]:
        return name, bare
    number = inner[1].replace("station", "")
    return name, bare, *(f"{form}{node}" for form in (inner[1], number) for node in ("", " node", " lymph node"))


def _bag(text: str) -> Bag:
    return frozenset(_singular(word) for word in words(_FIGURE.sub(" ", text.lower()))) - _FILLERS


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is", "as")) else word
