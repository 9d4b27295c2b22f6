import numpy as np
import pytest

from config.vocabulary import vocabulary
from inference.captioning.tokens import (
    COLON,
    CT_FINDINGS,
    END,
    PAD,
    PROMPT_LENGTH,
    START,
    TokenTable,
    Words,
    token_table,
)


@pytest.fixture(scope="module")
def table() -> TokenTable:
    return token_table()


def test_every_location_comes_back_from_its_tokens(table: TokenTable) -> None:
    for leaf in vocabulary():
        words = Words(leaf.name, "no CT correlate")
        assert table.words_of(table.caption(words)) == words


def test_every_ct_finding_comes_back_from_its_tokens(table: TokenTable) -> None:
    for finding in CT_FINDINGS:
        assert table.words_of(table.caption(Words("spleen", finding))) == Words("spleen", finding)


def test_what_comes_after_the_end_is_not_read(table: TokenTable) -> None:
    tokens = table.caption(Words("spleen", "mass"))
    assert table.words_of([*tokens, COLON, 17, PAD]) == Words("spleen", "mass")


@pytest.mark.parametrize("tokens", [[START, END], [START, COLON, 9, END], [START, 9, END], [START, 9, COLON, END]])
def test_tokens_that_are_no_caption_give_no_words(table: TokenTable, tokens: list[int]) -> None:
    assert table.words_of(tokens) is None


def test_a_figure_has_no_token(table: TokenTable) -> None:
    with pytest.raises(KeyError):
        table.caption(Words("spleen", "mass 3.4 cm"))
    assert not any("." in word or "×" in word for word in table.words)


def test_prompts_begin_at_places_of_their_own_and_the_rest_is_padding(table: TokenTable) -> None:
    prompts = table.prompts(["left kidney", "spleen"], most=3).reshape(3, PROMPT_LENGTH)
    assert np.count_nonzero(prompts, axis=1).tolist() == [2, 1, 0]
    assert prompts[1, 0] == table.caption(Words("spleen", "mass"))[1]


def test_the_longest_name_fits_a_prompt() -> None:
    assert max(len(leaf.name.split()) for leaf in vocabulary()) == PROMPT_LENGTH
