"""Segmentation: everything that stands out by its uptake becomes a candidate."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.finding import LabelMap
from config.reasons import Remark
from config.thresholds import ThresholdRule
from config.tracers import Tracer
from config.volume import Volume
from inference.anatomy.describe import Anatomy
from inference.measurement.peaks import PEAK_RADIUS_MM
from inference.options import Options
from inference.segmentation.basins import find_basins
from inference.segmentation.delineate import delineate
from inference.segmentation.noise import noise_of_slices
from inference.segmentation.territories import Territories, grown_box, index_within, near
from inference.segmentation.thresholds import (
    FRACTIONS,
    LIVER_FACTORS,
    IterativeThreshold,
    Neighbourhood,
    fixed_threshold,
)
from inference.uptake.verdict import Verdict

_SPILL_VOXELS = 2


@dataclass(frozen=True, eq=False)
class Candidates:
    """Regions of uptake: labels from 1, hottest first, and the SUV threshold that delineates each.

    ``territories`` are the voxels that each could have had: a label is what in its territory lies at or above its
    threshold and hangs together with its hottest voxel. ``verdicts`` holds what the segmenter itself says of a
    candidate; the others are classified later.
    """

    labels: LabelMap
    territories: LabelMap
    thresholds: Mapping[int, float]
    verdicts: Mapping[int, Verdict] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()


class Segmenter(Protocol):
    """Finds candidates, from the PET and the CT on its grid."""

    def __call__(self, suv: Volume, ct: Volume | None, anatomy: Anatomy, options: Options) -> Candidates: ...

    def parameters(self, options: Options) -> Mapping[str, str]:
        """How options steer it, for provenance."""
        ...


@dataclass(frozen=True)
class BasinSegmenter:
    """Thresholding within the basins of peaks; needs no trained weights.

    Peaks of the SUV, smoothed by a Gaussian of standard deviation ``smoothing_mm``, divide the hot part of the body
    into basins, so that a node beside a kidney has its own. Peaks are one unless they rise above the saddle between
    them by ``prominence`` SUV and by ``relative_prominence`` of the lower, and are ``peak_distance_mm`` apart. In each
    basin, with those that ``hand_over`` adds to it, the voxels at or above the threshold that hang together with its
    hottest voxel are the candidate.

    A peak counts from the tracer's ``seed_suv`` on, and where ``liver_seeds`` has the tracer and the liver was found,
    only from ``a × mean + b × SD`` of the liver on, whose SD tells how noisy the scan is: both smoothed and as SUVpeak
    around its hottest voxel. SUVpeak must also be ``conspicuity`` times the mean of its background, and above it by
    ``contrast_to_noise`` times the noise of the slices that SUVpeak is taken from. Voxels below
    ``lowest_fraction × seed_suv`` or further than ``reach_mm`` from a voxel that hot are not looked at. None of this
    applies to fixed SUV thresholds, which take every voxel at or above them; where the liver itself reaches a fixed
    threshold, its usual uptake, up to 1.5 × mean + 2 SD, shares no basin with what lies in it or against it.
    """

    iterative: IterativeThreshold = field(default_factory=IterativeThreshold)
    smoothing_mm: float = 3.0
    prominence: float = 0.5
    relative_prominence: float = 0.15
    peak_distance_mm: float = 12.0
    conspicuity: float = 1.5
    contrast_to_noise: float = 7.0
    lowest_fraction: float = 0.41
    reach_mm: float = 15.0
    liver_seeds: Mapping[Tracer, tuple[float, float]] = field(
        default_factory=lambda: MappingProxyType({Tracer.FDG: (1.0, 3.5), Tracer.DOTATATE: (1.0, 0.0)})
    )

    def __call__(self, suv: Volume, ct: Volume | None, anatomy: Anatomy, options: Options) -> Candidates:
        fixed, remarks = fixed_threshold(options.threshold, anatomy.references, options.profile)
        smooth = ndimage.gaussian_filter(suv.values, self.smoothing_mm / suv.spacing_mm, output=np.float32)
        if fixed is not None:
            seed, domain = fixed, suv.values >= fixed
            apart = _usual_liver(smooth, suv, anatomy, fixed)
        else:
            apart = None
            seed = self._seed(options, anatomy)
            domain = near(smooth >= seed, self.reach_mm, suv.spacing_mm)
            domain &= suv.values >= self.lowest_fraction * options.profile.seed_suv
        if not domain.any():
            nothing = np.zeros(suv.shape, dtype=np.uint16)
            return Candidates(nothing, nothing, {}, remarks=remarks)
        basins = find_basins(
            smooth,
            domain,
            suv.spacing_mm,
            lowest_peak=seed,
            prominence=self.prominence,
            relative_prominence=self.relative_prominence,
            peak_distance_mm=self.peak_distance_mm,
            apart=apart,
        )
        peaks = Territories.of(suv, basins)
        if fixed is not None:
            thresholds = np.full(len(peaks.suv_max), fixed)
        else:
            seeded = (smooth.reshape(-1)[basins.peaks] >= seed) & (peaks.suv_peak >= seed)
            thresholds = self._thresholds(suv, anatomy, options, peaks, seeded)
        labels, territories, kept = delineate(suv, peaks, thresholds, options.minimum_volume_ml)
        return Candidates(labels, territories, kept, remarks=remarks)

    def parameters(self, options: Options) -> Mapping[str, str]:
        return {
            "threshold": str(options.threshold),
            "minimum_volume_ml": f"{options.minimum_volume_ml:g}",
            "seed_suv": f"{options.profile.seed_suv:g}",
        }

    def _seed(self, options: Options, anatomy: Anatomy) -> float:
        times_mean, times_sd = self.liver_seeds.get(options.profile.tracer, (0.0, 0.0))
        liver = times_mean * anatomy.references.get("liver_mean", 0.0)
        return max(options.profile.seed_suv, liver + times_sd * anatomy.references.get("liver_sd", 0.0))

    def _thresholds(
        self, suv: Volume, anatomy: Anatomy, options: Options, peaks: Territories, seeded: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """The threshold of each basin, infinite where its peak is no candidate.

        The background of a peak must not hold other candidates. They are unknown at first, so the first pass leaves
        out what is hotter than the peak and the second what the first has found, with the voxels beside it that its
        uptake spills into.
        """
        fraction = FRACTIONS.get(options.threshold)
        least_contrast = self.contrast_to_noise * _noise_at(peaks, suv, anatomy)
        margin = np.ceil((self.iterative.shell_mm[1] + 2.0) / suv.spacing_mm).astype(int) + _SPILL_VOXELS
        found = np.zeros(suv.shape, dtype=np.int32)
        for first_pass in (True, False):
            thresholds = np.full(len(peaks.suv_max), np.inf)
            others, found = found, np.zeros(suv.shape, dtype=np.int32)
            for basin in np.flatnonzero(seeded):
                box = grown_box(peaks.boxes[basin], margin, suv.shape)
                territory = peaks.map[box] == basin + 1
                foreign = _spill(others[box] != 0, others[box] == basin + 1)
                if first_pass:
                    foreign |= ~territory & (suv.values[box] > peaks.suv_peak[basin])
                around = Neighbourhood(
                    suv=suv.values[box],
                    territory=territory,
                    background=anatomy.body[box] & ~foreign,
                    peak=index_within(peaks.indices[basin], box),
                    spacing_mm=suv.spacing_mm,
                )
                threshold, background = self.iterative(around, float(peaks.suv_peak[basin]))
                if fraction is not None:
                    threshold = fraction * float(peaks.suv_max[basin])
                region = around.above(threshold)
                volume_ml = np.count_nonzero(region) * suv.voxel_volume_ml
                least_peak = max(self.conspicuity * background, background + least_contrast[basin])
                if volume_ml >= options.minimum_volume_ml and peaks.suv_peak[basin] >= least_peak:
                    thresholds[basin] = threshold
                    found[box][region] = basin + 1
        return thresholds


def _usual_liver(
    smooth: NDArray[np.float32], suv: Volume, anatomy: Anatomy, threshold: float
) -> NDArray[np.bool_] | None:
    """The liver where it is no hotter than usual; None if a threshold lies above the liver's own mean + 2 SD."""
    mean, deviation = (anatomy.references.get(name) for name in ("liver_mean", "liver_sd"))
    if mean is None or deviation is None or threshold >= mean + 2.0 * deviation:
        return None
    usual = smooth < LIVER_FACTORS[ThresholdRule.PERCIST] * mean + 2.0 * deviation
    return anatomy.frame.on_grid(anatomy.liver, suv) & usual


def _spill(found: NDArray[np.bool_], own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What was found of others, and the voxels within two of it."""
    foreign = found & ~own
    if not foreign.any():
        return foreign
    return np.asarray(
        ndimage.binary_dilation(foreign, np.ones((3, 3, 3), dtype=np.bool_), iterations=_SPILL_VOXELS) & ~own
    )


def _noise_at(peaks: Territories, suv: Volume, anatomy: Anatomy) -> NDArray[np.float64]:
    """For each peak the noise of the noisiest slice within the radius of SUVpeak."""
    reach = int(np.ceil(PEAK_RADIUS_MM / suv.spacing_mm[0]))
    noise = ndimage.maximum_filter1d(noise_of_slices(suv.values, anatomy.body), 2 * reach + 1, mode="nearest")
    return np.asarray(noise[peaks.indices[:, 0]])
