"""F1 of lesions: which predicted lesion is which true one, one to one."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from config.volume import FloatArray

Labels = NDArray[np.integer]
"""A number for each lesion, 0 for none."""

_SAME_SUV = 0.1


@dataclass(frozen=True, slots=True)
class Counts:
    """Lesions that were found, predictions that are none, and lesions that were not found."""

    found: int
    false: int
    missed: int

    @property
    def f1(self) -> float | None:
        """None where there is neither lesion nor prediction."""
        total = 2 * self.found + self.false + self.missed
        return 2 * self.found / total if total else None


def added(counts: Iterable[Counts]) -> Counts:
    """The counts of several patients together."""
    listed = list(counts)
    return Counts(*(sum(getattr(each, name) for each in listed) for name in ("found", "false", "missed")))


def match_by_overlap(truth: Labels, predicted: Labels) -> Counts:
    """Counts where a predicted and a true lesion may be the same if they share a voxel.

    Each counts once: as many pairs as possible are made, so neither one prediction over many lesions nor many in one
    gain by it.
    """
    return _matched(truth, predicted, _shared(truth, predicted))


def match_by_suv_max(truth: Labels, predicted: Labels, suv: FloatArray) -> Counts:
    """The same where also their SUVmax must agree within 0.1, the rule of the visual grounding paper.

    There the sentence says which lesion is meant; here the shared voxel does.
    """
    shared = _shared(truth, predicted)
    hottest = [_hottest(labels, suv) for labels in (truth, predicted)]
    near = np.abs(hottest[0][shared[:, 0]] - hottest[1][shared[:, 1]]) <= _SAME_SUV + 1e-5
    return _matched(truth, predicted, shared[near])


def _shared(truth: Labels, predicted: Labels) -> np.ndarray:
    """Pairs (true label, predicted label) that share a voxel."""
    both = (truth > 0) & (predicted > 0)
    return np.unique(np.stack([truth[both], predicted[both]], axis=1).astype(np.int64), axis=0)


def _hottest(labels: Labels, suv: FloatArray) -> FloatArray:
    """The highest value of each label, by its number."""
    inside = np.flatnonzero(labels)
    highest = np.full(int(labels.max()) + 1, -np.inf, dtype=np.float32)
    np.maximum.at(highest, labels.reshape(-1)[inside], suv.reshape(-1)[inside])
    return highest


def _matched(truth: Labels, predicted: Labels, pairs: np.ndarray) -> Counts:
    lesions, predictions = (len(np.unique(labels[labels > 0])) for labels in (truth, predicted))
    shape = (int(truth.max()) + 1, int(predicted.max()) + 1)
    graph = csr_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=shape)
    found = int(np.count_nonzero(maximum_bipartite_matching(graph, perm_type="column") >= 0))
    return Counts(found, predictions - found, lesions - found)
