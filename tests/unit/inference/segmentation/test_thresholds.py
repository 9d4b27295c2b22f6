import numpy as np
import pytest

from config.reasons import Reason
from config.thresholds import ThresholdRule
from config.tracers import PROFILES, Tracer
from inference.segmentation.thresholds import IterativeThreshold, Neighbourhood, fixed_threshold

LIVER = {"liver_mean": 2.0, "liver_sd": 0.3}


def around(suv, territory=None, background=None):
    everything = np.ones(suv.shape, dtype=bool)
    return Neighbourhood(
        suv=suv.astype(np.float32),
        territory=everything if territory is None else territory,
        background=everything if background is None else background,
        peak=tuple(int(i) for i in np.unravel_index(suv.argmax(), suv.shape)),
        spacing_mm=np.array([2.0, 2.0, 2.0]),
    )


def distance_mm(shape=(41, 41, 41)):
    return 2.0 * np.linalg.norm(np.indices(shape) - np.array(shape).reshape(3, 1, 1, 1) // 2, axis=0)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (ThresholdRule.SUV_2_5, 2.5),
        (ThresholdRule.SUV_3, 3.0),
        (ThresholdRule.SUV_4, 4.0),
        (ThresholdRule.LIVER_2SD, 2.6),
        (ThresholdRule.PERCIST, 3.6),
        (ThresholdRule.ITERATIVE, None),
        (ThresholdRule.PERCENT_41, None),
        (ThresholdRule.PERCENT_50, None),
    ],
)
def test_fixed_rules(rule, expected):
    threshold, remarks = fixed_threshold(rule, LIVER, PROFILES[Tracer.FDG])
    assert threshold == (None if expected is None else pytest.approx(expected))
    assert remarks == ()


@pytest.mark.parametrize("rule", [ThresholdRule.LIVER_2SD, ThresholdRule.PERCIST])
def test_without_a_liver_the_customary_threshold_is_used_and_said(rule):
    threshold, remarks = fixed_threshold(rule, {}, PROFILES[Tracer.PSMA])
    assert threshold == 3.0
    assert [remark.reason for remark in remarks] == [Reason.LIVER_REFERENCE_MISSING]


def test_uniform_sphere_is_cut_half_way_to_its_background():
    suv = np.where(distance_mm() <= 14.0, 10.0, 2.0)
    threshold, background = IterativeThreshold()(around(suv), 10.0)
    assert background == pytest.approx(2.0)
    assert threshold == pytest.approx(6.0)


def test_blurred_edge_is_found_where_it_is():
    edge_mm = 16.0
    suv = 1.0 + 9.0 / (1.0 + np.exp((distance_mm() - edge_mm) / 1.5))
    region = around(suv).above(IterativeThreshold()(around(suv), float(suv.max()))[0])
    radius_mm = (3.0 * region.sum() * 8.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
    assert radius_mm == pytest.approx(edge_mm, abs=0.5)


def test_what_is_no_background_does_not_raise_the_threshold():
    suv = np.where(distance_mm() <= 8.0, 10.0, 1.0)
    suv[:, :, :8] = 9.0
    kidney = suv == 9.0
    with_kidney = IterativeThreshold()(around(suv, ~kidney), 10.0)[0]
    without = IterativeThreshold()(around(suv, ~kidney, ~kidney), 10.0)[0]
    assert without == pytest.approx(5.5)
    assert with_kidney > without


def test_threshold_stays_below_seventy_percent_of_the_maximum():
    suv = np.where(distance_mm() <= 8.0, 10.0, 9.0)
    assert IterativeThreshold()(around(suv, distance_mm() <= 16.0), 10.0)[0] == pytest.approx(7.0)


def test_threshold_stays_above_a_noisy_background():
    noise = np.where(np.indices((41, 41, 41)).sum(axis=0) % 2, 1.0, 5.0)
    suv = np.where(distance_mm() <= 8.0, 14.0, noise)
    threshold, background = IterativeThreshold()(around(suv), 14.0)
    assert background == pytest.approx(3.0, abs=0.05)
    assert threshold == pytest.approx(max(3.0 + 0.5 * 11.0, 3.0 + 2 * 2.0), abs=0.05)


def test_a_leak_is_closed_by_raising_the_threshold():
    suv = np.where(distance_mm() <= 6.0, 10.0, 0.5)
    suv[:, :, :18] = 4.9
    leaky = IterativeThreshold(contrast=0.3, leak_ml=20.0)
    cut = around(suv).above(leaky(around(suv), 10.0)[0])
    open_cut = around(suv).above(IterativeThreshold(contrast=0.3, leak_ml=1e6)(around(suv), 10.0)[0])
    assert cut.sum() == (suv == 10.0).sum()
    assert open_cut.sum() > 10 * cut.sum()


def test_only_what_hangs_together_with_the_peak_is_taken():
    suv = np.zeros((9, 9, 9))
    suv[2, 2, 2], suv[3, 3, 3], suv[6, 6, 6] = 8.0, 7.0, 7.0
    assert np.argwhere(around(suv).above(5.0)).tolist() == [[2, 2, 2], [3, 3, 3]]
