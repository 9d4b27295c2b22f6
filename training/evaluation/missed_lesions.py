"""Missed lesions: what nobody may overlook, and what was overlooked of it."""

import numpy as np

from config.finding import LabelMap
from config.volume import Volume
from training.evaluation.autopet import Mask

LEAST_VOLUME_ML = 1.0
LEAST_SUV = 4.0


def obvious_lesions(truth: LabelMap, suv: Volume) -> tuple[int, ...]:
    """Labels of true lesions over 1 ml with an SUVmax over 4."""
    volumes = np.bincount(truth.reshape(-1)) * suv.voxel_volume_ml
    hot = set(np.unique(truth[suv.values > LEAST_SUV]).tolist())
    return tuple(label for label in range(1, len(volumes)) if volumes[label] > LEAST_VOLUME_ML and label in hot)


def missed(truth: LabelMap, predicted: Mask, suv: Volume) -> tuple[int, ...]:
    """Those of which no voxel was predicted."""
    touched = set(np.unique(truth[predicted]).tolist())
    return tuple(label for label in obvious_lesions(truth, suv) if label not in touched)
