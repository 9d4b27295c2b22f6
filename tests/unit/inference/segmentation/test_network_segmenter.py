from dataclasses import replace
from types import SimpleNamespace

import cc3d
import numpy as np
import pytest

from config.finding import FindingKind
from config.reasons import Reason, Refused
from config.thresholds import Delineation, ThresholdRule
from config.tracers import PROFILES, Tracer
from config.volume import Unit, Volume
from inference.options import Options
from inference.segmentation.network_segmenter import MaskClass, NetworkSegmenter

SPACING = np.array([3.0, 4.0, 4.0])
SHAPE = (40, 50, 60)
LESION = MaskClass(1, "lesion", FindingKind.LESION)
NORMAL = MaskClass(2, "normal uptake", FindingKind.PHYSIOLOGIC)
NODE, MASS = (20, 25, 15), (20, 25, 45)


def distance_mm(centre):
    offsets = (np.indices(SHAPE) - np.reshape(centre, (3, 1, 1, 1))) * SPACING.reshape(3, 1, 1, 1)
    return np.sqrt((offsets**2).sum(axis=0))


def ball(centre, radius_mm):
    return distance_mm(centre) <= radius_mm


def blob(centre, peak, sigma_mm):
    return peak * np.exp(-(distance_mm(centre) ** 2) / (2.0 * sigma_mm**2))


def volume(*blobs):
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, ::-1] * SPACING
    return Volume((1.0 + sum(blobs)).astype(np.float32), affine, Unit.SUVBW)


SUV = volume(blob(NODE, 8.0, 8), blob(MASS, 16.0, 8))
CT = replace(SUV, unit=Unit.HOUNSFIELD)


def segmenter(mask, classes=(LESION,), delineation=Delineation.NETWORK, channels=("PET",)):
    return NetworkSegmenter(lambda volumes: mask.astype(np.uint16), channels, classes, "toy 1.0", delineation)


def segment(mask, suv=SUV, ct=None, rule=ThresholdRule.SUV_4, minimum_volume_ml=0.3, **chosen):
    anatomy = SimpleNamespace(body=np.ones(SHAPE, dtype=bool), references={})
    options = Options(PROFILES[Tracer.FDG], rule, minimum_volume_ml)
    return segmenter(mask, **chosen)(suv, ct, anatomy, options)


def test_what_is_marked_becomes_candidates_hottest_first():
    found = segment(ball(NODE, 12) | ball(MASS, 12))
    assert (found.labels[MASS], found.labels[NODE]) == (1, 2)
    np.testing.assert_array_equal(found.labels > 0, ball(NODE, 12) | ball(MASS, 12))


def test_the_reported_threshold_is_the_lowest_uptake_inside():
    found = segment(ball(NODE, 12))
    assert found.thresholds[1] == SUV.values[ball(NODE, 12)].min()


def test_touching_lesions_are_told_apart_at_their_saddle():
    close = (20, 25, 23)
    suv = volume(blob(NODE, 10.0, 7), blob(close, 14.0, 7))
    mask = ball(NODE, 18) | ball(close, 18)
    assert cc3d.connected_components(mask, connectivity=26).max() == 1
    found = segment(mask, suv)
    assert sorted(found.thresholds) == [1, 2]
    assert (found.labels[close], found.labels[NODE]) == (1, 2)
    np.testing.assert_array_equal(found.labels > 0, mask)


def test_specks_are_left_out():
    speck = np.zeros(SHAPE, dtype=bool)
    speck[5, 5, 5] = True
    found = segment(ball(NODE, 12) | speck)
    assert found.labels[5, 5, 5] == 0
    assert list(found.thresholds) == [1]


def test_the_network_says_what_is_a_lesion_and_what_is_not():
    mask = ball(NODE, 12) + 2 * ball(MASS, 12)
    found = segment(mask, classes=(LESION, NORMAL))
    assert [found.verdicts[label].kind for label in (1, 2)] == [FindingKind.PHYSIOLOGIC, FindingKind.LESION]
    assert found.verdicts[2].reason == "Segmented as lesion by toy 1.0."
    assert found.verdicts[1].organ is None


def test_nothing_marked_is_a_result():
    found = segment(np.zeros(SHAPE, dtype=bool))
    assert not found.thresholds
    assert not found.labels.any()


@pytest.mark.parametrize("radius_mm", [6, 30])
def test_a_mask_is_clipped_to_the_threshold_and_grown_up_to_it(radius_mm):
    found = segment(ball(NODE, radius_mm), delineation=Delineation.THRESHOLD)
    expected = (SUV.values >= 4.0) & (distance_mm(NODE) < distance_mm(MASS))
    np.testing.assert_array_equal(found.labels == 1, expected)
    assert found.thresholds == {1: 4.0}


@pytest.mark.parametrize("rule", list(ThresholdRule))
def test_every_lesion_is_consistent_with_its_threshold(rule):
    found = segment(ball(NODE, 12) | ball(MASS, 12), delineation=Delineation.THRESHOLD, rule=rule)
    assert sorted(found.thresholds) == [1, 2]
    for label, threshold in found.thresholds.items():
        assert SUV.values[found.labels == label].min() >= threshold


def test_growth_stops_where_hotter_uptake_begins_that_was_not_marked():
    close = (20, 25, 23)
    suv = volume(blob(NODE, 10.0, 7), blob(close, 30.0, 7))
    found = segment(ball(NODE, 8), suv, delineation=Delineation.THRESHOLD)
    assert found.labels[NODE] == 1
    assert found.labels[close] == 0


def test_what_does_not_reach_the_threshold_is_left_out_and_said():
    faint = volume(blob(NODE, 2.0, 8), blob(MASS, 16.0, 8))
    found = segment(ball(NODE, 12) | ball(MASS, 12), faint, delineation=Delineation.THRESHOLD)
    assert list(found.thresholds) == [1]
    (remark,) = found.remarks
    assert remark.reason is Reason.BELOW_THRESHOLD
    assert remark.detail == "1 of 2 regions of toy 1.0 do not reach suv-4.0."


def test_a_bundle_that_reads_a_ct_refuses_a_study_without_one():
    with pytest.raises(Refused, match=r"toy 1\.0 reads a CT") as refused:
        segment(ball(NODE, 12), channels=("PET", "CT"))
    assert refused.value.reason is Reason.NO_CT


def test_the_network_gets_the_volumes_that_it_names():
    given = {}

    def network(volumes):
        given.update(volumes)
        return np.zeros(SHAPE, dtype=np.uint16)

    toy = NetworkSegmenter(network, ("CT", "PET"), (LESION,), "toy 1.0")
    toy(SUV, CT, SimpleNamespace(references={}), Options(PROFILES[Tracer.FDG]))
    assert given == {"CT": CT, "PET": SUV}


def test_provenance_names_the_threshold_only_where_it_mattered():
    options = Options(PROFILES[Tracer.FDG], ThresholdRule.SUV_4)
    mask = ball(NODE, 12)
    assert "threshold" not in segmenter(mask).parameters(options)
    steered = segmenter(mask, delineation=Delineation.THRESHOLD).parameters(options)
    assert steered == {"delineation": "threshold", "threshold": "suv-4.0", "minimum_volume_ml": "0.3"}
