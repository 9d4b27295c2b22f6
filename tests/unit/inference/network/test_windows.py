from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.network.windows import importance, padding, positions


def test_the_published_example() -> None:
    """nnU-Net, sliding_window_prediction.py: image 110, patch 64, step 0.5 → 0, 23, 46."""
    assert [start for start, _, _ in positions((110, 64, 64), (64, 64, 64), 0.5)] == [0, 23, 46]


def test_halves_are_rounded_to_even_as_numpy_does() -> None:
    assert [start for _, _, start in positions((8, 8, 11), (8, 8, 4), 0.5)] == [0, 2, 4, 5, 7]


def test_windows_come_in_the_order_of_their_first_slice() -> None:
    starts = positions((20, 12, 12), (8, 8, 8), 0.5)
    assert starts == sorted(starts)


def test_a_volume_smaller_than_the_patch_has_no_windows() -> None:
    with pytest.raises(ValueError, match="no windows"):
        positions((7, 8, 8), (8, 8, 8), 0.5)


@given(st.integers(1, 40), st.integers(0, 90), st.sampled_from([0.25, 0.5, 0.75, 1.0]))
def test_windows_reach_both_ends_and_lie_no_further_apart_than_the_step(patch: int, more: int, step: float) -> None:
    starts = [start for start, _, _ in positions((patch + more, 1, 1), (patch, 1, 1), step)]
    assert starts[0] == 0
    assert starts[-1] == more
    assert all(after - before <= np.ceil(patch * step) for before, after in pairwise(starts))


def test_importance_is_a_gaussian_of_an_eighth_of_the_patch_with_peak_10() -> None:
    weights = importance((16, 16, 32))
    assert weights[8, 8, 16] == 10.0
    assert weights[10, 8, 16] == pytest.approx(10.0 * np.exp(-0.5), rel=2e-3)
    assert weights[8, 8, 20] == pytest.approx(10.0 * np.exp(-0.5), rel=2e-3)


def test_every_voxel_has_some_importance() -> None:
    """float16 has nothing between 0 and 2⁻²⁴; corners are given that."""
    assert importance((32, 32, 32)).min() == np.float32(2.0**-24)


def test_the_odd_voxel_of_padding_goes_after() -> None:
    assert padding((5, 8, 11), (8, 8, 8)) == ((1, 2), (0, 0), (0, 0))
