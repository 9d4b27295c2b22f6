"""Batches: cubes of cached bodies with their lesions."""

from collections.abc import Sequence

import numpy as np
import torch

from config.volume import FloatArray
from inference.bundles.specification import Channel
from inference.retrieval.body import AIR_HU, HU, SUV, HalfArray
from training.cache import CachedPatient
from training.segmentation.network import CT, PATCH, PET

_HOT_SUV = 4.0


def segmentation_batch(
    patients: Sequence[CachedPatient], size: int, generator: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Images (size, 2, \\*PATCH) and labels (size, 1, \\*PATCH), mirrored and scaled in intensity at random.

    A half is centred near a lesion, a quarter on hot voxels of any kind, the rest anywhere.
    """
    images, labels = [], []
    for _ in range(size):
        patient = patients[int(generator.integers(len(patients)))]
        fine = patient.body.fine
        centre = _centre(patient, fine, generator)
        image, label = cut(fine, patient, centre, float(np.exp(generator.normal(0.0, 0.15))))
        flips = tuple(1 + axis for axis in range(3) if generator.random() < 0.5)
        images.append(np.flip(image, flips))
        labels.append(np.flip(label, flips))
    stacked = torch.from_numpy(np.stack(images))
    return stacked, torch.from_numpy(np.stack(labels))


def cut(
    fine: HalfArray, patient: CachedPatient, centre: Sequence[int], suv_gain: float = 1.0
) -> tuple[FloatArray, FloatArray]:
    """Normalised image (2, \\*PATCH) and lesions (1, \\*PATCH) of a cube; beyond the body air without uptake."""
    image = np.zeros((2, *PATCH), dtype=np.float32)
    image[1] = AIR_HU
    label = np.zeros((1, *PATCH), dtype=np.float32)
    first = np.asarray(centre) - np.asarray(PATCH) // 2
    low = np.clip(first, 0, fine.shape[1:])
    high = np.clip(first + PATCH, 0, fine.shape[1:])
    source = tuple(slice(*pair) for pair in zip(low, high, strict=True))
    target = tuple(slice(*pair) for pair in zip(low - first, high - first, strict=True))
    image[0][target] = fine[SUV][source]
    image[1][target] = fine[HU][source]
    image[0] *= np.float32(suv_gain)
    for channel, plan in zip(image, (PET, CT), strict=True):
        _normalise(channel, plan)
    for voxels in patient.voxels:
        places = voxels - first
        inside = np.all((places >= 0) & (places < PATCH), axis=1)
        label[0][tuple(places[inside].T)] = 1.0
    return image, label


def _normalise(values: FloatArray, channel: Channel) -> None:
    assert channel.mean is not None
    assert channel.std is not None
    np.clip(values, channel.percentile_00_5, channel.percentile_99_5, out=values)
    values -= np.float32(channel.mean)
    values /= np.float32(channel.std)


def _centre(patient: CachedPatient, fine: HalfArray, generator: np.random.Generator) -> list[int]:
    kind = generator.random()
    if kind < 0.5 and patient.voxels:
        voxels = patient.voxels[int(generator.integers(len(patient.voxels)))]
        near = voxels[generator.integers(len(voxels))] + generator.integers(-16, 17, size=3)
        return [int(place) for place in near]
    if kind < 0.75:
        hot = np.argwhere(fine[SUV, ::3, ::3, ::3] > _HOT_SUV)
        if len(hot):
            return [int(place) for place in hot[generator.integers(len(hot))] * 3]
    return [int(generator.integers(size)) for size in fine.shape[1:]]
