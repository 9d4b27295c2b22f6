"""Descriptions: locations in words, said in many ways ("augmented location descriptions" of the TMI 2025 paper).

The paper does not publish its texts. Here one is the location's name, or the name with its side moved or a word
replaced by a synonym, followed by some of what is known: description, region, tissue, coarse location, structures that
belong to it, neighbours; in any order.
"""

import re
from enum import StrEnum

import numpy as np

from config.vocabulary import Laterality
from inference.retrieval.words import words
from training.location.entries import Entry, entries


class Wording(StrEnum):
    """Which texts a model learns from."""

    PLAIN = "plain"  # names alone
    AUGMENTED = "augmented"


SYNONYMS: tuple[tuple[str, str], ...] = (
    ("node", "lymph node"),
    ("vertebra", "vertebral body"),
    ("esophagus", "oesophagus"),
    ("kidney", "renal parenchyma"),
    ("adrenal gland", "suprarenal gland"),
    ("clavicle", "collar bone"),
    ("scapula", "shoulder blade"),
    ("sternum", "breast bone"),
    ("liver", "hepatic"),
    ("urinary bladder", "vesica"),
    ("calvarium", "skull vault"),
    ("cecum", "caecum"),
    ("ilium", "iliac bone"),
    ("femur", "thigh bone"),
    ("humerus", "upper arm bone"),
    ("muscle", "muscular compartment"),
    ("pleura", "pleural lining"),
    ("axillary", "armpit"),
    ("cervical", "neck"),
    ("breast", "mamma"),
    ("peritoneum", "peritoneal lining"),
    ("colon", "large bowel"),
    ("heart", "cardiac"),
    ("trachea", "windpipe"),
    ("mandible", "lower jaw"),
    ("maxilla", "upper jaw"),
    ("patella", "knee cap"),
    ("station", "nodal station"),
    ("segment", "portion"),
)
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)
_SPINE = {"C": "cervical", "T": "thoracic", "L": "lumbar"}


def describe(entry: Entry, wording: Wording, generator: np.random.Generator) -> str:
    """A text for an entry; the same generator state gives the same text."""
    if wording is Wording.PLAIN:
        return entry.name
    names = spoken_names(entry)
    name = names[0] if generator.random() < 0.4 else names[generator.integers(len(names))]
    known = [clause for clause in clauses(entry) if generator.random() < 0.6]
    return ", ".join([name, *(known[place] for place in generator.permutation(len(known)))])


def canonical(entry: Entry, wording: Wording) -> str:
    """The text of an entry in the index: its name and all that is known."""
    return entry.name if wording is Wording.PLAIN else ", ".join([entry.name, *clauses(entry)])


def spoken_names(entry: Entry) -> tuple[str, ...]:
    """The name first, then other ways to say it."""
    forms = [entry.name]
    bare = re.sub(r"\b(right|left) ", "", entry.name, count=1)
    if bare != entry.name and entry.laterality in (Laterality.RIGHT, Laterality.LEFT):
        forms += [f"{bare}, {entry.laterality}", f"{entry.laterality}-sided {bare}"]
    for word, synonym in SYNONYMS:
        replaced = re.sub(rf"\b{word}\b", synonym, entry.name, count=1)
        if replaced != entry.name and synonym not in entry.name:
            forms.append(replaced)
    forms += _counted(entry.name)
    return tuple(dict.fromkeys(forms))


def clauses(entry: Entry) -> tuple[str, ...]:
    """What is known of an entry besides its name, one clause each."""
    known = [clause.strip() for clause in re.split(r"[;,]", entry.description) if clause.strip()]
    known += [f"in the {entry.region}", f"tissue {entry.tissue}"]
    if entry.coarse != entry.name:
        known.append(f"part of {entry.coarse}")
    known += [f"contains {structure}" for structure in entry.structures]
    known += [f"beside {neighbour}" for neighbour in entry.neighbours]
    return tuple(known)


def all_words() -> frozenset[str]:
    """Every word that a description can hold."""
    known = entries()
    texts = [text for entry in (*known.leaves, *known.coarse) for text in (*spoken_names(entry), *clauses(entry))]
    return frozenset(word for text in texts for word in words(text))


def _counted(name: str) -> list[str]:
    """``T3 vertebra`` as *third thoracic vertebra*, ``right fifth rib`` as *right rib 5*."""
    vertebra = re.fullmatch(r"([CTL])(\d+) vertebra", name)
    if vertebra:
        number = int(vertebra[2])
        return [f"{_ORDINALS[number - 1]} {_SPINE[vertebra[1]]} vertebra", f"{_SPINE[vertebra[1]]} vertebra {number}"]
    rib = re.fullmatch(r"(right|left) (\w+) rib", name)
    if rib and rib[2] in _ORDINALS:
        return [f"{rib[1]} rib {_ORDINALS.index(rib[2]) + 1}"]
    return []
