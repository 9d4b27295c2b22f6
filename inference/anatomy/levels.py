"""Levels: how far down the body a plane lies, on a scale that is the same for every patient.

The scale is millimetres below the top of C1 in an adult of average height. Planes whose level anatomy fixes (lung
apex, carina, lung base, iliac crest, pelvic floor, knee, sole, skull) anchor it; between anchors it is linear, beyond
them it goes on at the patient's own scale. Heights of vertebrae with their discs are round figures of adult anatomy.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_VERTEBRAE_MM: tuple[tuple[str, float], ...] = (
    *(("C1", 15.0), ("C2", 25.0), ("C3", 17.0), ("C4", 17.0), ("C5", 17.0), ("C6", 17.0), ("C7", 17.0)),
    *(("T1", 19.0), ("T2", 20.0), ("T3", 21.0), ("T4", 21.5), ("T5", 22.0), ("T6", 22.5), ("T7", 23.0)),
    *(("T8", 24.0), ("T9", 25.0), ("T10", 26.5), ("T11", 28.0), ("T12", 30.0)),
    *(("L1", 33.0), ("L2", 35.0), ("L3", 36.0), ("L4", 37.0), ("L5", 36.0)),
    *(("S1", 30.0), ("S2", 26.0), ("S3", 22.0), ("S4", 18.0), ("S5", 14.0), ("Co", 35.0)),
)

ANCHORS: Mapping[str, float] = {
    "vertex": -160.0,
    "skull base": -45.0,
    "lung apex": 134.0,
    "carina": 205.0,
    "lung base": 390.0,
    "iliac crest": 530.0,
    "pelvic floor": 755.0,
    "knee": 1120.0,
    "sole": 1550.0,
}
"""Level of every landmark that can be found, from the head down."""

_SCALE_RANGE = (0.6, 1.5)
_DOUBT = ("lung apex", "pelvic floor", "vertex", "sole", "skull base", "iliac crest", "carina", "lung base", "knee")
"""From the first to trust to the first to give up, where landmarks contradict each other equally."""


def level_of(vertebra: str, share: float = 0.5) -> float:
    """Level (mm below the top of C1) of a vertebra; ``share`` 0 is its top, 1 its bottom with the disc."""
    top = 0.0
    for name, height in _VERTEBRAE_MM:
        if name == vertebra:
            return top + share * height
        top += height
    raise KeyError(vertebra)


@dataclass(frozen=True, eq=False)
class Levels:
    """The scale of one patient: ``heights_mm`` (z, LPS, descending) and their levels, and the landmarks it rests on."""

    heights_mm: NDArray[np.float64]
    levels_mm: NDArray[np.float64]
    landmarks: Mapping[str, float]

    @property
    def known(self) -> bool:
        return bool(self.landmarks)

    @property
    def scale(self) -> float:
        """Millimetres of this patient for one of the average adult."""
        span = self.levels_mm[-1] - self.levels_mm[0]
        return float((self.heights_mm[0] - self.heights_mm[-1]) / span) if span else 1.0

    def level(self, height_mm: float) -> float:
        """The level of a plane at z (LPS)."""
        if height_mm > self.heights_mm[0]:
            return float(self.levels_mm[0] - (height_mm - self.heights_mm[0]) / self.scale)
        if height_mm < self.heights_mm[-1]:
            return float(self.levels_mm[-1] + (self.heights_mm[-1] - height_mm) / self.scale)
        return float(np.interp(-height_mm, -self.heights_mm, self.levels_mm))

    def uncertainty_mm(self, height_mm: float) -> float:
        """How far off the level may be: 15 mm, and a tenth of the way to the nearest landmark."""
        if not self.known:
            return 300.0
        return 15.0 + 0.1 * min(abs(height_mm - z) for z in self.landmarks.values())


def without_carina(landmarks: Mapping[str, float]) -> dict[str, float]:
    """The landmarks that keep their place along the spine, unless there is only the carina."""
    return {name: z for name, z in landmarks.items() if name != "carina"} or dict(landmarks)


def fit_levels(landmarks: Mapping[str, float]) -> Levels:
    """Levels from the landmarks found (name in ``ANCHORS`` → z in LPS); those that contradict the others are dropped.

    With no landmark at all the scale is arbitrary and ``known`` is False.
    """
    names = sorted(landmarks, key=ANCHORS.__getitem__)
    while len(names) > 1:
        faults = dict.fromkeys(names, 0)
        for upper, lower in pairwise(names):
            scale = (landmarks[upper] - landmarks[lower]) / (ANCHORS[lower] - ANCHORS[upper])
            if not _SCALE_RANGE[0] <= scale <= _SCALE_RANGE[1]:
                faults[upper] += 1
                faults[lower] += 1
        worst = max(names, key=lambda name: (faults[name], _DOUBT.index(name)))
        if not faults[worst]:
            break
        names.remove(worst)
    if not names:
        return Levels(np.array([0.0]), np.array([0.0]), {})
    return Levels(
        np.array([landmarks[name] for name in names]),
        np.array([ANCHORS[name] for name in names]),
        {name: landmarks[name] for name in names},
    )
