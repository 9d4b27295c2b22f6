"""Training of the captioner: the next word of each caption, given the ones before."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from pydantic import ConfigDict
from torch.nn import functional

from config.vocabulary import Location, vocabulary
from inference.captioning.network_input import CHANNELS
from inference.captioning.tokens import COLON, END, PAD, START, token_table
from training.cache import CachedPatient, Lesions
from training.caption.batches import Answers, CaptionBatch, Guidance, caption_batch, captioned_lesions
from training.caption.model import LENGTH, Captioner
from training.loop import Figures, Precision, Schedule, train
from training.recipe import STRICT


@dataclass(frozen=True, slots=True)
class CaptionRecipe:
    """Everything that a run depends on besides its patients."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    schedule: Schedule
    seed: int = 0
    batch: int = 48
    width: int = 96
    precision: Precision = Precision.FLOAT32
    guidance: Guidance = field(default_factory=Guidance)
    answers: Answers = field(default_factory=Answers)
    validation_lesions: int = 400


def train_caption(
    recipe: CaptionRecipe, patients: Sequence[CachedPatient], validation: Sequence[CachedPatient], folder: Path
) -> Captioner:
    """Train, or go on training, by cross-entropy of the next word; the location stage is drawn (``Answers``)."""
    torch.manual_seed(recipe.seed)
    table = token_table()
    model = Captioner(table, len(CHANNELS), recipe.width)
    lesions, held_out = captioned_lesions(patients), captioned_lesions(validation)

    def described(data: Lesions, chosen: Sequence[int], generator: np.random.Generator, vary: bool) -> CaptionBatch:
        answers = [recipe.answers.draw(_leaf(data, place), generator) for place in chosen]
        return caption_batch(data, chosen, table, answers, recipe.guidance, generator if vary else None)

    def batch_of(step: int) -> CaptionBatch:
        generator = np.random.default_rng((recipe.seed, step))
        return described(lesions, lesions.draw(recipe.batch, generator).tolist(), generator, vary=True)

    def loss_of(batch: CaptionBatch) -> tuple[torch.Tensor, Figures]:
        return next_word_loss(model, batch, recipe.precision), {}

    def validate() -> Figures:
        places = np.unique(np.linspace(0, len(held_out) - 1, min(recipe.validation_lesions, len(held_out))).astype(int))
        generator = np.random.default_rng(recipe.seed)
        right = np.zeros(2)
        for part in np.array_split(places, -(-len(places) // 50)):
            batch = described(held_out, part.tolist(), generator, vary=False)
            right += _words_right(greedy(model, batch.patches, batch.prompts), batch.tokens)
        return {"location": right[0] / len(places), "finding": right[1] / len(places)}

    train(model, recipe.schedule, batch_of, loss_of, validate, folder, recipe.seed)
    model.eval()
    return model


def next_word_loss(model: Captioner, batch: CaptionBatch, precision: Precision = Precision.FLOAT32) -> torch.Tensor:
    """Cross-entropy of each word after the ones before it; padding doesn't count."""
    with precision.autocast:
        features = model.image(batch.patches)
    memory, present = model.remember(features.float(), batch.prompts)
    logits = model.decoder(batch.tokens[:, :-1], memory, present)
    return functional.cross_entropy(logits.transpose(1, 2), batch.tokens[:, 1:], ignore_index=PAD)


def greedy(model: Captioner, patches: torch.Tensor, prompts: torch.Tensor) -> torch.Tensor:
    """The likeliest next word, one after another; token numbers (N, ``LENGTH``) from the start on, padded after end."""
    with torch.no_grad():
        memory, present = model.remember(model.image(patches), prompts)
        tokens = torch.full((len(patches), LENGTH), PAD)
        tokens[:, 0] = START
        ended = torch.zeros(len(patches), dtype=torch.bool)
        for place in range(1, LENGTH):
            best = model.decoder(tokens[:, :place], memory, present)[:, -1].argmax(dim=-1)
            tokens[:, place] = torch.where(ended, PAD, best)
            ended = ended | (best == END)
            if bool(ended.all()):
                break
    return tokens


def _words_right(found: torch.Tensor, expected: torch.Tensor) -> np.ndarray:
    """How many captions have the location's and how many the finding's words exactly."""
    counts = np.zeros(2)
    for said, wanted in zip(found.tolist(), expected.tolist(), strict=True):
        counts += [_before(said) == _before(wanted), _after(said) == _after(wanted)]
    return counts


def _before(tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(COLON)] if COLON in tokens else []


def _after(tokens: list[int]) -> list[int]:
    return [token for token in tokens[tokens.index(COLON) :] if token != PAD] if COLON in tokens else []


def _leaf(lesions: Lesions, place: int) -> Location:
    patient, lesion = lesions.places[place]
    leaf = lesions.patients[patient].lesions[lesion].leaf
    assert leaf is not None
    return vocabulary().by_id[leaf]
