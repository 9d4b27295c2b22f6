"""Delineation: from thresholds to labels that are consistent with them."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.finding import LabelMap
from config.volume import Volume
from inference.segmentation.components import component_at
from inference.segmentation.handover import hand_over
from inference.segmentation.territories import Box, Territories, index_within

LARGEST_LABEL = int(np.iinfo(np.uint16).max)


def delineate(
    suv: Volume, peaks: Territories, thresholds: NDArray[np.float64], minimum_volume_ml: float
) -> tuple[LabelMap, LabelMap, dict[int, float]]:
    """Labels by descending SUVmax with their territories, and the threshold of each label.

    Each label is exactly what in its territory lies at or above its threshold and hangs together with its hottest
    voxel. Its territory is its basin with those handed over to it. A threshold that is infinite, or leaves less than
    the minimum volume in the basin, makes no label.
    """
    sizes = np.zeros(len(thresholds), dtype=np.int64)
    for basin in np.flatnonzero(np.isfinite(thresholds)).tolist():
        region = _region(suv, peaks, peaks.map, basin, peaks.boxes[basin], float(thresholds[basin]))
        sizes[basin] = np.count_nonzero(region)
    sizes[sizes * suv.voxel_volume_ml < minimum_volume_ml] = 0
    owners = hand_over(peaks.touching, peaks.values(suv), thresholds, sizes)
    owned = np.concatenate([[0], owners + 1]).astype(np.int32)[peaks.map]
    boxes = ndimage.find_objects(owned)
    kept = [int(basin) for basin in np.argsort(-peaks.suv_max, kind="stable") if sizes[basin]]
    if len(kept) > LARGEST_LABEL:
        raise OverflowError(f"More than {LARGEST_LABEL} candidates; choose a larger minimum volume.")
    numbers = np.zeros(len(thresholds) + 1, dtype=np.uint16)
    numbers[np.array(kept, dtype=np.int64) + 1] = np.arange(1, len(kept) + 1)
    labels = np.zeros(suv.shape, dtype=np.uint16)
    for label, basin in enumerate(kept, start=1):
        labels[boxes[basin]][_region(suv, peaks, owned, basin, boxes[basin], float(thresholds[basin]))] = label
    return labels, numbers[owned], {label: float(thresholds[basin]) for label, basin in enumerate(kept, start=1)}


def _region(
    suv: Volume, peaks: Territories, owned: NDArray[np.int32], basin: int, box: Box, threshold: float
) -> NDArray[np.bool_]:
    above = (owned[box] == basin + 1) & (suv.values[box] >= threshold)
    return component_at(above, index_within(peaks.indices[basin], box))
