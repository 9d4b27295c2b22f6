import numpy as np
import pytest

from config.volume import Unit, Volume
from inference.density import density_of

VALUES = np.full((4, 4, 4), -1024.0, dtype=np.float32)
VALUES[1] = np.linspace(0.0, 150.0, 16).reshape(4, 4)
CT = Volume(VALUES, np.eye(4), Unit.HOUNSFIELD)
SLICE = np.argwhere(np.ones((1, 4, 4), dtype=bool))


def test_density_is_the_mean_and_the_dense_end_of_what_lies_there():
    found = density_of(SLICE + np.array([1, 0, 0]), CT)
    assert found is not None
    assert found.mean_hu == pytest.approx(75.0)
    assert found.highest_hu == pytest.approx(142.5)


def test_outside_the_ct_there_is_no_density():
    assert density_of(SLICE, CT) is None
    assert density_of(SLICE, None) is None


def test_a_finding_half_outside_the_ct_is_judged_by_the_part_inside():
    found = density_of(np.concatenate([SLICE, SLICE + np.array([1, 0, 0])]), CT)
    assert found is not None
    assert found.mean_hu == pytest.approx(75.0)
