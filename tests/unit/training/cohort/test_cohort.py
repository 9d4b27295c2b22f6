"""Splits and seeds of the cohort share no patient."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.cohort.cohort import Cohort, Split
from training.cohort.habitus import draw_habitus
from training.cohort.pelvis import Build

numbers = st.integers(0, 10**6)
cohorts = st.builds(Cohort, atlases=st.just({}), split=st.sampled_from(Split), count=st.just(10**6), seed=numbers)


@given(cohorts, numbers, cohorts, numbers)
def test_two_patients_start_from_the_same_numbers_only_if_they_are_the_same(
    one: Cohort, first: int, other: Cohort, second: int
) -> None:
    same = (one.split, one.seed, first) == (other.split, other.seed, second)
    assert (one.entropy(first) == other.entropy(second)) == same
    assert (one.identifier(first) == other.identifier(second)) == same


def test_no_two_patients_of_any_split_have_a_body_parameter_in_common() -> None:
    cohorts = [Cohort({}, split, 40, seed) for split, seed in product(Split, (0, 1))]
    bodies = [
        draw_habitus(np.random.default_rng(cohort.entropy(number)), Build.MALE)
        for cohort in cohorts
        for number in range(cohort.count)
    ]
    for name in ("width", "depth", "chest", "kyphosis_mm", "scoliosis_mm", "lean_mm", "arm_degrees", "elbow_degrees"):
        assert len({getattr(body, name) for body in bodies}) == len(bodies), name
    assert len({body.knots.tobytes() for body in bodies}) == len(bodies)
