import itertools

import numpy as np
import pytest

from inference.engines.arrays import HostArrays
from inference.engines.comparison import TOLERANCES, agreement, noise_windows, seconds_per_window
from inference.engines.engine import Precision, WindowShape

SHAPE = WindowShape(2, 2, (6, 8, 10))
LOGITS = np.random.default_rng(2).normal(size=SHAPE.outputs(3)).astype(np.float32)


def test_the_same_logits_agree_in_every_precision():
    found = agreement(LOGITS, LOGITS.copy())
    assert (found.largest_difference, found.same_label) == (0.0, 1.0)
    assert all(found.within(tolerance) for tolerance in TOLERANCES.values())


def test_differences_are_in_standard_deviations_of_the_reference():
    shifted = 10.0 * LOGITS
    shifted[0, 0, 0, 0, 0] += 5.0
    assert agreement(10.0 * LOGITS, shifted).largest_difference == pytest.approx(0.5 / LOGITS.std(), rel=1e-4)


def test_exchanged_classes_do_not_agree():
    found = agreement(LOGITS, LOGITS[:, ::-1])
    assert found.same_label == 0.0
    assert not found.within(TOLERANCES[Precision.BF16])


def test_regions_are_labelled_each_on_its_own():
    both = np.full(SHAPE.outputs(1), 3.0, dtype=np.float32)
    one = both.copy()
    one[:, 1] = 1.0
    assert agreement(both, one, regions=True).same_label == 1.0
    one[:, 1] = -1.0
    assert agreement(both, one, regions=True).same_label == 0.5


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nothing_agrees_with_what_is_not_finite(value):
    broken = LOGITS.copy()
    broken[1, 0, 2, 3, 4] = value
    assert not agreement(LOGITS, broken).within(TOLERANCES[Precision.BF16])
    assert agreement(broken, broken).same_label == 0.0


def test_reduced_precision_is_told_from_a_wrong_network():
    halved = LOGITS.astype(np.float16).astype(np.float32)
    assert agreement(LOGITS, halved).within(TOLERANCES[Precision.FP16])
    assert not agreement(LOGITS, np.roll(LOGITS, 1, axis=-1)).within(TOLERANCES[Precision.BF16])


def test_everybody_gets_the_same_windows():
    assert noise_windows(SHAPE, 3).shape == SHAPE.inputs(3)
    np.testing.assert_array_equal(noise_windows(SHAPE), noise_windows(SHAPE))


def test_time_is_that_of_one_window_among_a_batch():
    class Engine:
        shape, batch, arrays = SHAPE, 4, HostArrays()

        def __call__(self, windows):
            return windows

    ticks = itertools.accumulate(itertools.cycle([100.0, 2.0]))
    assert seconds_per_window(Engine(), lambda: next(ticks)) == 0.5
