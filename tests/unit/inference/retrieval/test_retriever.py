"""The location model as it is read: from verified files of the right form, or not at all."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config.reasons import Reason, Refused
from config.volume import Unit, Volume
from inference.bundles.specification import Task
from inference.bundles.store import load_bundle, read_manifest, write_bundle
from inference.retrieval.body import Body, make_body
from inference.retrieval.retriever import Retriever

MakeBundle = Callable[..., Path]

STEP_MM = np.diag([4.0, 4.0, 4.0])[[2, 1, 0]]


def body_of(hu: float) -> Body:
    """A block of 200 mm of one density, hotter at its centre, in air, from the origin on."""
    affine = np.eye(4)
    affine[:3, :3] = STEP_MM
    ct = np.full((60, 60, 60), -1000.0, dtype=np.float32)
    ct[5:55, 5:55, 5:55] = hu
    return make_body(
        Volume(np.ones(ct.shape, dtype=np.float32), affine, Unit.SUVBW), Volume(ct, affine, Unit.HOUNSFIELD)
    )


@pytest.fixture
def folder(make_location_bundle: MakeBundle, tmp_path: Path) -> Path:
    return make_location_bundle(tmp_path / "toy", location="right kidney")


def released_again(folder: Path) -> Path:
    """The bundle as if its maker had released it with the files that it has now."""
    write_bundle(read_manifest(folder).specification, folder)
    return folder


def reason_of(folder: Path) -> Reason:
    with pytest.raises(Refused) as refused:
        Retriever(load_bundle(folder))
    return refused.value.reason


def test_a_lesion_in_a_body_gets_five_answers_the_likeliest_first(folder: Path) -> None:
    answer = Retriever(load_bundle(folder))(body_of(40.0), np.array([[120.0, 120.0, 120.0]]), STEP_MM)
    assert answer is not None
    assert answer.location.name == "right kidney"
    assert len(answer.top5) == 5
    confidences = [confidence for _, confidence in answer.top5]
    assert confidences == sorted(confidences, reverse=True)
    assert 0.0 < sum(confidences) <= 1.0 + 1e-9


@pytest.mark.parametrize("point", [(120.0, 120.0, 120.0), (0.0, 0.0, 0.0), (5000.0, 0.0, 0.0)])
def test_where_there_is_only_air_nothing_is_localised(folder: Path, point: tuple[float, float, float]) -> None:
    assert Retriever(load_bundle(folder))(body_of(-1000.0), np.array([point]), STEP_MM) is None


def test_deep_in_a_lung_there_is_a_body_all_the_same(folder: Path) -> None:
    affine = np.eye(4)
    affine[:3, :3] = STEP_MM
    places = np.indices((60, 60, 60)) * 4.0
    lung = np.sqrt(((places - 120.0) ** 2).sum(axis=0)) < 55.0
    ct = np.where(lung, -850.0, 40.0).astype(np.float32)
    suv = np.ones(ct.shape, dtype=np.float32)
    body = make_body(Volume(suv, affine, Unit.SUVBW), Volume(ct, affine, Unit.HOUNSFIELD))
    assert Retriever(load_bundle(folder))(body, np.array([[120.0, 120.0, 120.0]]), STEP_MM) is not None


def test_beyond_the_ct_nothing_is_localised(folder: Path) -> None:
    affine = np.eye(4)
    affine[:3, :3] = STEP_MM
    suv = Volume(np.ones((60, 60, 60), dtype=np.float32), affine, Unit.SUVBW)
    ct = Volume(np.full((30, 60, 60), 40.0, dtype=np.float32), affine, Unit.HOUNSFIELD)
    retriever = Retriever(load_bundle(folder))
    assert retriever(make_body(suv, ct), np.array([[100.0, 100.0, 60.0]]), STEP_MM) is not None
    assert retriever(make_body(suv, ct), np.array([[100.0, 100.0, 180.0]]), STEP_MM) is None
    assert retriever(make_body(suv, None), np.array([[100.0, 100.0, 60.0]]), STEP_MM) is None


@pytest.mark.parametrize(
    ("says", "sex", "possible"), [("transition zone of prostate", "F", "M"), ("right ovary and adnexa", "M", "F")]
)
def test_what_only_the_other_sex_has_is_never_answered(
    make_location_bundle: MakeBundle, tmp_path: Path, says: str, sex: str, possible: str
) -> None:
    retriever = Retriever(load_bundle(make_location_bundle(tmp_path / "toy", location=says)))
    lesion = (body_of(40.0), np.array([[120.0, 120.0, 120.0]]), STEP_MM)
    free, bound = retriever(*lesion), retriever(*lesion, sex)
    assert free is not None
    assert bound is not None
    assert (free.location.name, free.location.sex) == (says, possible)
    assert all(place.sex in ("", sex) for place, _ in bound.top5)


def test_free_text_ranks_the_leaves_by_their_cosines(folder: Path) -> None:
    ranked = Retriever(load_bundle(folder)).rank("Kidney!")
    assert (ranked[0][0].name, ranked[0][1]) == ("right kidney", 1.0)
    assert [cosine for _, cosine in ranked[1:]] == [0.0] * 4


@pytest.mark.parametrize("text", ["", "Qwertz", "…?!"])
def test_a_text_without_a_known_word_ranks_nothing(folder: Path, text: str) -> None:
    assert Retriever(load_bundle(folder)).rank(text) == ()


def test_a_text_longer_than_the_model_reads_is_cut_off(folder: Path) -> None:
    assert len(Retriever(load_bundle(folder)).rank("right kidney " * 500)) == 5


def test_a_bundle_for_another_task_is_refused(make_caption_bundle: MakeBundle, tmp_path: Path) -> None:
    assert reason_of(make_caption_bundle(tmp_path / "toy")) is Reason.BUNDLE_MISPLACED


@pytest.mark.parametrize(
    "change",
    [
        {"leaves": ["L001"]},
        {"coarse": []},
        {"temperatures": {"coarse": 0.0, "leaf": 0.05}},
        {"temperatures": {"coarse": 0.05}},
        {"text_length": 0},
        {"text_length": 10**9},
        {"text_length": "8"},
        {"words": [1, 2]},
        {"mood": "good"},
    ],
)
def test_a_document_that_does_not_fit_is_refused(folder: Path, change: dict[str, Any]) -> None:
    path = folder / "retrieval.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert reason_of(released_again(folder)) is Reason.BUNDLE_MALFORMED


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"\xff\xfe", b" " * (2**20 + 1)])
def test_a_document_that_is_none_is_refused(folder: Path, content: bytes) -> None:
    (folder / "retrieval.json").write_bytes(content)
    assert reason_of(released_again(folder)) is Reason.BUNDLE_MALFORMED


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((511, 8), dtype=np.float32),
        np.full((511, 8), np.nan, dtype=np.float32),
        np.eye(511, 8, dtype=np.float64),
        np.eye(510, dtype=np.float32),
        np.ones(511, dtype=np.float32),
        np.array([{"a": 1}] * 511, dtype=object),
    ],
    ids=["zero", "not a number", "double", "one too few", "one axis", "objects"],
)
def test_an_index_that_is_not_one_of_unit_vectors_is_refused(folder: Path, vectors: Any) -> None:
    np.save(folder / "index.npy", vectors, allow_pickle=True)
    assert reason_of(released_again(folder)) is Reason.BUNDLE_MALFORMED


def test_an_index_that_claims_more_than_its_file_holds_is_refused(folder: Path) -> None:
    path = folder / "index.npy"
    path.write_bytes(path.read_bytes()[:300])
    assert reason_of(released_again(folder)) is Reason.BUNDLE_MALFORMED


def test_an_index_of_another_dimension_than_the_graphs_is_refused(folder: Path) -> None:
    np.save(folder / "index.npy", np.tile(np.eye(1, 8, dtype=np.float32), (511, 1)))
    assert reason_of(released_again(folder)) is Reason.BUNDLE_GRAPH


@pytest.mark.parametrize("name", ["image.onnx", "text.onnx"])
def test_a_graph_that_is_none_is_refused(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"tea")
    assert reason_of(released_again(folder)) is Reason.BUNDLE_GRAPH


def test_a_graph_of_other_inputs_is_refused(folder: Path) -> None:
    (folder / "image.onnx").write_bytes((folder / "text.onnx").read_bytes())
    (folder / "image.bin").write_bytes((folder / "text.bin").read_bytes())
    assert reason_of(released_again(folder)) is Reason.BUNDLE_GRAPH


def test_the_bundle_says_that_it_has_no_network_of_voxels(folder: Path) -> None:
    bundle = load_bundle(folder)
    with pytest.raises(Refused) as refused:
        _ = bundle.network
    assert refused.value.reason is Reason.BUNDLE_MISPLACED
    assert bundle.tracer is None
    with pytest.raises(ValueError, match="needs channels"):
        replace(bundle.specification, task=Task.LESION_SEGMENTATION)
