"""Judging segmentation: the node's own analysis of whole patients, with and without a network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from config.finding import Analysis, FindingKind, LabelMap, Method
from config.thresholds import Delineation
from config.tracers import PROFILES
from config.volume import Volume
from inference.anatomy.describe import Anatomy
from inference.bundles.specification import Bundle
from inference.engines.engine import Engine
from inference.network.segment import segment_volume
from inference.options import Options
from inference.pipeline import analyse
from inference.segmentation.mask_classes import mask_classes
from inference.segmentation.network_segmenter import NetworkSegmenter
from inference.segmentation.segment import Segmenter
from inference.stages import BASELINE, Stage, Stages
from training.evaluation.autopet import Mask
from training.sample import Sample


@dataclass(frozen=True, eq=False)
class Prepared:
    """What all analyses of one patient share: the CT on the grid of the PET, the anatomy, and what these took."""

    sample: Sample
    ct_on_pet: Volume
    anatomy: Anatomy
    seconds: Mapping[str, float]

    @classmethod
    def of(cls, sample: Sample) -> "Prepared":
        start = perf_counter()
        ct_on_pet = BASELINE.resample.run(sample.suv, sample.ct)
        between = perf_counter()
        anatomy = BASELINE.describe.run(sample.suv, ct_on_pet)
        seconds = {"resampling": between - start, "anatomy": perf_counter() - between}
        return cls(sample, ct_on_pet, anatomy, seconds)

    def analyse(self, segment: Stage[Segmenter]) -> tuple[Analysis, float]:
        """The analysis of this patient, and the seconds that segmenting and classifying took."""
        stages = replace(self._stages(), segment=segment)
        options = Options(PROFILES[self.sample.tracer], sex=self.sample.sex)
        analysis = analyse(self.sample.suv, self.sample.ct, options, stages=stages)
        return analysis, sum(analysis.timings_s[stage] for stage in ("segmentation", "classification", "measurement"))

    def _stages(self) -> Stages:
        """The baseline with what is already known."""
        return replace(
            BASELINE,
            resample=Stage(BASELINE.resample.method, lambda target, volume: self.ct_on_pet),
            describe=Stage(BASELINE.describe.method, lambda suv, ct: self.anatomy),
        )


@dataclass(frozen=True)
class LesionNetwork:
    """A bundle's network, run once a patient and used by every way to delineate."""

    label: str
    bundle: Bundle
    engines: tuple[Engine, ...]

    def __call__(self, prepared: Prepared) -> tuple[LabelMap, float]:
        """The network's label map, and its seconds."""
        start = perf_counter()
        volumes = {"PET": prepared.sample.suv, "CT": prepared.ct_on_pet}
        wanted = {channel.name: volumes[channel.name] for channel in self.bundle.channels}
        return segment_volume(wanted, self.bundle, self.engines), perf_counter() - start

    def lesions(self, labels: LabelMap) -> Mask:
        """Where the label map has a lesion."""
        values = [one.value for one in mask_classes(self.bundle) if one.kind is FindingKind.LESION]
        return np.isin(labels, values)

    def stage(self, labels: LabelMap, delineation: Delineation) -> Stage[Segmenter]:
        """Segmentation as the node does it, with what the network said."""
        segmenter = NetworkSegmenter(
            network=lambda volumes: labels,
            channels=tuple(channel.name for channel in self.bundle.channels),
            classes=mask_classes(self.bundle),
            source=self.label,
            delineation=delineation,
        )
        return Stage(Method("segmentation", self.label, self.bundle.version, {}), segmenter)
