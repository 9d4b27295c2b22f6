"""A candidate region as the rules for physiologic uptake see it: how hot, how large, where, and beside what."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from config.finding import LabelMap
from config.volume import Volume
from inference.anatomy.describe import Anatomy
from inference.location.surroundings import Surroundings, look_around


@dataclass(frozen=True, slots=True)
class Candidate:
    """``liver_ratio`` is SUVmax over the mean of the liver, or over what is usual for the tracer without a liver."""

    label: int
    place: Surroundings
    suv_max: float
    suv_mean: float
    volume_ml: float
    liver_ratio: float

    @property
    def total_uptake(self) -> float:
        return self.suv_mean * self.volume_ml

    @property
    def side(self) -> str:
        return "left" if self.place.left_mm > 0.0 else "right"

    def elongated(self) -> bool:
        """Whether it runs along the body like a ureter: at least 20 mm tall and twice as tall as wide."""
        tall, deep, wide = self.place.extent_mm
        return tall >= 20.0 and tall >= 2.0 * max(deep, wide)

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
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        inside = labels[box] == label
        values = suv.values[box][inside]
        voxels = np.argwhere(inside) + [side.start for side in box]
        found.append(
            Candidate(
                label=label,
                place=look_around(voxels, suv, anatomy),
                suv_max=float(values.max()),
                suv_mean=float(values.mean()),
                volume_ml=len(values) * suv.voxel_volume_ml,
                liver_ratio=float(values.max()) / liver_suv,
            )
        )
    return tuple(found)
