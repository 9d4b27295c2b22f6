"""The location or CT finding that a sentence names."""

import pytest

from inference.captioning.tokens import CT_FINDINGS
from training.evaluation.word_matching import normalised, phrase_in, same_phrase


def test_case_and_punctuation_do_not_matter() -> None:
    assert normalised("Right hilar node (station 10R): non-enlarged!") == "right hilar node station 10r non-enlarged"


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("Greater omentum: 2.1 × 1.0 cm soft tissue mass, intense uptake", "soft tissue mass"),
        ("right lung: mass", "mass"),
        ("node: non-enlarged lymph node", "non-enlarged lymph node"),
        ("node: enlarged lymph node", "enlarged lymph node"),
        ("T3 vertebra: osteoblastic focus", "osteoblastic"),
        ("massive uptake", None),
    ],
)
def test_the_longest_phrase_of_whole_words_is_found(text: str, finding: str | None) -> None:
    assert phrase_in(text, CT_FINDINGS) == finding


def test_a_candidate_matches_if_it_names_the_same_phrase() -> None:
    places = ("left kidney", "right kidney")
    assert same_phrase("left kidney: mass", "Left kidney, 3 cm mass", places)
    assert not same_phrase("left kidney: mass", "right kidney: mass", places)
    assert not same_phrase("left kidney: mass", "", places)


def test_a_reference_without_a_phrase_is_matched_by_nothing() -> None:
    assert not same_phrase("somewhere: mass", "somewhere: mass", ("left kidney",))
