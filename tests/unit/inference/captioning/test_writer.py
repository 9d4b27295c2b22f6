"""The caption model as it is read: from verified files of the right form, or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.finding import LocationAnswer
from config.reasons import Reason, Refused
from config.vocabulary import vocabulary
from config.volume import Unit, Volume
from inference.bundles.store import load_bundle, read_manifest, write_bundle
from inference.captioning.tokens import Words, token_table
from inference.captioning.writer import Writer, agrees

MakeBundle = Callable[..., Path]


def answer_of(name: str) -> LocationAnswer:
    leaf = vocabulary().leaf(name)
    return LocationAnswer(leaf, 0.99, ((leaf, 0.99),))


@pytest.fixture
def folder(make_caption_bundle: MakeBundle, tmp_path: Path) -> Path:
    return make_caption_bundle(tmp_path / "toy", location="right kidney", finding="low density lesion")


def reason_of(folder: Path) -> Reason:
    """Of a bundle as if its maker had released it with the files that it has now."""
    write_bundle(read_manifest(folder).specification, folder)
    with pytest.raises(Refused) as refused:
        Writer(load_bundle(folder))
    return refused.value.reason


def written(folder: Path, place: str = "right kidney") -> Any:
    affine = np.diag([4.0, 4.0, 4.0, 1.0])[[2, 1, 0, 3]]
    suv = Volume(np.ones((20, 20, 20), dtype=np.float32), affine, Unit.SUVBW)
    ct = Volume(np.full(suv.shape, 40.0, dtype=np.float32), affine, Unit.HOUNSFIELD)
    return Writer(load_bundle(folder))(suv, ct, np.array([[10, 10, 10]]), answer_of(place))


def test_words_are_decoded_from_start_to_end(folder: Path) -> None:
    found = written(folder)
    assert found.words == Words("right kidney", "low density lesion")
    assert list(found.tokens) == token_table().caption(found.words)


def test_words_agree_with_the_place_that_they_name_and_no_other(folder: Path) -> None:
    words = written(folder, "left kidney").words
    assert agrees(words, answer_of("right kidney"))
    assert not agrees(words, answer_of("left kidney"))


def test_words_for_a_part_agree_with_a_coarse_place_of_that_side() -> None:
    words = Words("right lower lobe superior segment (S6)", "nodule")
    coarse = vocabulary().leaf(words.location).coarse
    right, left = (vocabulary().coarse(coarse.replace("right", side)) for side in ("right", "left"))
    assert agrees(words, LocationAnswer(right, 0.4, ()))
    assert not agrees(words, LocationAnswer(left, 0.4, ()))


def test_words_that_are_no_ct_finding_are_none(make_caption_bundle: MakeBundle, tmp_path: Path) -> None:
    assert written(make_caption_bundle(tmp_path / "other", finding="lesion")).words is None


def test_decoding_ends_at_the_longest_caption(folder: Path) -> None:
    path = folder / "caption.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "longest": 3}))
    write_bundle(read_manifest(folder).specification, folder)
    found = written(folder)
    assert len(found.tokens) == 3
    assert found.words is None


def test_a_bundle_for_another_task_is_refused(make_location_bundle: MakeBundle, tmp_path: Path) -> None:
    assert reason_of(make_location_bundle(tmp_path / "where")) is Reason.BUNDLE_MISPLACED


@pytest.mark.parametrize(
    "change",
    [
        {"words": ["tea"]},
        {"words": "tea"},
        {"longest": 1},
        {"longest": 10**9},
        {"longest": 20.5},
        {"windows": "yes"},
        {"mood": "good"},
    ],
)
def test_a_document_that_does_not_fit_is_refused(folder: Path, change: dict[str, Any]) -> None:
    path = folder / "caption.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert reason_of(folder) is Reason.BUNDLE_MALFORMED


@pytest.mark.parametrize("name", ["memory.onnx", "next_word.onnx"])
def test_a_graph_that_is_none_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"tea")
    assert reason_of(folder) is Reason.BUNDLE_GRAPH


def test_a_graph_of_other_inputs_is_refused(folder: Path) -> None:
    for suffix in ("onnx", "bin"):
        (folder / f"next_word.{suffix}").write_bytes((folder / f"memory.{suffix}").read_bytes())
    assert reason_of(folder) is Reason.BUNDLE_GRAPH
