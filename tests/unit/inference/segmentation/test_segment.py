from types import SimpleNamespace

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from config.reasons import Reason
from config.thresholds import ThresholdRule
from config.tracers import PROFILES, Tracer
from config.volume import Unit, Volume
from inference.options import Options
from inference.segmentation.segment import BasinSegmenter

SPACING = np.array([3.0, 4.0, 4.0])
SHAPE = (40, 50, 60)
LIVER = {"liver_mean": 2.0, "liver_sd": 0.2}
FDG = PROFILES[Tracer.FDG]


def blob(centre, peak, sigma_mm):
    offsets = (np.indices(SHAPE) - np.reshape(centre, (3, 1, 1, 1))) * SPACING.reshape(3, 1, 1, 1)
    return peak * np.exp(-(offsets**2).sum(axis=0) / (2.0 * sigma_mm**2))


def patient(*blobs, background=1.0, noise=0.05):
    values = background + np.random.default_rng(5).normal(0, noise, SHAPE)
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, ::-1] * SPACING
    return Volume((values + sum(blobs)).astype(np.float32), affine, Unit.SUVBW)


def segment(suv, rule=ThresholdRule.ITERATIVE, minimum_volume_ml=0.3, references=None, profile=FDG, liver=None):
    anatomy = SimpleNamespace(
        body=np.ones(suv.shape, dtype=bool),
        references=LIVER if references is None else references,
        frame=SimpleNamespace(on_grid=lambda mask, volume: mask),
        liver=np.zeros(suv.shape, dtype=bool) if liver is None else liver,
    )
    return BasinSegmenter()(suv, None, anatomy, Options(profile, rule, minimum_volume_ml))


NODE, KIDNEY = (20, 25, 20), (20, 25, 31)


def test_everything_hot_is_a_candidate_and_the_hottest_comes_first():
    found = segment(patient(blob((10, 10, 10), 6.0, 8), blob((30, 40, 50), 12.0, 8)))
    assert sorted(found.thresholds) == [1, 2]
    assert found.labels[30, 40, 50] == 1
    assert found.labels[10, 10, 10] == 2


def test_a_quiet_study_has_no_candidates():
    found = segment(patient())
    assert found.thresholds == {}
    assert not found.labels.any()
    assert found.labels.shape == SHAPE


def test_a_node_beside_a_kidney_is_a_candidate_of_its_own():
    suv = patient(blob(NODE, 9.0, 6), blob(KIDNEY, 40.0, 10))
    found = segment(suv)
    node, kidney = found.labels[NODE], found.labels[KIDNEY]
    assert node != kidney
    assert min(node, kidney) > 0
    assert np.ptp(np.argwhere(found.labels == node)[:, 2]) * SPACING[2] < 40.0
    assert found.thresholds[node] < found.thresholds[kidney]


def test_warm_tissue_that_does_not_stand_out_is_no_candidate():
    bump = blob((20, 25, 30), 1.2, 9)
    assert segment(patient(bump, background=1.6, noise=0.02), references={}).thresholds
    assert not segment(patient(bump, background=2.4, noise=0.02), references={}).thresholds


def test_seeds_must_rise_above_the_liver_of_an_fdg_study():
    suv = patient(blob(NODE, 3.0, 8))
    assert segment(suv).thresholds
    assert not segment(suv, references={"liver_mean": 4.0, "liver_sd": 0.2}).thresholds
    assert segment(suv, references={"liver_mean": 4.0, "liver_sd": 0.2}, profile=PROFILES[Tracer.PSMA]).thresholds


@pytest.mark.parametrize("rule", list(ThresholdRule))
def test_labels_are_consistent_with_their_thresholds(rule):
    suv = patient(blob((10, 10, 10), 8.0, 7), blob(NODE, 9.0, 6), blob(KIDNEY, 30.0, 9), noise=0.3)
    found = segment(suv, rule)
    assert found.thresholds
    assert sorted(found.thresholds) == np.unique(found.labels[found.labels > 0]).tolist()
    maxima = [suv.values[found.labels == label].max() for label in sorted(found.thresholds)]
    assert maxima == sorted(maxima, reverse=True)
    for label, threshold in found.thresholds.items():
        region = found.labels == label
        assert suv.values[region].min() >= threshold
        assert cc3d.connected_components(region, connectivity=26).max() == 1
        assert region.sum() * suv.voxel_volume_ml >= 0.3


@pytest.mark.parametrize(("rule", "fraction"), [(ThresholdRule.PERCENT_41, 0.41), (ThresholdRule.PERCENT_50, 0.5)])
def test_relative_rules_take_a_fraction_of_the_maximum(rule, fraction):
    suv = patient(blob(NODE, 10.0, 9))
    found = segment(suv, rule)
    assert found.thresholds[1] == pytest.approx(fraction * suv.values.max(), rel=1e-6)
    np.testing.assert_array_equal(found.labels == 1, suv.values >= found.thresholds[1])


