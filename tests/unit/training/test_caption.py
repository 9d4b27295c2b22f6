from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")

from config.finding import LocationAnswer  # noqa: E402
from config.vocabulary import vocabulary  # noqa: E402
from inference.bundles.specification import Task, WordsSpecification  # noqa: E402
from inference.captioning.tokens import END, PAD, START  # noqa: E402
from inference.captioning.writer import Writer, agrees  # noqa: E402
from training.cache import CachedPatient  # noqa: E402
from training.caption.batches import Answers, Guidance, caption_batch, captioned_lesions  # noqa: E402
from training.caption.export import export_caption  # noqa: E402
from training.caption.model import Captioner  # noqa: E402
from training.caption.train import CaptionRecipe, greedy, train_caption  # noqa: E402
from training.loop import Schedule  # noqa: E402
from training.sample import Samples  # noqa: E402


def sure_of(name: str) -> LocationAnswer:
    leaf = vocabulary().leaf(name)
    return LocationAnswer(leaf, 0.99, ((leaf, 0.99),))


@pytest.fixture(scope="module")
def trained(patients: tuple[CachedPatient, ...], tmp_path_factory: pytest.TempPathFactory) -> Captioner:
    recipe = CaptionRecipe(
        Schedule(steps=200, learning_rate=3e-3, warm_up=10, validate_every=200),
        batch=8,
        width=64,
        answers=Answers(accuracy=1.0, sure=1.0),
    )
    return train_caption(recipe, patients[:8], patients[8:], tmp_path_factory.mktemp("caption"))


def test_the_told_location_is_said_and_the_finding_is_seen(
    trained: Captioner, patients: tuple[CachedPatient, ...]
) -> None:
    lesions = captioned_lesions(patients[8:])
    truths = [patients[8 + patient].lesions[lesion] for patient, lesion in lesions.places]
    answers = [sure_of(vocabulary().by_id[str(truth.leaf)].name) for truth in truths]
    batch = caption_batch(lesions, range(len(lesions)), trained.table, answers, Guidance(), None)
    said = [trained.table.words_of(row) for row in greedy(trained, batch.patches, batch.prompts).tolist()]
    right = [
        words is not None and words.ct_finding == truth.ct_finding for words, truth in zip(said, truths, strict=True)
    ]
    placed = [words is not None and agrees(words, answer) for words, answer in zip(said, answers, strict=True)]
    assert np.mean(right) >= 0.8
    assert np.mean(placed) >= 0.8


def test_the_exported_captioner_decodes_as_the_trained_one(
    trained: Captioner, patients: tuple[CachedPatient, ...], samples: Samples, tmp_path: Path
) -> None:
    specification = WordsSpecification("toy", "1", Task.CAPTIONING)
    bundle = export_caption(trained, specification, tmp_path / "toy", windows=True)
    sample = samples[9]
    answer = sure_of("T9 vertebra")
    written = Writer(bundle)(sample.suv, sample.ct, np.argwhere(sample.labels == 2), answer)
    batch = caption_batch(captioned_lesions(patients[9:10]), [1], trained.table, [answer], Guidance(), None)
    expected = [token for token in greedy(trained, batch.patches, batch.prompts)[0].tolist() if token != PAD]
    assert list(written.tokens) == expected
    assert (expected[0], expected[-1]) == (START, END)


def test_without_guidance_there_are_no_prompts_and_the_window_is_that_of_soft_tissue(
    patients: tuple[CachedPatient, ...], trained: Captioner
) -> None:
    lesions = captioned_lesions(patients)
    plain = caption_batch(lesions, [0], trained.table, [sure_of("T3 vertebra")], Guidance(False, False), None)
    guided = caption_batch(lesions, [0], trained.table, [sure_of("T3 vertebra")], Guidance(), None)
    assert not plain.prompts.any()
    assert guided.prompts.any()
    assert not torch.equal(plain.patches[0, 2], guided.patches[0, 2])
    assert torch.equal(plain.patches[0, 1], guided.patches[0, 1])


def test_drawn_answers_are_right_as_often_as_asked_and_never_name_a_place_twice() -> None:
    generator = np.random.default_rng(0)
    leaf = vocabulary().leaf("T9 vertebra")
    drawn = [Answers(accuracy=0.7, sure=0.5).draw(leaf, generator) for _ in range(400)]
    assert np.mean([answer.location is leaf for answer in drawn]) == pytest.approx(0.7, abs=0.06)
    assert all(len({location.id for location, _ in answer.top5}) == len(answer.top5) for answer in drawn)
    assert all(sum(share for _, share in answer.top5) <= 1.0 for answer in drawn)
