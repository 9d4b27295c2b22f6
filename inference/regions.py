"""Regions: candidates joined into findings, measured and numbered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from config.finding import FindingKind, LabelMap, Measurements
from config.volume import Volume
from inference.segmentation.segment import Candidates
from inference.uptake.organ_parts import join_organ_parts
from inference.uptake.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Region:
    """A finding before it has a place: its number in the label map and what is known of it."""

    number: int
    verdict: Verdict
    threshold_suv: float
    measurements: Measurements


def number_regions(
    candidates: Candidates,
    verdicts: Mapping[int, Verdict],
    suv: Volume,
    measure: Callable[[LabelMap, Volume], Mapping[int, Measurements]],
) -> tuple[LabelMap, tuple[Region, ...]]:
    """Join the parts of organs, measure, and number: lesions by descending SUVmax, then physiologic uptake likewise.

    A joined region has the verdict of its first candidate, which is its hottest, and the lowest threshold of all.
    """
    joined = join_organ_parts(candidates.labels, suv, verdicts)
    labels = _relabelled(candidates.labels, joined)
    measured = measure(labels, suv)
    ordered = sorted(
        measured, key=lambda label: (verdicts[label].kind is not FindingKind.LESION, -measured[label].suv_max, label)
    )
    numbers = {label: number for number, label in enumerate(ordered, start=1)}
    regions = tuple(
        Region(
            number=numbers[label],
            verdict=verdicts[label],
            threshold_suv=min(candidates.thresholds[part] for part, whole in joined.items() if whole == label),
            measurements=measured[label],
        )
        for label in ordered
    )
    return _relabelled(labels, numbers), regions


def _relabelled(labels: LabelMap, numbers: Mapping[int, int]) -> LabelMap:
    table = np.zeros(max(numbers, default=0) + 1, dtype=np.uint16)
    for label, number in numbers.items():
        table[label] = number
    return table[labels]
