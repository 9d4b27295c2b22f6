"""Stages: the replaceable parts of an analysis, and the baseline that needs no trained weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from config.finding import LabelMap, LocationAnswer, Measurements, Method
from config.reasons import Remark
from config.tracers import TracerProfile
from config.volume import Volume
from inference.anatomy.describe import Anatomy, describe
from inference.caption import Facts, caption
from inference.grid import on_grid_of
from inference.location.locate import locate
from inference.measurement.measure import measure
from inference.segmentation.segment import BasinSegmenter, Segmenter
from inference.uptake.physiologic import classify
from inference.uptake.verdict import Verdict

Run = TypeVar("Run")

Voxels = NDArray[np.int64]
"""The voxels of one finding, array indices (N, 3) on the grid of the PET, N ≥ 1."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A PET in SUVbw and its CT in HU, on its own grid and on that of the PET; None without a CT."""

    suv: Volume
    ct: Volume | None
    ct_on_pet: Volume | None


@dataclass(frozen=True, slots=True)
class Located:
    """An answer for each finding, and what is to be said of them."""

    answers: tuple[LocationAnswer, ...]
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Captioned:
    """A sentence for each finding, and what is to be said of them."""

    sentences: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()


class Resampler(Protocol):
    """Brings a CT onto the grid of the PET."""

    def __call__(self, target: Volume, volume: Volume) -> Volume: ...


class Anatomist(Protocol):
    """Finds the organs and reference regions of a patient."""

    def __call__(self, suv: Volume, ct: Volume | None) -> Anatomy: ...


class Classifier(Protocol):
    """Says of every label whether it is a lesion or physiologic, and why."""

    def __call__(
        self, labels: LabelMap, suv: Volume, anatomy: Anatomy, profile: TracerProfile
    ) -> Mapping[int, Verdict]: ...


class Measurer(Protocol):
    """Measures every label."""

    def __call__(self, labels: LabelMap, suv: Volume) -> Mapping[int, Measurements]: ...


class Locator(Protocol):
    """Says where the findings of a patient of a sex (M, F or not known) lie; they are numbered from 1 in this order."""

    def __call__(self, places: Sequence[Voxels], pair: Pair, anatomy: Anatomy, sex: str | None) -> Located: ...


class Captioner(Protocol):
    """Puts the findings of a patient into words, in the order of their numbers; figures must be those measured."""

    def __call__(self, facts: Sequence[Facts], places: Sequence[Voxels], pair: Pair) -> Captioned: ...


def locate_by_rules(places: Sequence[Voxels], pair: Pair, anatomy: Anatomy, sex: str | None) -> Located:
    """Each finding by itself, from anatomy."""
    return Located(tuple(locate(voxels, pair.suv, anatomy, pair.ct_on_pet, sex) for voxels in places))


def caption_by_grammar(facts: Sequence[Facts], places: Sequence[Voxels], pair: Pair) -> Captioned:
    """Each finding by itself, from its facts."""
    return Captioned(tuple(caption(each) for each in facts))


@dataclass(frozen=True)
class Stage(Generic[Run]):
    """A part with what it says about itself for provenance."""

    method: Method
    run: Run


def _baseline(stage: str, name: str, **parameters: str) -> Method:
    return Method(stage=stage, name=name, version="1", parameters=parameters)


@dataclass(frozen=True)
class Stages:
    """The parts of one analysis, in the order in which they run."""

    resample: Stage[Resampler] = field(
        default=Stage(_baseline("resampling", "mean over the shared volume"), on_grid_of)
    )
    describe: Stage[Anatomist] = field(default=Stage(_baseline("anatomy", "rules on CT and PET"), describe))
    segment: Stage[Segmenter] = field(
        default=Stage(
            _baseline("segmentation", "thresholding within basins", basins="up to 15 mm from what is as hot as a seed"),
            BasinSegmenter(),
        )
    )
    classify: Stage[Classifier] = field(
        default=Stage(_baseline("classification", "rules by organ and tracer"), classify)
    )
    measure: Stage[Measurer] = field(
        default=Stage(
            _baseline(
                "measurement",
                "voxels at or above the threshold, within the basin of the peak",
                suv_peak="global, sphere of 1 cm³, voxel centres (IBSI)",
                axes="in the plane of the acquisition",
            ),
            measure,
        )
    )
    locate: Stage[Locator] = field(default=Stage(_baseline("location", "rules on anatomy"), locate_by_rules))
    caption: Stage[Captioner] = field(default=Stage(_baseline("caption", "grammar"), caption_by_grammar))

    @property
    def methods(self) -> tuple[Method, ...]:
        parts = (
            self.resample,
            self.describe,
            self.segment,
            self.classify,
            self.measure,
            self.locate,
            self.caption,
        )
        return tuple(part.method for part in parts)


BASELINE = Stages()
"""The stages that need no trained weights."""
