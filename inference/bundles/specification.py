"""Specification: what a bundle says about its model; everything that running it needs to know."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict

from config.reasons import Reason, Refused
from config.tracers import Tracer

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)

Axes = tuple[int, int, int]
Spacing = tuple[float, float, float]
Order = Literal[0, 1, 2, 3, 4, 5]


class Task(StrEnum):
    LESION_SEGMENTATION = "lesion-segmentation"
    ORGAN_SEGMENTATION = "organ-segmentation"
    LOCATION_RETRIEVAL = "location-retrieval"
    CAPTIONING = "captioning"
    GROUNDING = "grounding"


FILES = {
    Task.LOCATION_RETRIEVAL: ("image.onnx", "text.onnx", "index.npy", "retrieval.json"),
    Task.CAPTIONING: ("memory.onnx", "next_word.onnx", "caption.json"),
}
"""What a model of words consists of. The other tasks are those of networks that give a label to every voxel."""


class Normalisation(StrEnum):
    """How a channel's intensities are normalised; the schemes of nnU-Net v2."""

    ZSCORE = "z-score"
    CT = "ct"  # clipped at the training set's percentiles, then its mean and standard deviation
    RESCALE_0_1 = "rescale-0-1"
    RGB_0_1 = "rgb-0-1"
    NONE = "none"


class Alignment(StrEnum):
    """What the grids before and after resampling share."""

    EDGES = "edges"  # the outer edges of the array: nnU-Net, scikit-image, torch without align_corners
    FIRST_VOXEL = "first-voxel"  # the centre of the first voxel: MONAI's Spacing


class When(StrEnum):
    """When intensities are normalised: nnU-Net does it before resampling, MONAI's bundles after."""

    BEFORE_RESAMPLING = "before-resampling"
    AFTER_RESAMPLING = "after-resampling"


@dataclass(frozen=True, slots=True)
class Channel:
    """One input of the network.

    ``mean``, ``std`` and the percentiles are those of the training set's foreground; scheme CT needs them all.
    ``use_mask``: z-scores within what is not zero: in any channel, holes filled; after resampling, in this one.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    normalisation: Normalisation
    use_mask: bool = False
    mean: float | None = None
    std: float | None = None
    percentile_00_5: float | None = None
    percentile_99_5: float | None = None

    def __post_init__(self) -> None:
        if self.normalisation is Normalisation.CT:
            statistics = (self.mean, self.std, self.percentile_00_5, self.percentile_99_5)
            if any(value is None for value in statistics):
                raise ValueError(f"channel {self.name}: scheme ct needs mean, std, percentile_00_5, percentile_99_5")


@dataclass(frozen=True, slots=True)
class Label:
    """What one output of the network stands for; ``code`` as ``value^scheme^meaning``, for example of SNOMED CT."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """What the outputs of the network stand for, in their order.

    Without ``regions`` the outputs are classes, the first is the background, and the largest logit wins (softmax).
    With them each output is a region of its own (sigmoid): ``regions`` lists the labels that make it up, and
    ``region_order`` the label that is written where it is present; later regions overwrite earlier ones.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    names: tuple[Label, ...]
    regions: tuple[tuple[int, ...], ...] | None = None
    region_order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if (self.regions is None) != (self.region_order is None):
            raise ValueError("regions and region_order belong together")
        if self.regions is None and len(self.names) < 2:
            raise ValueError("classes need the background and at least one other label")
        if self.regions is not None and not len(self.names) == len(self.regions) == len(self.region_order or ()) > 0:
            raise ValueError("names, regions and region_order differ in length")
        if any(not 0 <= value < 2**16 for value in self.values):
            raise ValueError("labels lie between 0 and 65535")

    @property
    def values(self) -> tuple[int, ...]:
        """The value that each output has in the label map."""
        return tuple(range(len(self.names))) if self.region_order is None else self.region_order


