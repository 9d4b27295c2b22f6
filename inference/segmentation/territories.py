"""Territories: the basins of one SUV volume as a map, with what their peaks are like."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.volume import Volume
from inference.measurement.peaks import sphere_means, sphere_offsets
from inference.segmentation.basins import Basins

Box = tuple[slice, ...]


@dataclass(frozen=True, eq=False)
class Territories:
    """Basins as a ``map`` (basin + 1, 0 for none), and of each basin its hottest voxel, SUVpeak there, bounding box.

    ``touching`` are the pairs of basins that touch, from the highest saddle between them to the lowest."""

    map: NDArray[np.int32]
    indices: NDArray[np.int64]
    suv_max: NDArray[np.float64]
    suv_peak: NDArray[np.float64]
    boxes: list[Box]
    touching: NDArray[np.int64]

    @classmethod
    def of(cls, suv: Volume, basins: Basins) -> "Territories":
        territories = np.zeros(suv.shape, dtype=np.int32)
        territories.reshape(-1)[basins.voxels] = basins.basin + 1
        values = suv.values.reshape(-1)[basins.voxels]
        order = np.lexsort((basins.voxels, -values, basins.basin))
        hottest = basins.voxels[order[np.flatnonzero(np.diff(basins.basin[order], prepend=-1))]]
        indices = np.stack(np.unravel_index(hottest, suv.shape), axis=1).astype(np.int64)
        return cls(
            map=territories,
            indices=indices,
            suv_max=suv.values.reshape(-1)[hottest].astype(np.float64),
            suv_peak=sphere_means(suv.values, indices, sphere_offsets(suv.affine)),
            boxes=ndimage.find_objects(territories),
            touching=basins.touching,
        )

    def values(self, suv: Volume) -> list[NDArray[np.float32]]:
        """The SUV of each basin's voxels, ascending."""
        inside = np.flatnonzero(self.map)
        basin, values = self.map.reshape(-1)[inside], suv.values.reshape(-1)[inside]
        order = np.lexsort((values, basin))
        starts = np.flatnonzero(np.diff(basin[order], prepend=basin[order][:1]))
        return np.split(values[order], starts)


def grown_box(box: Box, margin: NDArray[np.int64], shape: tuple[int, ...]) -> Box:
    return tuple(
        slice(max(0, side.start - int(more)), min(length, side.stop + int(more)))
        for side, more, length in zip(box, margin, shape, strict=True)
    )


def index_within(index: NDArray[np.int64], box: Box) -> tuple[int, int, int]:
    inner = [int(place) - side.start for place, side in zip(index, box, strict=True)]
    return inner[0], inner[1], inner[2]


def near(mask: NDArray[np.bool_], reach_mm: float, spacing_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The voxels within a distance of a mask."""
    if not mask.any():
        return mask
    margin = np.ceil(reach_mm / spacing_mm).astype(int)
    box = grown_box(ndimage.find_objects(mask.astype(np.uint8))[0], margin, mask.shape)
    reached = np.zeros_like(mask)
    reached[box] = ndimage.distance_transform_edt(~mask[box], sampling=spacing_mm) <= reach_mm
    return reached
