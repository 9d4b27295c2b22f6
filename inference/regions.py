"""Regions: candidates joined into findings, measured and numbered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cc3d
import numpy as np
from scipy import ndimage

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

    A joined region has the verdict of its first candidate, which is its hottest, and the lowest threshold of all: it
    is what in the territories of its parts lies at or above that and hangs together with one of them.
    """
    joined = join_organ_parts(candidates.labels, suv, verdicts)
    thresholds = {whole: _lowest(candidates, joined, whole) for whole in sorted(set(joined.values()))}
    labels = _to_lowest_threshold(candidates, joined, thresholds, suv)
    measured = measure(labels, suv)
    ordered = sorted(
        measured, key=lambda label: (verdicts[label].kind is not FindingKind.LESION, -measured[label].suv_max, label)
    )
    numbers = {label: number for number, label in enumerate(ordered, start=1)}
    regions = tuple(
        Region(
            number=numbers[label],
            verdict=verdicts[label],
            threshold_suv=thresholds[label],
            measurements=measured[label],
        )
        for label in ordered
    )
    return _relabelled(labels, numbers), regions


def _lowest(candidates: Candidates, joined: Mapping[int, int], whole: int) -> float:
    return min(candidates.thresholds[part] for part, into in joined.items() if into == whole)


def _to_lowest_threshold(
    candidates: Candidates, joined: Mapping[int, int], thresholds: Mapping[int, float], suv: Volume
) -> LabelMap:
    """The parts of organs as one label each, grown to the threshold that they share."""
    labels = _relabelled(candidates.labels, joined)
    territories = _relabelled(candidates.territories, joined)
    boxes = ndimage.find_objects(territories)
    for whole in sorted({whole for part, whole in joined.items() if part != whole}):
        box = boxes[whole - 1]
        above = (territories[box] == whole) & (suv.values[box] >= thresholds[whole])
        pieces = cc3d.connected_components(above, connectivity=26)
        labels[box][np.isin(pieces, np.unique(pieces[labels[box] == whole]))] = whole
    return labels


def _relabelled(labels: LabelMap, numbers: Mapping[int, int]) -> LabelMap:
    table = np.zeros(max(numbers, default=0) + 1, dtype=np.uint16)
    for label, number in numbers.items():
        table[label] = number
    return table[labels]
