"""The tables of transitions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.states import (
    DELIVERY_TRANSITIONS,
    STUDY_TRANSITIONS,
    DeliveryState,
    IllegalTransition,
    StudyState,
    transition,
)

A_LATE_INSTANCE_REOPENS = set(StudyState) - {StudyState.RECEIVING}


def test_every_state_has_its_row() -> None:
    assert set(STUDY_TRANSITIONS) == set(StudyState)
    assert set(DELIVERY_TRANSITIONS) == set(DeliveryState)


@given(st.sampled_from(StudyState), st.sampled_from(StudyState))
def test_a_study_goes_where_the_table_says_and_nowhere_else(current: StudyState, to: StudyState) -> None:
    if to in STUDY_TRANSITIONS[current]:
        assert transition(STUDY_TRANSITIONS, current, to) is to
    else:
        with pytest.raises(IllegalTransition, match=f"From {current} to {to}"):
            transition(STUDY_TRANSITIONS, current, to)


@given(st.lists(st.sampled_from(StudyState), max_size=12))
def test_no_walk_is_delivered_without_having_been_complete_analysed_and_encoded(walk: list[StudyState]) -> None:
    state, been = StudyState.RECEIVING, [StudyState.RECEIVING]
    for to in walk:
        if to in STUDY_TRANSITIONS[state]:
            state = transition(STUDY_TRANSITIONS, state, to)
            been.append(state)
    if StudyState.DELIVERED in been:
        way = been[: been.index(StudyState.DELIVERED)]
        assert way.index(StudyState.COMPLETE) < way.index(StudyState.ANALYSING) < way.index(StudyState.ENCODED)


def test_a_late_instance_can_reopen_a_study_in_any_state() -> None:
    assert {s for s in StudyState if StudyState.RECEIVING in STUDY_TRANSITIONS[s]} == A_LATE_INSTANCE_REOPENS


def test_no_study_is_stuck_for_ever() -> None:
    assert all(STUDY_TRANSITIONS.values())


@pytest.mark.parametrize("end", [DeliveryState.SENT, DeliveryState.COMMITTED])
def test_what_a_destination_has_stays_there(end: DeliveryState) -> None:
    assert DELIVERY_TRANSITIONS[end] == frozenset()


@given(st.sampled_from(DeliveryState), st.sampled_from(DeliveryState))
def test_what_a_destination_said_comes_only_from_asking_it(current: DeliveryState, to: DeliveryState) -> None:
    sending, asking = {DeliveryState.SENDING}, {DeliveryState.UNCOMMITTED}
    comes_from = {
        DeliveryState.SENT: sending | asking,
        DeliveryState.REFUSED: sending | asking,
        DeliveryState.UNCOMMITTED: sending,
        DeliveryState.COMMITTED: asking,
    }
    if to in comes_from and current not in comes_from[to]:
        with pytest.raises(IllegalTransition):
            transition(DELIVERY_TRANSITIONS, current, to)