@pytest.mark.parametrize(
    ("rule", "threshold"),
    [
        (ThresholdRule.SUV_2_5, 2.5),
        (ThresholdRule.SUV_3, 3.0),
        (ThresholdRule.SUV_4, 4.0),
        (ThresholdRule.LIVER_2SD, 2.4),
        (ThresholdRule.PERCIST, 3.4),
    ],
)
def test_fixed_rules_take_every_voxel_at_or_above_them(rule, threshold):
    suv = patient(blob((10, 10, 10), 8.0, 7), blob(NODE, 9.0, 6), blob(KIDNEY, 30.0, 9))
    found = segment(suv, rule)
    assert list(found.thresholds.values()) == pytest.approx([threshold] * len(found.thresholds))
    assert found.thresholds
    np.testing.assert_array_equal(found.labels > 0, suv.values >= threshold)


def test_a_rule_that_needs_a_liver_says_so_when_there_is_none():
    found = segment(patient(blob(NODE, 10.0, 9)), ThresholdRule.PERCIST, references={})
    assert [remark.reason for remark in found.remarks] == [Reason.LIVER_REFERENCE_MISSING]
    assert found.thresholds == {1: FDG.fixed_suv}


def test_small_candidates_are_left_out():
    suv = patient(blob(NODE, 10.0, 9), blob((10, 10, 45), 10.0, 4))
    sizes = {label: (segment(suv).labels == label).sum() * suv.voxel_volume_ml for label in (1, 2)}
    found = segment(suv, minimum_volume_ml=min(sizes.values()) + 0.01)
    assert len(found.thresholds) == 1
    assert found.labels[NODE] == 1


def test_delineation_recovers_the_extent_of_a_sphere():
    inside = np.linalg.norm((np.indices(SHAPE) - np.reshape(NODE, (3, 1, 1, 1))) * SPACING.reshape(3, 1, 1, 1), axis=0)
    edges = 9.0 / (1.0 + np.exp((inside - 18.0) / 2.0))
    suv = patient(edges)
    found = segment(suv)
    volume_ml = (found.labels == 1).sum() * suv.voxel_volume_ml
    assert volume_ml == pytest.approx(4.0 / 3.0 * np.pi * 1.8**3, rel=0.1)


def test_the_same_input_gives_the_same_labels():
    suv = patient(blob(NODE, 9.0, 6), blob(KIDNEY, 40.0, 10), noise=0.5)
    first, second = segment(suv), segment(suv)
    np.testing.assert_array_equal(first.labels, second.labels)
    assert first.thresholds == second.thresholds


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_how_the_array_is_stored_does_not_matter(axis):
    suv = patient(blob(NODE, 9.0, 6), blob(KIDNEY, 40.0, 10), noise=0.3)
    affine = suv.affine.copy()
    affine[:3, 3] += affine[:3, axis] * (SHAPE[axis] - 1)
    affine[:3, axis] *= -1
    mirrored = Volume(np.ascontiguousarray(np.flip(suv.values, axis)), affine, Unit.SUVBW)
    np.testing.assert_array_equal(np.flip(segment(mirrored).labels, axis), segment(suv).labels)


@given(seed=st.integers(0, 2**16), rule=st.sampled_from(list(ThresholdRule)))
@settings(max_examples=15, deadline=None)
def test_a_candidate_is_all_that_in_its_territory_reaches_its_threshold(seed, rule):
    random = np.random.default_rng(seed)
    places = random.integers(8, np.array(SHAPE) - 8, size=(5, 3))
    suv = patient(*(blob(place, random.uniform(3, 30), random.uniform(4, 10)) for place in places), noise=0.3)
    found = segment(suv, rule)
    for label, threshold in found.thresholds.items():
        region, territory = found.labels == label, found.territories == label
        assert territory[region].all()
        assert suv.values[region].min() >= threshold
        beside = ndimage.binary_dilation(region, np.ones((3, 3, 3))) & territory & ~region
        assert not (suv.values[beside] >= threshold).any()


def test_the_background_leaves_out_what_spills_from_a_hotter_neighbour():
    node = blob(NODE, 9.0, 6)
    alone, beside = segment(patient(node)), segment(patient(node, blob(KIDNEY, 40.0, 8)))
    assert beside.thresholds[beside.labels[NODE]] == pytest.approx(alone.thresholds[alone.labels[NODE]], rel=0.05)


def test_a_liver_that_reaches_a_fixed_threshold_stays_apart_from_a_kidney_against_it():
    middle = np.abs(np.indices(SHAPE) - np.reshape(NODE, (3, 1, 1, 1))) * SPACING.reshape(3, 1, 1, 1)
    liver = (middle < 40.0).all(axis=0)
    suv = patient(1.6 * liver, blob(KIDNEY, 15.0, 8))
    reaching = {"liver_mean": 2.6, "liver_sd": 0.1}
    together = segment(suv, ThresholdRule.SUV_2_5, references=reaching)
    assert together.labels[NODE] == together.labels[KIDNEY]
    apart = segment(suv, ThresholdRule.SUV_2_5, references=reaching, liver=liver)
    assert apart.labels[NODE] != apart.labels[KIDNEY]
    assert min(apart.labels[NODE], apart.labels[KIDNEY]) > 0
