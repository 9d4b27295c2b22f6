"""Batches: patches of the cache in the window that the location asks for, with prompts and the words to be said."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict

from config.finding import LocationAnswer
from config.vocabulary import Location, vocabulary
from config.volume import FloatArray
from inference.captioning.guidance import MOST_PROMPTS, ct_window, location_prompts
from inference.captioning.network_input import network_input
from inference.captioning.patch import MARGIN, SIZE, HalfPatch
from inference.captioning.tokens import CT_FINDINGS, PAD, TokenTable, Words
from training.cache import CachedPatient, Lesions
from training.caption.model import LENGTH
from training.recipe import STRICT


@dataclass(frozen=True, slots=True)
class Guidance:
    """Which of the paper's two guides are used; both off is its baseline B."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    prompts: bool = True
    windows: bool = True


@dataclass(frozen=True, slots=True)
class Answers:
    """Stand-in for the location model while the captioner learns: right as often as ``accuracy``.

    A trained model's answers on training patients would be surer than on new ones; so what training sees is drawn to
    have the accuracy that validation found: the wrong ones name another leaf of the coarse location where there is
    one. ``sure`` is how often the confidence is above the thresholds of CGLP and DWS.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    accuracy: float = 0.85
    sure: float = 0.6

    def draw(self, leaf: Location, generator: np.random.Generator) -> LocationAnswer:
        beside = [other for other in vocabulary().below(leaf.coarse) if other is not leaf]
        anywhere = [vocabulary().leaves[number] for number in generator.permutation(len(vocabulary().leaves))[:6]]
        others = [beside[number] for number in generator.permutation(len(beside))[:4]] + anywhere
        wrong = [other for other in dict.fromkeys(others) if other is not leaf]
        right = generator.random() < self.accuracy
        sure = generator.random() < (self.sure if right else 0.05)
        named = [leaf, *wrong[:4]] if right else [wrong[0], leaf, *wrong[1:4]]
        confidence = float(generator.uniform(0.951, 1.0) if sure else generator.uniform(0.3, 0.94))
        shares = (confidence, *((1.0 - confidence) * np.asarray([0.6, 0.2, 0.1, 0.05])).tolist())
        ranked = tuple(zip(named, shares, strict=True))
        return LocationAnswer(named[0], confidence, ranked)


def captioned_lesions(patients: Sequence[CachedPatient]) -> Lesions:
    """The lesions whose leaf and CT finding are known; their classes are CT findings."""
    found = [
        (patient, lesion, CT_FINDINGS.index(truth.ct_finding))
        for patient, cached in enumerate(patients)
        for lesion, truth in enumerate(cached.lesions)
        if truth.leaf is not None and truth.ct_finding is not None
    ]
    places = tuple((patient, lesion) for patient, lesion, _ in found)
    return Lesions(patients, places, np.asarray([finding for *_, finding in found], dtype=np.int64))


@dataclass(frozen=True, slots=True)
class CaptionBatch:
    """Patches (N, 4, 32, 32, 32), prompts (N, words) and captions (N, ``LENGTH``) with start and end, padded."""

    patches: torch.Tensor
    prompts: torch.Tensor
    tokens: torch.Tensor


def caption_batch(
    lesions: Lesions,
    chosen: Sequence[int],
    table: TokenTable,
    answers: Sequence[LocationAnswer],
    guidance: Guidance,
    generator: np.random.Generator | None,
) -> CaptionBatch:
    """The given lesions with the given answers of the location stage; shifted and scaled if there is a generator."""
    patches, prompts, tokens = [], [], []
    for place, answer in zip(chosen, answers, strict=True):
        patient, lesion = lesions.places[place]
        truth = lesions.patients[patient].lesions[lesion]
        assert truth.leaf is not None
        assert truth.ct_finding is not None
        window = ct_window(answer) if guidance.windows else None
        patches.append(network_input(_framed(lesions.patients[patient].patch(lesion), generator), window))
        names = location_prompts(answer) if guidance.prompts else ()
        prompts.append(table.prompts(names, MOST_PROMPTS))
        said = table.caption(Words(vocabulary().by_id[truth.leaf].name, truth.ct_finding))
        tokens.append(said + [PAD] * (LENGTH - len(said)))
    images = torch.from_numpy(np.stack(patches)).contiguous(memory_format=torch.channels_last_3d)
    return CaptionBatch(images, torch.from_numpy(np.stack(prompts)), torch.tensor(tokens))


def _framed(patch: HalfPatch, generator: np.random.Generator | None) -> NDArray[np.float32]:
    """The patch without its margin."""
    first = [MARGIN] * 3 if generator is None else generator.integers(0, 2 * MARGIN + 1, size=3).tolist()
    box = tuple(slice(start, start + SIZE) for start in first)
    framed: FloatArray = np.asarray(patch[(slice(None), *box)], dtype=np.float32)
    if generator is not None:
        framed[0] *= np.float32(np.exp(generator.normal(0.0, 0.2)))
        framed[1] += np.float32(generator.normal(0.0, 10.0))
    return framed
