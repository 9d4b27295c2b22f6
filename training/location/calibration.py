"""Calibration: the temperatures at which confidences are as often right as they say (Guo et al. 2017)."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from config.volume import FloatArray
from inference.retrieval.coarse_to_fine import Temperatures, TextIndex, softmax

_RANGE = (np.log(0.002), np.log(5.0))
_BINS = 15


def fit_temperature(similarity: FloatArray, classes: NDArray[np.int64], allowed: NDArray[np.bool_]) -> float:
    """The temperature of least negative log-likelihood.

    Parameters
    ----------
    similarity
        Shape (N, M).
    classes
        The right column of each row.
    allowed
        Shape (N, M): what takes part in a row's softmax.
    """

    def loss(logarithm: float) -> float:
        logits = np.where(allowed, similarity / np.exp(logarithm), -np.inf)
        return float(-np.log(np.maximum(softmax(logits)[np.arange(len(classes)), classes], 1e-12)).mean())

    return float(np.exp(minimize_scalar(loss, bounds=_RANGE, method="bounded").x))


def calibrate(embeddings: FloatArray, leaves: NDArray[np.int64], index: TextIndex) -> Temperatures:
    """Both temperatures on a validation set: of coarse names, and of leaves below the right coarse location."""
    coarse = index.parents[leaves]
    everything = np.ones((len(leaves), len(index.coarse)), dtype=np.bool_)
    below = index.parents[None] == coarse[:, None]
    return Temperatures(
        coarse=fit_temperature(embeddings @ index.coarse.T, coarse, everything),
        leaf=fit_temperature(embeddings @ index.leaves.T, leaves, below),
    )


def expected_calibration_error(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Mean distance of confidence and accuracy over 15 equal bins of confidence, weighted by their lesions."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return float(
        sum(
            (bins == each).mean() * abs(confidence[bins == each].mean() - right[bins == each].mean())
            for each in np.unique(bins)
        )
    )
