"""Training of lesion segmentation on cubes of cached bodies, with Dice and cross-entropy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from monai.losses import DiceCELoss
from pydantic import ConfigDict

from inference.bundles.specification import Bundle, Specification
from inference.bundles.store import load_bundle, write_bundle
from inference.importers.folders import new_folder
from inference.importers.graph import export_graph
from training.cache import CachedPatient
from training.loop import Figures, Precision, Schedule, train
from training.recipe import STRICT
from training.segmentation.batches import segmentation_batch
from training.segmentation.network import GRAPH, PATCH, LesionNetwork


@dataclass(frozen=True, slots=True)
class SegmentationRecipe:
    """Everything that a run depends on besides its patients."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    schedule: Schedule
    seed: int = 0
    batch: int = 4
    filters: tuple[int, ...] = (16, 32, 64, 96)
    precision: Precision = Precision.FLOAT32
    validation_cubes: int = 32


def train_segmentation(
    recipe: SegmentationRecipe, patients: Sequence[CachedPatient], validation: Sequence[CachedPatient], folder: Path
) -> torch.nn.Module:
    """Train, or go on training. Validation: the Dice of all voxels of a fixed set of cubes together."""
    torch.manual_seed(recipe.seed)
    network = LesionNetwork(recipe.filters)
    criterion = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False, batch=True)

    def batch_of(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        return segmentation_batch(patients, recipe.batch, np.random.default_rng((recipe.seed, step)))

    def loss_of(batch: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, Figures]:
        images, labels = batch
        with recipe.precision.autocast:
            logits = network(images)
        return criterion(logits.float(), labels), {}

    def validate() -> Figures:
        generator = np.random.default_rng(recipe.seed)
        shared = found = true = 0.0
        for _ in range(-(-recipe.validation_cubes // recipe.batch)):
            images, labels = segmentation_batch(validation, recipe.batch, generator)
            predicted = network(images).argmax(dim=1, keepdim=True) > 0
            wanted = labels > 0.5
            shared += float((predicted & wanted).sum())
            found, true = found + float(predicted.sum()), true + float(wanted.sum())
        return {"Dice": 2.0 * shared / max(1.0, found + true)}

    train(network, recipe.schedule, batch_of, loss_of, validate, folder, recipe.seed)
    network.eval()
    return network


def export_segmentation(network: torch.nn.Module, specification: Specification, out: Path) -> Bundle:
    """The network as a bundle that the node runs."""
    channels, outputs = len(specification.channels), len(specification.labels.names)
    with new_folder(out) as part:
        export_graph(network, part / GRAPH, channels, outputs, PATCH)
        write_bundle(specification, part)
    return load_bundle(out)
