import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.retrieval.coarse_to_fine import Temperatures, TextIndex, keep, retrieve, retrieve_flat, softmax


@pytest.fixture
def index() -> TextIndex:
    """Six leaves below three coarse names, texts along the axes of a space of nine dimensions."""
    axes = np.eye(9, dtype=np.float32)
    return TextIndex(leaves=axes[:6], coarse=axes[6:], parents=np.asarray([0, 0, 1, 1, 1, 2]))


def test_the_joint_probability_is_that_of_the_coarse_name_times_that_of_the_leaf_below_it(index: TextIndex) -> None:
    embedding = np.asarray([0.3, 0.1, 0.2, 0.0, 0.0, 0.0, 0.5, 0.4, 0.1], dtype=np.float32)
    answer = retrieve(embedding, index, Temperatures(coarse=0.1, leaf=0.2))
    coarse = np.exp([5.0, 4.0, 1.0]) / np.exp([5.0, 4.0, 1.0]).sum()
    first = coarse[0] * np.exp(1.5) / (np.exp(1.5) + np.exp(0.5))
    third = coarse[1] * np.exp(1.0) / (np.exp(1.0) + 2.0)
    found = dict(answer.leaves)
    assert found[0] == pytest.approx(first, rel=1e-5)
    assert found[2] == pytest.approx(third, rel=1e-5)
    assert answer.leaves[0][0] == 0


def test_leaves_are_looked_for_below_as_few_coarse_names_as_add_up_to_nine_tenths() -> None:
    assert keep(np.asarray([0.05, 0.92, 0.03])) == [1]
    assert keep(np.asarray([0.9, 0.06, 0.04])) == [0]
    assert keep(np.asarray([0.5, 0.1, 0.4])) == [0, 2]


def test_at_most_three_coarse_names_are_kept() -> None:
    assert keep(np.asarray([0.2, 0.25, 0.3, 0.15, 0.1])) == [2, 1, 0]


@given(st.lists(st.floats(-1.0, 1.0), min_size=9, max_size=9), st.floats(0.01, 1.0))
def test_probabilities_add_up_to_those_of_the_kept_coarse_names(values: list[float], temperature: float) -> None:
    axes = np.eye(9, dtype=np.float32)
    index = TextIndex(leaves=axes[:6], coarse=axes[6:], parents=np.asarray([0, 0, 1, 1, 1, 2]))
    answer = retrieve(np.asarray(values, dtype=np.float32), index, Temperatures(temperature, temperature))
    kept = {int(index.parents[leaf]) for leaf, _ in answer.leaves}
    assert sum(answer.coarse) == pytest.approx(1.0)
    assert sum(share for _, share in answer.leaves) == pytest.approx(sum(answer.coarse[each] for each in kept))
    assert [share for _, share in answer.leaves] == sorted((share for _, share in answer.leaves), reverse=True)


def test_a_coarse_name_with_few_leaves_is_followed_by_the_next_until_there_are_five(index: TextIndex) -> None:
    embedding = np.asarray([0.1, 0.0, 0.3, 0.2, 0.1, 0.0, 1.0, 0.2, 0.0], dtype=np.float32)
    answer = retrieve(embedding, index, Temperatures(coarse=0.1, leaf=0.1))
    assert keep(np.asarray(answer.coarse)) == [0]
    assert [leaf for leaf, _ in answer.leaves] == [0, 1, 2, 3, 4]


def test_what_is_not_possible_takes_no_part_and_its_share_goes_to_the_rest(index: TextIndex) -> None:
    embedding = np.asarray([0.5, 0.1, 0.2, 0.0, 0.0, 0.0, 0.5, 0.4, 0.9], dtype=np.float32)
    possible = np.asarray([False, True, True, True, True, False])
    answer = retrieve(embedding, index, Temperatures(0.1, 0.1), possible)
    assert answer.coarse == pytest.approx([np.e / (np.e + 1.0), 1.0 / (np.e + 1.0), 0.0], rel=1e-5)
    assert {leaf for leaf, _ in answer.leaves} == {1, 2, 3, 4}
    assert dict(answer.leaves)[1] == pytest.approx(answer.coarse[0])


@given(st.lists(st.booleans(), min_size=6, max_size=6).filter(any))
def test_whatever_is_possible_is_answered_and_nothing_else(possible: list[bool]) -> None:
    axes = np.eye(9, dtype=np.float32)
    index = TextIndex(leaves=axes[:6], coarse=axes[6:], parents=np.asarray([0, 0, 1, 1, 1, 2]))
    embedding = np.linspace(-0.5, 0.5, 9, dtype=np.float32)
    answer = retrieve(embedding, index, Temperatures(0.1, 0.1), np.asarray(possible))
    assert {leaf for leaf, _ in answer.leaves} <= set(np.flatnonzero(possible).tolist())
    assert len(answer.leaves) >= min(5, sum(possible))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_that_is_none_can_not_be_made(temperature: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        Temperatures(0.1, temperature)


def test_a_flat_search_gives_every_leaf_its_share(index: TextIndex) -> None:
    answer = retrieve_flat(np.asarray([1.0, 0, 0, 0, 0, 0, 0, 0, 1.0], dtype=np.float32), index, 1.0)
    assert dict(answer.leaves)[0] == pytest.approx(np.e / (np.e + 5.0))
    assert answer.coarse[1] == pytest.approx(3.0 / (np.e + 5.0))


def test_softmax_of_large_numbers_does_not_overflow() -> None:
    assert softmax(np.asarray([1000.0, 1000.0])).tolist() == [0.5, 0.5]
