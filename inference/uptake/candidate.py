"""A candidate region as the rules for physiologic uptake see it: how hot, how large, where, and beside what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from config.finding import LabelMap
from config.vocabulary import Laterality
from config.volume import Volume
from inference.anatomy.describe import Anatomy
from inference.location.surroundings import Surroundings, look_around
from inference.measurement.peaks import sphere_means, sphere_offsets


@dataclass(frozen=True, slots=True)
class Candidate:
    """``liver_ratio`` is SUVmax, ``peak_ratio`` SUVpeak over the mean of the liver, or over its usual one if not found.

    SUVpeak suffers less from noise.
    """

    label: int
    place: Surroundings
    suv_max: float
    suv_peak: float
    suv_mean: float
    volume_ml: float
    liver_ratio: float
    peak_ratio: float

    @property
    def total_uptake(self) -> float:
        return self.suv_mean * self.volume_ml

    @property
    def side(self) -> Laterality:
        return Laterality.LEFT if self.place.left_mm > 0.0 else Laterality.RIGHT

    @property
    def compactness(self) -> float:
        """The share of its bounding box that it fills: 0.52 for a ball, little for what winds or branches."""
        box_ml = float(np.prod(self.place.extent_mm)) / 1000.0
        return self.volume_ml / box_ml

    @property
    def slenderness(self) -> float:
        """Its height along the body over its width."""
        tall, deep, wide = self.place.extent_mm
        return tall / max(deep, wide)

    def partner(self, others: Sequence["Candidate"]) -> "Candidate | None":
        """The candidate at the mirror image of this one, of similar uptake."""
        for other in others:
            here, there = self.place, other.place
            mirrored = (
                here.left_mm * there.left_mm < 0.0
                and abs(here.left_mm + there.left_mm) <= 30.0
                and abs(here.level_mm - there.level_mm) <= 40.0
                and abs(here.forward_mm - there.forward_mm) <= 30.0
            )
            if mirrored and 0.4 <= self.suv_max / other.suv_max <= 2.5:
                return other
        return None


def list_candidates(labels: LabelMap, suv: Volume, anatomy: Anatomy, liver_suv: float) -> tuple[Candidate, ...]:
    """Every label over 0 of a label map, in ascending order."""
    found = []
    offsets = sphere_offsets(suv.affine)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        inside = labels[box] == label
        values = suv.values[box][inside]
        voxels = np.argwhere(inside) + [side.start for side in box]
        suv_max, suv_peak = float(values.max()), float(sphere_means(suv.values, voxels, offsets).max())
        found.append(
            Candidate(
                label=label,
                place=look_around(voxels, suv, anatomy),
                suv_max=suv_max,
                suv_peak=suv_peak,
                suv_mean=float(values.mean()),
                volume_ml=len(values) * suv.voxel_volume_ml,
                liver_ratio=suv_max / liver_suv,
                peak_ratio=suv_peak / liver_suv,
            )
        )
    return tuple(found)
