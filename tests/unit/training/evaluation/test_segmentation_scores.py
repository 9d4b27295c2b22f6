"""An analysis against the truth."""

import numpy as np
import pytest

from config.finding import Analysis, Finding, FindingKind, LocationAnswer, Measurements, Totals
from config.tracers import Tracer
from config.vocabulary import vocabulary
from config.volume import Unit, Volume
from training.evaluation.lesion_f1 import Counts
from training.evaluation.segmentation_scores import NOTHING, components, score_analysis
from training.sample import LesionTruth, Sample

SHAPE = (4, 10, 10)


def box(first: int) -> tuple[slice, slice, slice]:
    """Two by two by two voxels, 8 ml in all."""
    return slice(0, 2), slice(0, 2), slice(first, first + 2)


@pytest.fixture
def sample() -> Sample:
    """Three lesions of SUV 6, 5 and 8."""
    suv, labels = np.zeros(SHAPE, dtype=np.float32), np.zeros(SHAPE, dtype=np.uint16)
    for label, (first, value) in enumerate(((0, 6.0), (4, 5.0), (8, 8.0)), start=1):
        suv[box(first)], labels[box(first)] = value, label
    volume = Volume(suv, np.diag([10.0, 10.0, 10.0, 1.0]), Unit.SUVBW)
    ct = Volume(np.zeros(SHAPE, dtype=np.float32), volume.affine, Unit.HOUNSFIELD)
    lesions = tuple(LesionTruth(label, None) for label in (1, 2, 3))
    return Sample("p", volume, ct, np.ones(SHAPE, dtype=np.bool_), labels, lesions)


def finding(number: int, kind: FindingKind, reason: str) -> Finding:
    measured = Measurements(6.0, 6.0, 6.0, 8.0, 48.0, 20.0, 20.0, (0.0, 0.0, 0.0), (0, 0, 0), (0, 1), 8)
    leaf = vocabulary().leaf("spleen")
    return Finding(number, kind, reason, 3.0, measured, LocationAnswer(leaf, 0.9, ((leaf, 0.9),)), "")


@pytest.fixture
def analysis() -> Analysis:
    """The first lesion is found in half, the second taken for brain, the third overlooked; one more is false."""
    labels = np.zeros(SHAPE, dtype=np.uint16)
    labels[0, 0:2, 0:2] = 1
    labels[box(4)] = 3
    labels[3, 9, 0:3] = 2
    findings = (
        finding(1, FindingKind.LESION, ""),
        finding(2, FindingKind.LESION, ""),
        finding(3, FindingKind.PHYSIOLOGIC, "It is the brain."),
    )
    return Analysis(Tracer.FDG, findings, labels, Totals(2, 0.0, 0.0, None, None), (), (), {}, {})


def test_physiologic_findings_are_no_lesions(sample: Sample, analysis: Analysis) -> None:
    """4 voxels shared, 24 true, 7 predicted; 3 false; 16 missed."""
    scores = score_analysis(sample, analysis, seconds=2.0)
    assert scores.dice == pytest.approx(2 * 4 / (24 + 7))
    assert (scores.false_positive_ml, scores.false_negative_ml) == pytest.approx((3.0, 16.0))
    assert scores.by_overlap == Counts(found=1, false=1, missed=2)


def test_missed_lesions_are_told_with_what_was_said_of_them(sample: Sample, analysis: Analysis) -> None:
    scores = score_analysis(sample, analysis, seconds=2.0)
    assert scores.obvious == 3
    assert scores.missed == {2: "It is the brain.", 3: NOTHING}


def test_components_touch_by_corners() -> None:
    mask = np.zeros(SHAPE, dtype=np.bool_)
    mask[0, 0, 0] = mask[1, 1, 1] = mask[3, 3, 3] = True
    assert sorted(np.unique(components(mask)).tolist()) == [0, 1, 2]
