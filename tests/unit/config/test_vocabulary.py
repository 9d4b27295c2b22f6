from collections import Counter

import pytest

from config.vocabulary import Laterality, vocabulary


def test_there_are_387_leaves_under_124_coarse_locations() -> None:
    assert (len(vocabulary().leaves), len(vocabulary().coarse_names)) == (387, 124)


def test_names_and_ids_are_unique() -> None:
    assert len(vocabulary().by_id) == len(vocabulary().by_name) == 387


def test_sides_are_balanced() -> None:
    sides = Counter(leaf.laterality for leaf in vocabulary())
    assert sides == {Laterality.RIGHT: 142, Laterality.LEFT: 142, Laterality.MIDLINE: 99, Laterality.NONE: 4}


def test_a_coarse_location_with_sides_is_answered_on_a_side() -> None:
    kidney = vocabulary().coarse("kidney", Laterality.LEFT)
    assert (kidney.name, kidney.laterality, kidney.sct_code) == ("left kidney", Laterality.LEFT, "64033007")
    assert not kidney.is_leaf


def test_a_coarse_location_that_names_its_side_is_not_named_twice() -> None:
    assert vocabulary().coarse("right upper lobe", Laterality.RIGHT).name == "right upper lobe"


def test_an_organ_that_exists_once_is_named_without_its_side() -> None:
    colon = vocabulary().coarse("cecum and ascending colon")
    assert (colon.name, colon.laterality) == ("cecum and ascending colon", Laterality.RIGHT)


def test_a_coarse_location_whose_leaves_share_no_code_takes_its_region() -> None:
    assert vocabulary().coarse("lumbar vertebra").sct_meaning == "Spine"


def test_the_side_of_a_one_sided_coarse_location_cannot_be_mistaken() -> None:
    assert vocabulary().coarse("left pleura", Laterality.RIGHT).laterality is Laterality.LEFT


def test_coarse_ids_are_distinct_by_side() -> None:
    words = vocabulary()
    ids = {words.coarse(name, side).id for name in words.coarse_names for side in (Laterality.RIGHT, Laterality.LEFT)}
    names = {
        words.coarse(name, side).name for name in words.coarse_names for side in (Laterality.RIGHT, Laterality.LEFT)
    }
    assert len(ids) == len(names)


def test_an_unknown_coarse_location_is_an_error() -> None:
    with pytest.raises(KeyError):
        vocabulary().coarse("third lung")
