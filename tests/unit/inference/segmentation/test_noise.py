import numpy as np
import pytest

from inference.segmentation.noise import noise_of_slices

SHAPE = (6, 60, 60)
BODY = np.zeros(SHAPE, dtype=bool)
BODY[:5, 10:50, 10:50] = True


def scan(deviations):
    """A body of SUV 2 with white noise of given deviations, one for each slice."""
    noise = np.random.default_rng(0).normal(0.0, 1.0, SHAPE) * np.reshape(deviations, (-1, 1, 1))
    return (2.0 * BODY + noise).astype(np.float32)


def test_each_slice_has_its_own_noise():
    found = noise_of_slices(scan([0.4, 0.2, 0.2, 0.2, 0.4, 0.2]), BODY)
    assert found[:5] == pytest.approx([0.4, 0.2, 0.2, 0.2, 0.4], rel=0.12)


def test_a_hot_organ_is_no_noise():
    hot = scan([0.2] * 6)
    hot[:, 20:35, 20:35] += 12.0
    assert noise_of_slices(hot, BODY)[:5] == pytest.approx([0.2] * 5, rel=0.15)


def test_a_slice_without_body_has_none():
    assert noise_of_slices(scan([0.2] * 6), BODY)[5] == 0.0
