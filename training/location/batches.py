"""Batches: lesions of the cache as the location network sees them, each in a random view."""

from collections.abc import Sequence

import numpy as np
import torch

from config.vocabulary import vocabulary
from inference.retrieval.body import SPACING_MM, Voxels
from inference.retrieval.field_of_view import View, look
from training.cache import CachedPatient, Lesions
from training.location.entries import entries

_LEAST_KEPT_MM = 20.0
_ELSEWHERE = 0.4
_LARGEST_ELSEWHERE_MM = 20.0


def located_lesions(patients: Sequence[CachedPatient]) -> Lesions:
    """The lesions whose leaf is known; their classes are leaves in the vocabulary's order."""
    numbers = {leaf.id: number for number, leaf in enumerate(vocabulary())}
    found = [
        (patient, lesion, numbers[truth.leaf])
        for patient, cached in enumerate(patients)
        for lesion, truth in enumerate(cached.lesions)
        if truth.leaf is not None
    ]
    places = tuple((patient, lesion) for patient, lesion, _ in found)
    return Lesions(patients, places, np.asarray([leaf for *_, leaf in found], dtype=np.int64))


def training_batch(lesions: Lesions, size: int, generator: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (size, 10, \\*SHAPE) and leaves (size,) of lesions drawn at random, each seen at random.

    Where every voxel's leaf is known, two in five are contours of lesions put elsewhere in the same body, where nothing
    is: there are far more places than lesions, and where one lies must not depend on what it looks like.
    """
    images, leaves = [], []
    for place in lesions.draw(size, generator):
        patient, lesion = lesions.places[place]
        cached, leaf = lesions.patients[patient], int(lesions.classes[place])
        voxels = _marked(cached.voxels[lesion], generator)
        if cached.places is not None and generator.random() < _ELSEWHERE:
            centre, leaf = cached.places.draw(generator)
            voxels = _moved(voxels, centre, cached.body.fine.shape[1:])
        twin = int(entries().mirrored[leaf])
        view = random_view(voxels, cached.body.fine.shape[1:], generator, may_mirror=twin >= 0)
        images.append(look(cached.body, voxels, view))
        leaves.append(twin if view.mirrored else leaf)
    return _stack(images), torch.tensor(leaves)


def plain_batch(lesions: Lesions, places: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The same of given lesions, as the node sees them."""
    chosen = [lesions.places[place] for place in places]
    images = [look(lesions.patients[patient].body, lesions.patients[patient].voxels[each]) for patient, each in chosen]
    return _stack(images), torch.as_tensor(lesions.classes[list(places)])


def random_view(voxels: Voxels, shape: Sequence[int], generator: np.random.Generator, *, may_mirror: bool) -> View:
    """A view that a scanner, a patient and a contour could have made: the lesion stays in it.

    Most are cut: at one or both ends of the scan, and now and then at the sides, where arms are lost. Some have no
    uptake at all, so that anatomy alone must do.
    """
    low, high = voxels.min(axis=0), voxels.max(axis=0)
    kept = _LEAST_KEPT_MM / SPACING_MM
    cut = []
    for axis, chance in enumerate((0.35, 0.04, 0.12)):
        first = generator.uniform(0.0, max(1.0, low[axis] - kept)) if generator.random() < chance else -np.inf
        end = max(high[axis] + kept, shape[axis])
        last = generator.uniform(high[axis] + kept, end) if generator.random() < chance else np.inf
        cut.append((float(first), float(last)))
    return View(
        shift=tuple(generator.uniform(-2.0, 2.0, 3)),
        zoom=tuple(generator.uniform(0.9, 1.1) * generator.uniform(0.95, 1.05, 3)),
        cut=tuple(cut),
        mirrored=bool(may_mirror and generator.random() < 0.5),
        suv_gain=0.0 if generator.random() < 0.15 else float(np.exp(generator.normal(0.0, 0.3))),
        hu_offset=float(generator.normal(0.0, 10.0)),
        unmarked=bool(generator.random() < 0.2),
    )


def _marked(voxels: Voxels, generator: np.random.Generator) -> Voxels:
    """The lesion, or now and then only its middle: where a lesion lies must not depend on who drew it."""
    if generator.random() < 0.9:
        return voxels
    middle = int(np.linalg.norm(voxels - voxels.mean(axis=0), axis=1).argmin())
    return voxels[middle : middle + 1]


def _moved(voxels: Voxels, centre: Voxels, shape: Sequence[int]) -> Voxels:
    """The middle of a lesion, moved to another voxel of the body."""
    offsets = np.rint(voxels - voxels.mean(axis=0)).astype(np.int16)
    near = np.linalg.norm(offsets * SPACING_MM, axis=1) <= _LARGEST_ELSEWHERE_MM
    moved = np.concatenate([centre[None], centre + offsets[near]])
    return np.unique(moved[((moved >= 0) & (moved < shape)).all(axis=1)], axis=0)


def _stack(images: Sequence[np.ndarray]) -> torch.Tensor:
    batch = torch.empty((len(images), *images[0].shape), memory_format=torch.channels_last_3d)
    for place, image in zip(batch, images, strict=True):
        place.copy_(torch.from_numpy(image))
    return batch
