"""Training of location retrieval: lesions of a cache against the descriptions of all locations."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict

from config.volume import FloatArray
from inference.retrieval.coarse_to_fine import Temperatures, TextIndex, retrieve
from training.cache import CachedPatient, Lesions
from training.location.batches import located_lesions, plain_batch, training_batch
from training.location.calibration import calibrate
from training.location.contrastive import Negatives, pair_up, symmetric_info_nce
from training.location.descriptions import Wording, describe
from training.location.entries import entries
from training.location.image_encoder import WIDTHS, Widths
from training.location.model import LocationModel
from training.location.text_encoder import word_table
from training.loop import Figures, Precision, Schedule, train
from training.recipe import STRICT


@dataclass(frozen=True, slots=True)
class LocationRecipe:
    """Everything that a run depends on besides its patients.

    ``texts_every`` steps the 511 texts are described and encoded anew, which costs as much as 24 images; in between
    their vectors stay. It must divide ``schedule.checkpoint_every``, or a resumed run would differ.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    schedule: Schedule
    seed: int = 0
    batch: int = 24
    texts_every: int = 5
    dimension: int = 128
    widths: Widths = WIDTHS
    wording: Wording = Wording.AUGMENTED
    negatives: Negatives = Negatives.SEMI_HARD
    precision: Precision = Precision.FLOAT32
    validation_lesions: int = 400

    def __post_init__(self) -> None:
        if self.schedule.checkpoint_every % self.texts_every:
            raise ValueError(f"checkpoint_every is not a multiple of texts_every, {self.texts_every}")


@dataclass(frozen=True, eq=False)
class LocationBatch:
    """Images (N, 10, \\*SHAPE) with their leaves (N,), and a text for every leaf and then every coarse name.

    No texts where the vectors of those before are to stay.
    """

    images: torch.Tensor
    leaves: torch.Tensor
    texts: Sequence[str]


def train_location(
    recipe: LocationRecipe,
    patients: Sequence[CachedPatient],
    validation: Sequence[CachedPatient],
    folder: Path,
) -> tuple[LocationModel, Temperatures]:
    """Train, or go on training, and calibrate on the validation patients.

    The loss is InfoNCE over leaf descriptions plus InfoNCE over coarse names (``contrastive``). Negatives are mined
    among all leaves; coarse names are few and take part all.
    """
    torch.manual_seed(recipe.seed)
    model = LocationModel(word_table(), recipe.dimension, recipe.widths)
    lesions, held_out = located_lesions(patients), located_lesions(validation)
    parents = torch.from_numpy(entries().parents)
    described = torch.empty(0)

    def batch_of(step: int) -> LocationBatch:
        generator = np.random.default_rng((recipe.seed, step))
        images, leaves = training_batch(lesions, recipe.batch, generator)
        anew = (*entries().leaves, *entries().coarse) if step % recipe.texts_every == 0 else ()
        texts = [describe(entry, recipe.wording, generator) for entry in anew]
        return LocationBatch(images, leaves, texts)

    def loss_of(batch: LocationBatch) -> tuple[torch.Tensor, Figures]:
        nonlocal described
        with recipe.precision.autocast:
            features = model.image.features(batch.images)
        embedded = model.image.embedded(features.float())
        described = model.texts(batch.texts) if batch.texts else described.detach()
        known, leaves = entries(), batch.leaves
        of_leaves, of_coarse = described.split([len(known.leaves), len(known.coarse)])
        temperatures = model.temperatures()
        leaf_loss, right = _loss(embedded, leaves, of_leaves, temperatures[0], recipe.negatives)
        coarse_loss, coarse_right = _loss(embedded, parents[leaves], of_coarse, temperatures[1], Negatives.ALL)
        return leaf_loss + coarse_loss, {"leaf": right, "coarse": coarse_right}

    def validate() -> Figures:
        return retrieval_figures(*_embedded(model, held_out, recipe.validation_lesions), model.index(recipe.wording))

    train(model, recipe.schedule, batch_of, loss_of, validate, folder, recipe.seed)
    model.eval()
    embeddings, leaves = _embedded(model, held_out, len(held_out))
    return model, calibrate(embeddings, leaves, model.index(recipe.wording))


def retrieval_figures(embeddings: FloatArray, leaves: NDArray[np.int64], index: TextIndex) -> dict[str, float]:
    """Shares of lesions whose leaf is first, or among the first five, and whose coarse location is right."""
    temperatures = calibrate(embeddings, leaves, index)
    answers = [[leaf for leaf, _ in retrieve(each, index, temperatures).leaves[:5]] for each in embeddings]
    pairs = list(zip(answers, leaves.tolist(), strict=True))
    return {
        "leaf": float(np.mean([answer[0] == leaf for answer, leaf in pairs])),
        "leaf among 5": float(np.mean([leaf in answer for answer, leaf in pairs])),
        "coarse": float(np.mean([index.parents[answer[0]] == index.parents[leaf] for answer, leaf in pairs])),
    }


def _loss(
    images: torch.Tensor, classes: torch.Tensor, texts: torch.Tensor, temperature: torch.Tensor, negatives: Negatives
) -> tuple[torch.Tensor, float]:
    similarity = images @ texts.T
    pairing = pair_up(similarity, classes, (texts @ texts.T).detach(), negatives)
    right = (similarity.detach().argmax(dim=1) == classes).float().mean()
    return symmetric_info_nce(similarity, pairing, temperature), float(right)


def _embedded(model: LocationModel, lesions: Lesions, most: int) -> tuple[FloatArray, NDArray[np.int64]]:
    """Embeddings of up to so many lesions, evenly spread over the data set, and their leaves."""
    places = np.unique(np.linspace(0, len(lesions) - 1, min(most, len(lesions))).astype(int))
    parts = [
        model.embed(plain_batch(lesions, part.tolist())[0]) for part in np.array_split(places, -(-len(places) // 16))
    ]
    return np.concatenate(parts), lesions.classes[places]
