from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from config.volume import Unit, Volume
from inference.grid import AIR_HU, on_grid_of


def grid(shape, spacing, axes=None, centre=(0.0, 0.0, 0.0), values=None):
    """A volume whose middle lies at ``centre``; ``axes`` are the directions of its array axes, as columns."""
    directions = np.eye(3)[:, ::-1] if axes is None else axes
    affine = np.eye(4)
    affine[:3, :3] = directions * np.asarray(spacing, dtype=float)
    affine[:3, 3] = np.asarray(centre) - affine[:3, :3] @ ((np.asarray(shape) - 1) / 2.0)
    filled = np.zeros(shape, dtype=np.float32) if values is None else np.asarray(values, dtype=np.float32)
    return Volume(filled, affine, Unit.HOUNSFIELD)


def points_of(volume):
    return volume.points_mm(np.argwhere(np.ones(volume.shape, dtype=bool)))


def with_ramp(volume):
    """HU that is a linear function of the place in the patient."""
    ramp = points_of(volume) @ np.array([0.7, -1.1, 0.4]) + 50.0
    return Volume(ramp.reshape(volume.shape).astype(np.float32), volume.affine, volume.unit)


def test_voxel_of_whole_blocks_is_their_mean():
    values = np.random.default_rng(1).normal(0, 200, (6, 16, 20))
    fine = grid((6, 16, 20), (1.5, 1, 1), values=values)
    coarse = grid((3, 4, 5), (3.0, 4.0, 4.0))
    blocks = values.reshape(3, 2, 4, 4, 5, 4).mean(axis=(1, 3, 5))
    np.testing.assert_allclose(on_grid_of(coarse, fine).values, blocks, atol=1e-3)


def test_voxel_counts_with_the_volume_it_shares():
    fine = grid((1, 1, 3), (1, 1, 2.0), values=[[[0.0, 100.0, 400.0]]])
    coarse = grid((1, 1, 1), (1, 1, 3.0), values=[[[0.0]]])
    assert on_grid_of(coarse, fine).values.item() == pytest.approx((0.5 * 0 + 2 * 100 + 0.5 * 400) / 3)


def test_stripes_finer_than_the_target_do_not_alias():
    stripes = np.broadcast_to(np.where(np.arange(64) % 2, 1000.0, 0.0), (4, 64, 64))
    result = on_grid_of(grid((4, 15, 15), (1, 4.0, 4.0)), grid((4, 64, 64), (1, 1, 1), values=stripes))
    np.testing.assert_allclose(result.values, 500.0, atol=1e-2)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, -1)])
def test_axes_of_the_ct_may_be_in_any_order_and_direction(order, signs):
    axes = np.eye(3)[:, list(order)] * np.array(signs)
    fine = with_ramp(grid((40, 40, 40), (1.0, 1.2, 0.9), axes))
    coarse = grid((5, 6, 7), (3.3, 4.1, 3.7), centre=(1, -2, 0.5))
    expected = with_ramp(coarse).values
    np.testing.assert_allclose(on_grid_of(coarse, fine).values, expected, atol=0.1)


@settings(max_examples=15, deadline=None)
@given(turns=st.tuples(*[st.floats(-180, 180)] * 3))
def test_a_ramp_stays_a_ramp_between_grids_turned_against_each_other(turns):
    fine = with_ramp(grid((48, 48, 48), (1, 1, 1), Rotation.from_euler("xyz", turns, degrees=True).as_matrix()))
    coarse = grid((4, 5, 4), (4.0, 4.0, 4.0))
    np.testing.assert_allclose(on_grid_of(coarse, fine).values, with_ramp(coarse).values, atol=0.1)


def test_oblique_averaging_agrees_with_the_exact_one_for_a_small_tilt():
    blob = np.exp(-((points_of(grid((60, 60, 60), (1, 1, 1))) ** 2).sum(axis=1)) / (2 * 8.0**2)).reshape(60, 60, 60)
    straight = grid((60, 60, 60), (1, 1, 1), values=1000 * blob)
    tilt = np.eye(3)[:, ::-1] @ Rotation.from_euler("x", 20, degrees=True).as_matrix()
    tilted = grid((60, 60, 60), (1, 1, 1), tilt, values=1000 * blob)
    coarse = grid((9, 9, 9), (4.0, 4.0, 4.0))
    exact, sampled = on_grid_of(coarse, straight).values, on_grid_of(coarse, tilted).values
    assert np.abs(exact - sampled).max() < 10.0


@pytest.mark.parametrize("tilt", [0.0, 30.0])
def test_outside_the_ct_there_is_air(tilt):
    axes = np.eye(3)[:, ::-1] @ Rotation.from_euler("x", tilt, degrees=True).as_matrix()
    small = grid((10, 10, 10), (1, 1, 1), axes, values=np.full((10, 10, 10), 40.0))
    result = on_grid_of(grid((11, 11, 11), (3.0, 3.0, 3.0)), small).values
    assert result[5, 5, 5] == pytest.approx(40.0, abs=1e-3)
    assert result[0, 0, 0] == AIR_HU
    assert set(np.unique(np.round(result)).tolist()) <= {-1024.0, 40.0}


def test_padding_of_the_scanner_counts_as_air():
    padded = grid((1, 2, 2), (1, 1, 1), values=[[[-3024.0, -3024.0], [0.0, 0.0]]])
    coarse = grid((1, 1, 1), (1, 2.0, 2.0), values=[[[0.0]]])
    assert on_grid_of(coarse, padded).values.item() == pytest.approx(-512.0)


def test_result_has_the_target_s_grid_and_the_ct_s_unit():
    coarse = Volume(np.zeros((3, 4, 5), np.float32), np.diag([3.0, 3.0, 3.0, 1.0]), Unit.SUVBW)
    result = on_grid_of(coarse, grid((9, 9, 9), (1, 1, 1)))
    assert result.shape == coarse.shape
    assert result.unit is Unit.HOUNSFIELD
    np.testing.assert_array_equal(result.affine, coarse.affine)
