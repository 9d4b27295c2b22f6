"""The pipeline: from a PET and its CT to findings with measurements, location and caption."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
from scipy import ndimage

from config.finding import Analysis, Finding, FindingKind, LocationAnswer, Method
from config.reasons import Reason, Remark
from config.tracers import Tracer
from config.volume import Volume
from inference.anatomy.describe import Anatomy
from inference.caption import Facts
from inference.density import density_of
from inference.location.known_organ import in_organ
from inference.measurement.measure import totals
from inference.options import Options
from inference.organ_map import organ_map
from inference.regions import Region, number_regions
from inference.stages import BASELINE, Pair, Stages
from inference.summary import summarise
from inference.uptake.organ_references import organ_references
from inference.uptake.verdict import Verdict

USUAL_LIVER_SUV = (1.3, 3.0)


def analyse(
    suv: Volume,
    ct: Volume | None,
    options: Options,
    progress: Callable[[str], None] = lambda stage: None,
    *,
    stages: Stages = BASELINE,
    remarks: Sequence[Remark] = (),
    clock: Callable[[], float] = perf_counter,
) -> Analysis:
    """Findings of one pair of PET and CT.

    Parameters
    ----------
    suv
        The PET in SUVbw.
    ct
        The CT in HU on its own grid; None if there is none, which makes locations coarse.
    progress
        Called with the name of each stage when it starts.
    remarks
        Those made of the study before, of which the summary repeats what limits its figures.
    clock
        Seconds; only ``timings_s`` depends on it. The rest is a function of the other arguments.
    """
    timer = _Timer(progress, clock)
    with timer.stage("resampling"):
        ct_on_pet = stages.resample.run(suv, ct) if ct is not None else None
    with timer.stage("anatomy"):
        anatomy = stages.describe.run(suv, ct_on_pet)
        organs = organ_map(anatomy, suv)
    with timer.stage("segmentation"):
        candidates = stages.segment.run(suv, ct_on_pet, anatomy, options)
    with timer.stage("classification"):
        classified = stages.classify.run(candidates.labels, suv, anatomy, options.profile)
        verdicts = {label: _verdict(candidates.verdicts.get(label), told) for label, told in classified.items()}
    with timer.stage("measurement"):
        labels, regions = number_regions(candidates, verdicts, suv, stages.measure.run)
        references = {**anatomy.references, **_organ_references(regions, options)}
    voxels = [
        np.argwhere(labels[box] == region.number) + [side.start for side in box]
        for region, box in zip(regions, ndimage.find_objects(labels), strict=True)
    ]
    pair = Pair(suv, ct, ct_on_pet)
    with timer.stage("location"):
        located = stages.locate.run(voxels, pair, anatomy, options.sex)
        locations = [_location(region.verdict, answer) for region, answer in zip(regions, located.answers, strict=True)]
    with timer.stage("caption"):
        facts = [
            Facts(
                organ=_organ(region.verdict, location),
                location=location,
                measurements=region.measurements,
                density=density_of(inside, ct_on_pet),
                tracer=options.profile.tracer,
                references=references,
                indication=options.indication,
                radiopharmaceutical=options.radiopharmaceutical,
            )
            for region, inside, location in zip(regions, voxels, locations, strict=True)
        ]
        captioned = stages.caption.run(facts, voxels, pair)
    findings = tuple(
        Finding(
            number=region.number,
            kind=region.verdict.kind,
            reason=region.verdict.reason,
            threshold_suv=region.threshold_suv,
            measurements=region.measurements,
            location=location,
            caption=sentence,
            grade=each.grade,
        )
        for region, location, each, sentence in zip(regions, locations, facts, captioned.sentences, strict=True)
    )
    lesions = [finding.measurements for finding in findings if finding.kind is FindingKind.LESION]
    analysis = Analysis(
        tracer=options.profile.tracer,
        findings=findings,
        labels=labels,
        totals=totals(lesions),
        methods=_methods(stages, options),
        remarks=(*_remarks(anatomy, options), *candidates.remarks, *located.remarks, *captioned.remarks),
        references=references,
        timings_s=timer.seconds,
        organs=organs,
    )
    return replace(analysis, summary=summarise(analysis, remarks))


def _verdict(segmented: Verdict | None, classified: Verdict) -> Verdict:
    """What the segmenter says if it says anything, in the organ that the classifier knows."""
    if segmented is None:
        return classified
    return replace(segmented, organ=classified.organ) if segmented.kind is classified.kind else segmented


def _organ_references(regions: Sequence[Region], options: Options) -> Mapping[str, float]:
    """What PSMA scores compare with beside liver and blood pool."""
    return organ_references(regions) if options.profile.tracer is Tracer.PSMA else {}


def _organ(verdict: Verdict, location: LocationAnswer) -> str | None:
    """The words for the organ of a physiologic uptake: where it is, if nothing knows better."""
    if verdict.kind is FindingKind.LESION:
        return None
    return location.location.name if verdict.organ is None else verdict.organ.words


def _location(verdict: Verdict, answer: LocationAnswer) -> LocationAnswer:
    """Where the organ that explains an uptake is, and only without one what the locator says."""
    return answer if verdict.organ is None else in_organ(verdict.organ.location, verdict.confidence, answer)


def _methods(stages: Stages, options: Options) -> tuple[Method, ...]:
    """What ran, with the options that steered the delineation."""
    chosen = stages.segment.run.parameters(options)
    return tuple(
        replace(method, parameters={**method.parameters, **chosen}) if method is stages.segment.method else method
        for method in stages.methods
    )


def _remarks(anatomy: Anatomy, options: Options) -> tuple[Remark, ...]:
    found = []
    liver = anatomy.references.get("liver_mean")
    if options.profile.tracer is Tracer.FDG and liver is not None:
        lowest, highest = USUAL_LIVER_SUV
        if not lowest <= liver <= highest:
            detail = f"Mean SUV of the liver {liver:.2f}, usually {lowest} to {highest}."
            found.append(Remark(Reason.LIVER_REFERENCE_UNUSUAL, detail))
    return tuple(found)


@dataclass(frozen=True)
class _Timer:
    """Announces stages and adds up their seconds."""

    progress: Callable[[str], None]
    clock: Callable[[], float]
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.progress(name)
        start = self.clock()
        yield
        self.seconds[name] = self.clock() - start
