"""Description: what a person says of a model that is made into a bundle."""

from dataclasses import dataclass

from config.tracers import Tracer
from inference.bundles.specification import Task


@dataclass(frozen=True, slots=True)
class Description:
    """What the model does not say itself; None leaves it to the model.

    Parameters
    ----------
    task, tracer
        What the bundle is for.
    name, version, licence, training_data, intended_use
        As they are shown and recorded.
    channels
        The network's inputs in their order, ``PET`` (SUVbw) and ``CT`` (HU) for what the node itself can give.
    orientation
        Where the index grew along (slice, row, column) of the training arrays, ``SPL`` for DICOM's axial images.
    mirroring
        Whether windows are also seen mirrored along the axes that the training allows: nnU-Net's default, better by
        little, and eight times as slow for three axes.
    """

    task: Task
    tracer: Tracer | None = None
    name: str | None = None
    version: str | None = None
    licence: str | None = None
    training_data: str | None = None
    intended_use: str | None = None
    channels: tuple[str, ...] | None = None
    orientation: str | None = None
    mirroring: bool = False


def channel_names(given: tuple[str, ...] | None, found: tuple[str, ...]) -> tuple[str, ...] | None:
    """The inputs' names as the node knows them: those given, or recognised from a model's own; None if neither does."""
    if given is not None:
        return given if len(given) == len(found) else None
    recognised = tuple(_recognised(name) for name in found)
    return None if "" in recognised or len(set(recognised)) != len(recognised) else recognised


def _recognised(name: str) -> str:
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    if {"ct"} & set(words) and not {"pet", "suv", "pt"} & set(words):
        return "CT"
    if {"pet", "suv", "suvbw", "pt"} & set(words) and "ct" not in words:
        return "PET"
    return ""
