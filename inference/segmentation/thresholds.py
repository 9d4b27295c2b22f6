"""Thresholds: the SUV above which voxels around a peak belong to it, by fixed rules and by iteration."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from config.reasons import Reason, Remark
from config.thresholds import ThresholdRule
from config.tracers import TracerProfile
from inference.segmentation.components import component_at

FRACTIONS: Mapping[ThresholdRule, float] = {ThresholdRule.PERCENT_41: 0.41, ThresholdRule.PERCENT_50: 0.50}
FIXED: Mapping[ThresholdRule, float] = {ThresholdRule.SUV_2_5: 2.5, ThresholdRule.SUV_3: 3.0, ThresholdRule.SUV_4: 4.0}
LIVER_FACTORS: Mapping[ThresholdRule, float] = {ThresholdRule.LIVER_2SD: 1.0, ThresholdRule.PERCIST: 1.5}


def fixed_threshold(
    rule: ThresholdRule, references: Mapping[str, float], profile: TracerProfile
) -> tuple[float | None, tuple[Remark, ...]]:
    """The one SUV that a rule sets for the whole study; None if it goes by each peak.

    Without a liver reference the rules that need one fall back to the tracer's customary threshold, with a remark.
    """
    if rule in FIXED:
        return FIXED[rule], ()
    if rule not in LIVER_FACTORS:
        return None, ()
    if "liver_mean" in references and "liver_sd" in references:
        return LIVER_FACTORS[rule] * references["liver_mean"] + 2.0 * references["liver_sd"], ()
    detail = f"Rule {rule} needs the liver's mean and SD; SUV {profile.fixed_suv} of {profile.tracer} was used instead."
    return profile.fixed_suv, (Remark(Reason.LIVER_REFERENCE_MISSING, detail),)


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """A peak with what lies around it, cut out of the volume.

    ``territory`` are the voxels that may belong to the peak, ``background`` those that may count as its background.
    """

    suv: NDArray[np.float32]
    territory: NDArray[np.bool_]
    background: NDArray[np.bool_]
    peak: tuple[int, int, int]
    spacing_mm: NDArray[np.float64]

    def above(self, threshold: float) -> NDArray[np.bool_]:
        """The voxels of the territory at or above a threshold that hang together with the peak."""
        return component_at(self.territory & (self.suv >= threshold), self.peak)


@dataclass(frozen=True)
class IterativeThreshold:
    """Contrast-oriented iterative thresholding.

    From ``start × SUVmax`` on, the threshold becomes ``background + contrast × (SUVpeak − background)``, where the
    background is the mean of a shell ``shell_mm`` around the voxels found so far, until it moves by less than
    ``tolerance × SUVmax``. It is kept within ``[max(lowest × SUVmax, background + 2 SD), highest × SUVmax]``. If the
    result is larger than ``leak_ml`` and ``leak_ratio`` times what lies above ``leak_fraction × SUVmax``, it has
    leaked, and the threshold is raised by ``leak_step × SUVmax`` until it has not.
    """

    start: float = 0.41
    contrast: float = 0.5
    lowest: float = 0.25
    highest: float = 0.70
    shell_mm: tuple[float, float] = (10.0, 20.0)
    shell_gap_voxels: float = 2.0
    tolerance: float = 0.01
    iterations: int = 10
    leak_ratio: float = 5.0
    leak_fraction: float = 0.6
    leak_ml: float = 250.0
    leak_step: float = 0.05

    def __call__(self, around: Neighbourhood, suv_peak: float) -> tuple[float, float]:
        """The threshold of a peak and the mean of its background, both SUV."""
        suv_max = float(around.suv[around.peak])
        threshold, background, spread, voxels = self.start * suv_max, 0.0, 0.0, -1
        for _ in range(self.iterations):
            region = around.above(threshold)
            if int(region.sum()) != voxels:
                voxels = int(region.sum())
                background, spread = self._background(around, region)
            lowest = max(self.lowest * suv_max, background + 2.0 * spread)
            following = background + self.contrast * (suv_peak - background)
            following = min(max(following, lowest), self.highest * suv_max)
            settled = abs(following - threshold) < self.tolerance * suv_max
            threshold = following
            if settled:
                break
        return self._without_leak(around, threshold, suv_max), background

    def _background(self, around: Neighbourhood, region: NDArray[np.bool_]) -> tuple[float, float]:
        image = sitk.GetImageFromArray(region.astype(np.uint8))
        image.SetSpacing(around.spacing_mm[::-1].tolist())
        distance = sitk.GetArrayFromImage(
            sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=False, useImageSpacing=True)
        )
        nearest = max(self.shell_mm[0], self.shell_gap_voxels * float(around.spacing_mm.min()))
        shell = around.suv[(distance > nearest) & (distance <= self.shell_mm[1]) & around.background & ~region]
        if not shell.size:
            return 0.0, 0.0
        return float(shell.mean(dtype=np.float64)), float(shell.std(dtype=np.float64))

    def _without_leak(self, around: Neighbourhood, threshold: float, suv_max: float) -> float:
        voxel_ml = float(np.prod(around.spacing_mm)) / 1000.0
        core_ml = np.count_nonzero(around.above(self.leak_fraction * suv_max)) * voxel_ml
        largest_ml = max(self.leak_ratio * core_ml, self.leak_ml)
        while threshold < self.highest * suv_max and np.count_nonzero(around.above(threshold)) * voxel_ml > largest_ml:
            threshold += self.leak_step * suv_max
        return min(threshold, self.highest * suv_max)
