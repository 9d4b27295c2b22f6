"""Coarse to fine: from similarities to locations with probabilities (hierarchical retrieval of the TMI 2025 paper)."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from config.volume import FloatArray

ENOUGH = 0.9
MOST_COARSE = 3
ANSWERS = 5
"""Leaves that are answered, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Temperatures:
    """What similarities are divided by before the softmax, of coarse names and of leaves; fitted on validation."""

    coarse: float
    leaf: float

    def __post_init__(self) -> None:
        if not (0.0 < self.coarse < np.inf and 0.0 < self.leaf < np.inf):
            raise ValueError("temperatures are positive")


@dataclass(frozen=True, eq=False)
class TextIndex:
    """The texts of the vocabulary, encoded once.

    ``leaves`` (L, D) and ``coarse`` (C, D): unit vectors. ``parents`` (L,): the coarse location of each leaf.
    """

    leaves: FloatArray
    coarse: FloatArray
    parents: NDArray[np.intp]

    @cached_property
    def below(self) -> tuple[NDArray[np.intp], ...]:
        """The leaves of each coarse location."""
        return tuple(np.flatnonzero(self.parents == coarse) for coarse in range(len(self.coarse)))


@dataclass(frozen=True, slots=True)
class Retrieved:
    """Leaves with their joint probabilities, likeliest first, and all coarse probabilities in the index's order."""

    leaves: tuple[tuple[int, float], ...]
    coarse: tuple[float, ...]


def retrieve(
    embedding: FloatArray,
    index: TextIndex,
    temperatures: Temperatures,
    possible: NDArray[np.bool_] | None = None,
) -> Retrieved:
    """Rank the leaves for one lesion's embedding (D,), a unit vector.

    p(coarse) is a softmax over all coarse names. The likeliest are kept until they add up to ``ENOUGH``, at most
    ``MOST_COARSE`` of them; p(leaf | coarse) is a softmax over the leaves below one; the joint probability is the
    product. Where so few have less than ``ANSWERS`` leaves in all, the next likeliest follow. Those of all leaves
    under the kept coarse locations add up to the probability of these.

    ``possible`` (L,): leaves that take part, by default all; a coarse location without one takes no part either.
    """
    taking_part = np.ones(len(index.leaves), dtype=np.bool_) if possible is None else possible
    somewhere = np.bincount(index.parents[taking_part], minlength=len(index.coarse)) > 0
    coarse = softmax(np.where(somewhere, index.coarse @ embedding / temperatures.coarse, -np.inf))
    kept = keep(coarse)
    others = (int(place) for place in np.argsort(-coarse, kind="stable") if place not in kept and somewhere[place])
    joint: list[tuple[int, float]] = []
    for number, place in enumerate((*kept, *others)):
        if number >= len(kept) and len(joint) >= ANSWERS:
            break
        leaves = index.below[place][taking_part[index.below[place]]]
        shares = softmax(index.leaves[leaves] @ embedding / temperatures.leaf)
        joint += [(int(leaf), float(coarse[place] * share)) for leaf, share in zip(leaves, shares, strict=True)]
    return Retrieved(tuple(sorted(joint, key=lambda pair: (-pair[1], pair[0]))), tuple(coarse.tolist()))


def keep(coarse: NDArray[np.floating]) -> list[int]:
    """The coarse locations that leaves are looked for under, likeliest first."""
    ranked = np.argsort(-coarse, kind="stable")[: min(MOST_COARSE, np.count_nonzero(coarse))]
    reached = np.cumsum(coarse[ranked])
    return [int(place) for place in ranked[: 1 + int(np.count_nonzero(reached[:-1] < ENOUGH))]]


def retrieve_flat(embedding: FloatArray, index: TextIndex, temperature: float) -> Retrieved:
    """The same without a hierarchy, for comparison: one softmax over all leaves; coarse probabilities are sums."""
    leaves = softmax(index.leaves @ embedding / temperature)
    ranked = np.argsort(-leaves, kind="stable")
    coarse = np.bincount(index.parents, weights=leaves, minlength=len(index.coarse))
    return Retrieved(tuple((int(leaf), float(leaves[leaf])) for leaf in ranked), tuple(coarse.tolist()))


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Along the last axis, in double precision."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    weights = np.exp(shifted)
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))
