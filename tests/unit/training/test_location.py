from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")

from inference.bundles.specification import Task, WordsSpecification  # noqa: E402
from inference.retrieval.body import make_body  # noqa: E402
from inference.retrieval.coarse_to_fine import Temperatures, retrieve  # noqa: E402
from inference.retrieval.retriever import Retriever  # noqa: E402
from training import loop  # noqa: E402
from training.cache import CachedPatient  # noqa: E402
from training.location.batches import located_lesions, plain_batch  # noqa: E402
from training.location.export import export_location  # noqa: E402
from training.location.model import LocationModel  # noqa: E402
from training.location.train import LocationRecipe, retrieval_figures, train_location  # noqa: E402
from training.loop import Schedule  # noqa: E402
from training.sample import Samples  # noqa: E402

SPECIFICATION = WordsSpecification("toy", "1", Task.LOCATION_RETRIEVAL)

Trained = tuple[LocationModel, Temperatures]


@pytest.fixture(scope="module")
def recipe() -> LocationRecipe:
    schedule = Schedule(steps=45, learning_rate=3e-3, warm_up=5, validate_every=45)
    return LocationRecipe(schedule, batch=10, dimension=32, widths=(4, 8, 8, 16))


@pytest.fixture(scope="module")
def trained(
    recipe: LocationRecipe, patients: tuple[CachedPatient, ...], tmp_path_factory: pytest.TempPathFactory
) -> Trained:
    return train_location(recipe, patients[:8], patients[8:], tmp_path_factory.mktemp("location"))


def test_heights_and_sides_are_learned_from_balls_on_a_rod(
    trained: Trained, recipe: LocationRecipe, patients: tuple[CachedPatient, ...]
) -> None:
    lesions = located_lesions(patients[8:])
    images, leaves = plain_batch(lesions, range(len(lesions)))
    figures = retrieval_figures(trained[0].embed(images), leaves.numpy(), trained[0].index(recipe.wording))
    assert figures["leaf"] >= 0.8


def test_a_run_that_was_stopped_between_two_descriptions_goes_on_as_if_it_had_not_been(
    recipe: LocationRecipe, patients: tuple[CachedPatient, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = replace(recipe, schedule=Schedule(steps=12, warm_up=1, validate_every=12, checkpoint_every=5), batch=3)
    whole, _ = train_location(short, patients[:2], patients[8:9], tmp_path / "whole")

    def stop_at_8(curves: loop.Curves, step: int, figures: loop.Figures) -> None:
        if step == 8:
            raise KeyboardInterrupt
        record(curves, step, figures)

    record = loop._record
    monkeypatch.setattr(loop, "_record", stop_at_8)
    with pytest.raises(KeyboardInterrupt):
        train_location(short, patients[:2], patients[8:9], tmp_path / "stopped")
    monkeypatch.undo()
    resumed, _ = train_location(short, patients[:2], patients[8:9], tmp_path / "stopped")
    assert all(one.equal(other) for one, other in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_checkpoints_between_two_descriptions_are_refused() -> None:
    with pytest.raises(ValueError, match="checkpoint_every"):
        LocationRecipe(Schedule(steps=10, checkpoint_every=12), texts_every=5)


def test_the_exported_model_answers_as_the_trained_one(
    trained: Trained,
    recipe: LocationRecipe,
    patients: tuple[CachedPatient, ...],
    samples: Samples,
    tmp_path: Path,
) -> None:
    model, temperatures = trained
    bundle = export_location(model, temperatures, recipe.wording, SPECIFICATION, tmp_path / "toy")
    sample = samples[9]
    points = sample.suv.points_mm(np.argwhere(sample.labels == 3))
    answer = Retriever(bundle)(patients[9].body, points, sample.suv.affine[:3, :3])
    lesions = located_lesions(patients[9:10])
    images, _ = plain_batch(lesions, [2])
    leaf, probability = retrieve(model.embed(images)[0], model.index(recipe.wording), temperatures).leaves[0]
    assert answer.location.id == f"L{leaf + 1:03d}"
    assert answer.confidence == pytest.approx(probability, abs=1e-3)
    assert answer.top5[0] == (answer.location, answer.confidence)


def test_a_lesion_where_no_ct_is_is_not_localised(
    trained: Trained, recipe: LocationRecipe, samples: Samples, tmp_path: Path
) -> None:
    bundle = export_location(*trained, recipe.wording, SPECIFICATION, tmp_path / "toy")
    suv = samples[0].suv
    points = suv.points_mm(np.asarray([[35, 20, 28]]))
    assert Retriever(bundle)(make_body(suv, None), points, suv.affine[:3, :3]) is None


def test_free_text_is_ranked_as_by_the_trained_text_encoder(
    trained: Trained, recipe: LocationRecipe, tmp_path: Path
) -> None:
    model, temperatures = trained
    bundle = export_location(model, temperatures, recipe.wording, SPECIFICATION, tmp_path / "toy")
    with torch.no_grad():
        vector = model.texts(["collar bone, left"]).numpy()[0]
    cosines = model.index(recipe.wording).leaves @ vector
    ranked = Retriever(bundle).rank("collar bone, left")
    assert [place.id for place, _ in ranked] == [f"L{leaf + 1:03d}" for leaf in np.argsort(-cosines)[:5]]
    assert [cosine for _, cosine in ranked] == pytest.approx(sorted(cosines)[:-6:-1], abs=1e-3)
