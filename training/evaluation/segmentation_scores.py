"""Segmentation scores: one patient's findings against the truth, by all rules."""

from collections.abc import Mapping
from dataclasses import replace

import cc3d
import numpy as np

from config.finding import Analysis, FindingKind, LabelMap
from training.evaluation.autopet import Mask, dice, false_negative_volume_ml, false_positive_volume_ml
from training.evaluation.lesion_f1 import Labels, match_by_overlap, match_by_suv_max
from training.evaluation.missed_lesions import missed, obvious_lesions
from training.evaluation.record import SegmentationScores
from training.sample import Sample

_CONNECTIVITY = 26
"""As in the pipeline."""

NOTHING = "nothing found there"


def score_analysis(sample: Sample, analysis: Analysis, seconds: float) -> SegmentationScores:
    """The lesions of an analysis; physiologic findings are none, and are named where a lesion was taken for one."""
    scores = score_labels(sample, lesion_labels(analysis), seconds)
    called = {each.number: each.reason for each in analysis.findings if each.kind is FindingKind.PHYSIOLOGIC}
    words = {label: _called(sample.labels == label, analysis, called) for label in scores.missed}
    return replace(scores, missed=words)


def score_labels(sample: Sample, predicted: Labels, seconds: float) -> SegmentationScores:
    """A label map of lesions, on the grid of the PET."""
    truth, mask, volume_ml = sample.labels > 0, predicted > 0, sample.suv.voxel_volume_ml
    return SegmentationScores(
        dice=dice(truth, mask),
        false_positive_ml=false_positive_volume_ml(truth, mask, volume_ml),
        false_negative_ml=false_negative_volume_ml(truth, mask, volume_ml),
        by_overlap=match_by_overlap(sample.labels, predicted),
        by_suv_max=match_by_suv_max(sample.labels, predicted, sample.suv.values),
        obvious=len(obvious_lesions(sample.labels, sample.suv)),
        missed=dict.fromkeys(missed(sample.labels, mask, sample.suv), NOTHING),
        seconds=seconds,
    )


def lesion_labels(analysis: Analysis) -> LabelMap:
    """The label map of an analysis without its physiologic findings."""
    numbers = [finding.number for finding in analysis.lesions]
    return np.where(np.isin(analysis.labels, numbers), analysis.labels, np.uint16(0))


def components(mask: Mask) -> Labels:
    """The connected components of a mask, numbered."""
    return np.asarray(cc3d.connected_components(mask, connectivity=_CONNECTIVITY))


def _called(lesion: Mask, analysis: Analysis, called: Mapping[int, str]) -> str:
    """Why the uptake there was held to be physiologic: the reason of the finding with most of its voxels."""
    numbers = np.bincount(analysis.labels[lesion], minlength=1)
    numbers[0] = 0
    return called.get(int(numbers.argmax()), NOTHING) if numbers.any() else NOTHING
