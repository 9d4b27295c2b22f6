"""Measurement: what a label map says in numbers."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.distance import pdist

from config.finding import LabelMap, Measurements, Totals
from config.volume import Volume
from inference.measurement.axes import axes_in_plane
from inference.measurement.peaks import sphere_means, sphere_offsets


def measure(labels: LabelMap, suv: Volume) -> Mapping[int, Measurements]:
    """Measurements of every label.

    SUVpeak is the global one of IBSI: the largest mean over a sphere of 1 cm³ centred on a voxel of the label, in
    which all voxels of the volume count, also those outside the label. MTV is the number of voxels times the volume
    that the affine gives them. The axes are those of ``axes``. The SUVmax of several equal voxels is at the
    first in array order.
    """
    offsets = sphere_offsets(suv.affine)
    found = {}
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            found[label] = _measure_one(labels[box] == label, np.array([side.start for side in box]), suv, offsets)
    return found


def totals(lesions: Iterable[Measurements]) -> Totals:
    """Whole-body totals. Dmax is None for fewer than two lesions, SUVmax for none."""
    measured = list(lesions)
    centroids = np.array([lesion.centroid_mm for lesion in measured])
    return Totals(
        lesion_count=len(measured),
        tmtv_ml=sum(lesion.mtv_ml for lesion in measured),
        tlg=sum(lesion.tlg for lesion in measured),
        suv_max=max((lesion.suv_max for lesion in measured), default=None),
        dmax_mm=float(pdist(centroids).max()) if len(measured) > 1 else None,
    )


def _measure_one(
    region: NDArray[np.bool_], start: NDArray[np.int64], suv: Volume, offsets: NDArray[np.int64]
) -> Measurements:
    voxels = np.argwhere(region) + start
    values = suv.values[tuple(voxels.T)]
    hottest = voxels[values.argmax()]
    suv_mean = float(values.mean(dtype=np.float64))
    mtv_ml = len(voxels) * suv.voxel_volume_ml
    long_axis_mm, short_axis_mm = axes_in_plane(region, (float(suv.spacing_mm[1]), float(suv.spacing_mm[2])))
    centroid = suv.points_mm(voxels.mean(axis=0)[None])[0]
    return Measurements(
        suv_max=float(values.max()),
        suv_peak=float(sphere_means(suv.values, voxels, offsets).max()),
        suv_mean=suv_mean,
        mtv_ml=mtv_ml,
        tlg=suv_mean * mtv_ml,
        long_axis_mm=long_axis_mm,
        short_axis_mm=short_axis_mm,
        centroid_mm=(float(centroid[0]), float(centroid[1]), float(centroid[2])),
        suv_max_index=(int(hottest[0]), int(hottest[1]), int(hottest[2])),
        slices=(int(voxels[0, 0]), int(voxels[-1, 0])),
        voxel_count=len(voxels),
    )
