"""Delineation: which voxels of each basin are the candidate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.finding import LabelMap
from config.volume import Volume
from inference.measurement.peaks import sphere_means, sphere_offsets
from inference.segmentation.basins import Basins
from inference.segmentation.thresholds import Neighbourhood

Box = tuple[slice, ...]

LARGEST_LABEL = int(np.iinfo(np.uint16).max)


@dataclass(frozen=True, eq=False)
class Peaks:
    """Basins as a map of territories (basin + 1), and of each basin its hottest voxel, SUVpeak there, bounding box."""

    territories: NDArray[np.int32]
    indices: NDArray[np.int64]
    suv_max: NDArray[np.float64]
    suv_peak: NDArray[np.float64]
    boxes: list[Box]

    @classmethod
    def of(cls, suv: Volume, basins: Basins) -> "Peaks":
        territories = np.zeros(suv.shape, dtype=np.int32)
        territories.reshape(-1)[basins.voxels] = basins.basin + 1
        values = suv.values.reshape(-1)[basins.voxels]
        order = np.lexsort((basins.voxels, -values, basins.basin))
        hottest = basins.voxels[order[np.flatnonzero(np.diff(basins.basin[order], prepend=-1))]]
        indices = np.stack(np.unravel_index(hottest, suv.shape), axis=1).astype(np.int64)
        return cls(
            territories=territories,
            indices=indices,
            suv_max=suv.values.reshape(-1)[hottest].astype(np.float64),
            suv_peak=sphere_means(suv.values, indices, sphere_offsets(suv.affine)),
            boxes=ndimage.find_objects(territories),
        )


def delineate(
    suv: Volume, peaks: Peaks, thresholds: NDArray[np.float64], minimum_volume_ml: float
) -> tuple[LabelMap, dict[int, float]]:
    """Labels by descending SUVmax, consistent with their thresholds.

    Each label is exactly what in its basin lies at or above its threshold and hangs together with its hottest voxel.
    """
    labels = np.zeros(suv.shape, dtype=np.uint16)
    kept: dict[int, float] = {}
    for basin in np.argsort(-peaks.suv_max, kind="stable"):
        if not np.isfinite(thresholds[basin]):
            continue
        box = peaks.boxes[basin]
        territory = peaks.territories[box] == basin + 1
        around = Neighbourhood(suv.values[box], territory, territory, within(peaks.indices[basin], box), suv.spacing_mm)
        region = around.above(float(thresholds[basin]))
        if np.count_nonzero(region) * suv.voxel_volume_ml < minimum_volume_ml:
            continue
        if len(kept) == LARGEST_LABEL:
            raise OverflowError(f"More than {LARGEST_LABEL} candidates; choose a larger minimum volume.")
        kept[len(kept) + 1] = float(thresholds[basin])
        labels[box][region] = len(kept)
    return labels, kept


def near(mask: NDArray[np.bool_], reach_mm: float, spacing_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The voxels within a distance of a mask."""
    if not mask.any():
        return mask
    margin = np.ceil(reach_mm / spacing_mm).astype(int)
    box = grown(ndimage.find_objects(mask.astype(np.uint8))[0], margin, mask.shape)
    near = np.zeros_like(mask)
    near[box] = ndimage.distance_transform_edt(~mask[box], sampling=spacing_mm) <= reach_mm
    return near


def grown(box: Box, margin: NDArray[np.int64], shape: tuple[int, ...]) -> Box:
    return tuple(
        slice(max(0, side.start - int(more)), min(length, side.stop + int(more)))
        for side, more, length in zip(box, margin, shape, strict=True)
    )


def within(index: NDArray[np.int64], box: Box) -> tuple[int, int, int]:
    inner = [int(place) - side.start for place, side in zip(index, box, strict=True)]
    return inner[0], inner[1], inner[2]