@dataclass(frozen=True, slots=True)
class Resampling:
    """Interpolation between the original grid and the network's.

    ``order`` of the splines; along the axis of thick slices ``order_z``, if resampled apart. ``separate_z``: always,
    never, or None, where the spacing is anisotropic (largest over smallest above 3).
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    order: Order
    order_z: Order = 0
    separate_z: bool | None = None
    alignment: Alignment = Alignment.EDGES


@dataclass(frozen=True, slots=True)
class Network:
    """How the graphs are fed.

    ``graphs``: file names of the folds, an ensemble. ``patch``, ``spacing_mm`` and ``mirror_axes`` follow the axes of
    the network, which are those of the volume (slice, row, column) after ``transpose``; ``transpose_back`` undoes it.
    ``step``: distance between windows as a part of the patch. ``mirror_axes``: axes flipped in test-time augmentation.

    ``orientation``: where the index grows along (slice, row, column) before ``transpose``, ``SPL`` for DICOM's axial
    images; None takes volumes as they are. nnU-Net's SimpleITKIO and NibabelIO take arrays as they are stored, so it
    depends on the training files: written from DICOM by SimpleITK they are SPL; NibabelIOWithReorient makes them SAR.

    ``crop_to_nonzero``: look only at the box in which a channel is not zero.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    graphs: tuple[str, ...]
    patch: Axes
    spacing_mm: Spacing
    resample_data: Resampling
    resample_logits: Resampling
    step: float = 0.5
    mirror_axes: tuple[int, ...] = ()
    transpose: Axes = (0, 1, 2)
    transpose_back: Axes = (0, 1, 2)
    orientation: str | None = None
    crop_to_nonzero: bool = True
    normalise: When = When.BEFORE_RESAMPLING

    def __post_init__(self) -> None:
        if not self.graphs or len(set(self.graphs)) != len(self.graphs):
            raise ValueError("at least one graph, none twice")
        if min(self.patch) < 1 or min(self.spacing_mm) <= 0.0:
            raise ValueError("patch and spacing_mm are positive")
        if not 0.0 < self.step <= 1.0:
            raise ValueError("step lies above 0 and up to 1")
        if not set(self.mirror_axes) <= {0, 1, 2} or len(set(self.mirror_axes)) != len(self.mirror_axes):
            raise ValueError("mirror_axes are among 0, 1, 2, none twice")
        if sorted(self.transpose) != [0, 1, 2] or sorted(self.transpose_back) != [0, 1, 2]:
            raise ValueError("transpose and transpose_back are permutations of 0, 1, 2")
        if self.orientation is not None and not _is_orientation(self.orientation):
            raise ValueError("orientation has one letter each of RL, AP and IS, as in SPL")
        if any(self.transpose[back] != axis for axis, back in enumerate(self.transpose_back)):
            raise ValueError("transpose_back does not undo transpose")


@dataclass(frozen=True, slots=True)
class Specification:
    """What ``bundle.toml`` says of a network that labels voxels, without the digests."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    version: str
    task: Task
    channels: tuple[Channel, ...]
    labels: Labels
    network: Network
    tracer: Tracer | None = None
    licence: str = ""
    training_data: str = ""
    intended_use: str = ""

    def __post_init__(self) -> None:
        names = [channel.name for channel in self.channels]
        if not names or len(set(names)) != len(names):
            raise ValueError("at least one channel, none twice")
        if not self.name or not self.version:
            raise ValueError("name and version are not empty")
        if self.task in FILES:
            raise ValueError(f"a bundle for {self.task} has no channels, labels and network")

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it can't do without."""
        return self.network.graphs


@dataclass(frozen=True, slots=True)
class WordsSpecification:
    """What ``bundle.toml`` says of a model of words: the location or the caption of a lesion. Without the digests.

    What its networks take and give is the same for all of a task: the node makes it, and checks it when they load.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    version: str
    task: Task
    licence: str = ""
    training_data: str = ""
    intended_use: str = ""

    def __post_init__(self) -> None:
        if not self.name or not self.version:
            raise ValueError("name and version are not empty")
        if self.task not in FILES:
            raise ValueError(f"a bundle for {self.task} needs channels, labels and network")

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it can't do without."""
        return FILES[self.task]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A packaged model whose files are what its maker released.

    ``digests``: SHA-256 of every file. ``digest``: SHA-256 of ``bundle.toml``, and so of everything.
    ``channels``, ``labels``, ``network`` and ``graphs`` are those of a network that labels voxels; asking a model of
    words for them raises Refused (BUNDLE_MISPLACED).
    """

    folder: Path
    specification: Specification | WordsSpecification
    digests: Mapping[str, str]
    digest: str

    @property
    def identity(self) -> dict[str, str]:
        """Name, version and digest: the bundle to the last bit."""
        return {"name": self.name, "version": self.version, "digest": self.digest}

    @property
    def name(self) -> str:
        return self.specification.name

    @property
    def version(self) -> str:
        return self.specification.version

    @property
    def task(self) -> Task:
        return self.specification.task

    @property
    def tracer(self) -> Tracer | None:
        return self.specification.tracer if isinstance(self.specification, Specification) else None

    @property
    def channels(self) -> tuple[Channel, ...]:
        return self._of_voxels.channels

    @property
    def labels(self) -> Labels:
        return self._of_voxels.labels

    @property
    def network(self) -> Network:
        return self._of_voxels.network

    @property
    def licence(self) -> str:
        return self.specification.licence

    @property
    def training_data(self) -> str:
        return self.specification.training_data

    @property
    def intended_use(self) -> str:
        return self.specification.intended_use

    @property
    def graphs(self) -> tuple[Path, ...]:
        """Paths of the folds."""
        return tuple(self.folder / name for name in self.network.graphs)

    @property
    def _of_voxels(self) -> Specification:
        if isinstance(self.specification, WordsSpecification):
            found = f"{self.name} is for {self.task}: it gives words for lesions, and no label to a voxel."
            raise Refused(Reason.BUNDLE_MISPLACED, found)
        return self.specification


def _is_orientation(code: str) -> bool:
    return len(code) == 3 and all(len(set(code) & set(pair)) == 1 for pair in ("RL", "AP", "IS"))
