import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from config.volume import Unit, Volume


def volume(affine: np.ndarray) -> Volume:
    return Volume(np.zeros((4, 5, 6), np.float32), affine, Unit.SUVBW)


def test_spacing_follows_the_order_of_the_axes() -> None:
    affine = np.array([[0, 0, 2.0, 0], [0, 3.0, 0, 0], [5.0, 0, 0, 0], [0, 0, 0, 1]])
    np.testing.assert_allclose(volume(affine).spacing_mm, (5.0, 3.0, 2.0))


def test_voxel_volume_does_not_depend_on_handedness() -> None:
    affine = np.diag([-2.0, 3.0, 5.0, 1.0])
    assert volume(affine).voxel_volume_ml == pytest.approx(0.03)


@given(st.integers(0, 2**32 - 1), arrays(np.float64, (3, 3), elements=st.floats(-50, 50)))
def test_points_and_indices_are_inverse(seed: int, indices: np.ndarray) -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(rng=seed).as_matrix() @ np.diag([3.0, 2.0, 4.0])
    affine[:3, 3] = (10.0, -250.0, 80.0)
    np.testing.assert_allclose(volume(affine).indices(volume(affine).points_mm(indices)), indices, atol=1e-9)
