"""A patient's body is the reference body, stretched and bent as his habitus says."""

from dataclasses import replace

import numpy as np
import pytest

from training.cohort.habitus import Habitus, draw_habitus, reference_points
from training.cohort.pelvis import Build

AXES = (
    np.array([0.0, 110.0], dtype=np.float32),
    np.array([0.0, 50.0], dtype=np.float32),
    np.array([0.0, 60.0], dtype=np.float32),
)


@pytest.fixture
def straight() -> Habitus:
    """A tenth taller and a fifth broader than the reference body, and otherwise like it."""
    drawn = draw_habitus(np.random.default_rng(1), Build.MALE)
    upright = replace(drawn, kyphosis_mm=0.0, scoliosis_mm=0.0, lean_mm=0.0, knots=np.zeros_like(drawn.knots))
    return replace(upright, height=1.1, width=1.2, belly=1.0, chest=1.0)


def test_without_deformation_a_taller_patient_is_the_reference_body_stretched(straight: Habitus) -> None:
    z, _, x = reference_points(straight, AXES)
    assert z[1, 0, 0] - z[0, 0, 0] == pytest.approx(100.0, abs=0.01)
    assert x[0, 0, 1] - x[0, 0, 0] == pytest.approx(50.0, abs=0.01)


def test_kyphosis_carries_the_middle_of_the_trunk_backwards(straight: Habitus) -> None:
    # z = 165 mm of this patient is 1200 mm of the reference body, the middle between 900 and 1500 mm
    axes = (np.array([165.0], dtype=np.float32), *AXES[1:])
    _, before, _ = reference_points(straight, axes)
    _, after, _ = reference_points(replace(straight, kyphosis_mm=20.0), axes)
    assert after[0, 0, 0] - before[0, 0, 0] == pytest.approx(-20.0, abs=0.1)
