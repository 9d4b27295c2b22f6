import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed (extra train)")

from config.vocabulary import vocabulary
from training.location.descriptions import Wording, all_words, canonical, describe, spoken_names, words
from training.location.entries import entries, other_side
from training.location.text_encoder import LENGTH, word_table


def leaf(name: str) -> int:
    return [each.name for each in entries().leaves].index(name)


def test_there_are_387_leaves_below_124_coarse_names() -> None:
    assert (len(entries().leaves), len(entries().coarse)) == (387, 124)
    assert entries().coarse[entries().parents[leaf("left kidney")]].name == "kidney"


def test_canonical_texts_differ_for_all_locations() -> None:
    everything = (*entries().leaves, *entries().coarse)
    assert len({canonical(entry, Wording.AUGMENTED) for entry in everything}) == 511


def test_the_same_seed_gives_the_same_description_and_another_seed_another() -> None:
    entry = entries().leaves[leaf("right upper lobe apical segment (S1)")]
    texts = [describe(entry, Wording.AUGMENTED, np.random.default_rng(seed)) for seed in (3, 3, 4)]
    assert texts[0] == texts[1] != texts[2]


def test_a_description_never_changes_the_side() -> None:
    generator = np.random.default_rng(0)
    for entry in entries().leaves:
        said = describe(entry, Wording.AUGMENTED, generator).split(", beside")[0]
        if entry.name.startswith("right "):
            assert "right" in words(said)
        if entry.name.startswith("left "):
            assert "left" in words(said)


def test_plain_wording_is_the_name_alone() -> None:
    entry = entries().leaves[leaf("spleen")]
    assert describe(entry, Wording.PLAIN, np.random.default_rng(0)) == "spleen"
    assert canonical(entry, Wording.PLAIN) == "spleen"


def test_vertebrae_and_ribs_are_also_counted_in_words() -> None:
    assert "third thoracic vertebra" in spoken_names(entries().leaves[leaf("T3 vertebra")])
    assert "right rib 5" in spoken_names(entries().leaves[leaf("right fifth rib")])


def test_every_word_of_a_description_has_a_number() -> None:
    generator, known = np.random.default_rng(1), all_words()
    for entry in (*entries().leaves, *entries().coarse):
        assert set(words(describe(entry, Wording.AUGMENTED, generator))) <= known


def test_unknown_words_share_a_number_and_the_rest_is_filled_up() -> None:
    table = word_table().numbers(["spleen qwerty", " ".join(["spleen"] * 100)])
    assert table.shape == (2, LENGTH)
    assert table[0, 1] == 1
    assert not table[0, 2:].any()


@pytest.mark.parametrize(
    ("name", "mirrored"),
    [
        ("left kidney", "right kidney"),
        ("lower paratracheal node (station 4R)", "lower paratracheal node (station 4L)"),
        ("right hilar node (station 10R)", "left hilar node (station 10L)"),
        ("T3 vertebra", "T3 vertebra"),
    ],
)
def test_symmetric_places_have_a_mirror_image(name: str, mirrored: str) -> None:
    assert entries().leaves[entries().mirrored[leaf(name)]].name == mirrored


@pytest.mark.parametrize("name", ["spleen", "liver segment VI", "cecum", "left ventricular myocardium"])
def test_what_only_one_side_has_has_no_mirror_image(name: str) -> None:
    assert entries().mirrored[leaf(name)] == -1


def test_mirroring_twice_changes_nothing() -> None:
    for number, twin in enumerate(entries().mirrored):
        assert twin == -1 or entries().mirrored[twin] == number
    assert all(other_side(other_side(each.name)) == each.name for each in vocabulary())
