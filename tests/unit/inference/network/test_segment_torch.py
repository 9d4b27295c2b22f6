"""Segmentation on torch's tensors, as on a GPU: the labels of NumPy's arrays, and nothing else comes back."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

torch = pytest.importorskip("torch", reason="torch is not installed (extras gpu, train)")

from config.finding import LabelMap  # noqa: E402
from config.reasons import Remark  # noqa: E402
from config.volume import Unit, Volume  # noqa: E402
from inference.bundles.specification import (  # noqa: E402
    Bundle,
    Channel,
    Label,
    Labels,
    Network,
    Normalisation,
    Resampling,
    Specification,
    Task,
    When,
)
from inference.engines.arrays import Arrays, HostArrays  # noqa: E402
from inference.engines.engine import WindowShape  # noqa: E402
from inference.engines.torch_arrays import TorchArrays  # noqa: E402
from inference.network.segment import segment_volume  # noqa: E402

SHAPE = (22, 28, 26)
SPACING_MM = (3.0, 4.0, 4.0)
BINARY = Labels((Label("background"), Label("lesion")))
CLASSES = Labels(tuple(Label(name) for name in ("background", "a", "b", "c")))
REGIONS = Labels((Label("whole"), Label("core")), ((1, 2), (2,)), (1, 40000))
CT = Channel("CT", Normalisation.CT, False, 10.0, 200.0, -500.0, 500.0)
NETWORK = Network(("graph.onnx",), (16, 16, 24), (2.1, 5.0, 3.3), Resampling(3), Resampling(1))
THICK = (9.0, 3.0, 3.0)


class Mixing:
    """A network that mixes its two channels, differently for each output; the folds differ by ``shift``."""

    name, device, batch = "mixing", "CPU", 2
    remarks: tuple[Remark, ...] = ()

    def __init__(self, arrays: Arrays, labels: Labels, patch: tuple[int, int, int], shift: float, flat: bool) -> None:
        self.arrays = arrays
        self.shape = WindowShape(2, len(labels.names), patch)
        self.shift = shift
        self.flat = flat

    def __call__(self, windows: Any) -> Any:
        return self.arrays.stack([self.arrays.stack(self.outputs(window)) for window in windows])

    def outputs(self, window: Any) -> list[Any]:
        mixed = [
            window[0] * (0.4 + 0.3 * output) - window[1] * (0.5 - 0.3 * output) + (0.3 * output - 0.5 + self.shift)
            for output in range(self.shape.classes)
        ]
        return [(each * 1e6).clip(-1.0, 1.0) for each in mixed] if self.flat else mixed


class Fetching(TorchArrays):
    """Notes what comes back to the host."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"))
        self.fetched: list[Any] = []

    def fetch(self, values: Any) -> Any:
        self.fetched.append(values)
        return super().fetch(values)


def volume(sigma: float, factor: float, unit: Unit, seed: int) -> Volume:
    """Noise in a box, with nothing around it."""
    noise = np.random.default_rng(seed).normal(size=SHAPE)
    values = np.zeros(SHAPE, dtype=np.float32)
    values[2:-2, 3:-1, 1:-3] = (ndimage.gaussian_filter(noise, sigma) * factor)[2:-2, 3:-1, 1:-3]
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = (*SPACING_MM, 1.0)
    return Volume(values, affine, unit)


VOLUMES = {"PET": volume(1.5, 20.0, Unit.SUVBW, 0), "CT": volume(1.0, 400.0, Unit.HOUNSFIELD, 1)}


def labels_on(
    arrays: Arrays, labels: Labels, network: Network, pet: Channel, *, folds: int = 1, flat: bool = False
) -> LabelMap:
    specification = Specification("toy", "1", Task.LESION_SEGMENTATION, (pet, CT), labels, network)
    engines = [Mixing(arrays, labels, network.patch, 0.1 * fold, flat) for fold in range(folds)]
    return segment_volume(VOLUMES, Bundle(Path(), specification, {}, ""), engines)


def assert_alike(labels: Labels, network: Network, pet: Channel | None = None, **options: Any) -> None:
    pet = pet or Channel("PET", Normalisation.ZSCORE, True)
    expected = labels_on(HostArrays(), labels, network, pet, **options)
    found = labels_on(TorchArrays(torch.device("cpu")), labels, network, pet, **options)
    assert len(np.unique(expected)) > 1
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("flat", [False, True], ids=["smooth", "constant-pieces"])
@pytest.mark.parametrize("labels", [BINARY, CLASSES, REGIONS], ids=["binary", "classes", "regions"])
@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize(
    ("spacing_mm", "separate_z"),
    [(NETWORK.spacing_mm, None), (THICK, None), (THICK, False), (NETWORK.spacing_mm, True)],
)
def test_every_order_gives_the_labels_of_the_host(
    labels: Labels, order: Any, spacing_mm: tuple[float, float, float], separate_z: bool | None, flat: bool
) -> None:
    resampling = Resampling(order, min(order, 1), separate_z)
    network = replace(NETWORK, spacing_mm=spacing_mm, resample_data=resampling, resample_logits=resampling)
    assert_alike(labels, network, flat=flat)


@pytest.mark.parametrize("labels", [BINARY, CLASSES, REGIONS], ids=["binary", "classes", "regions"])
@pytest.mark.parametrize(
    "network",
    [
        replace(NETWORK, mirror_axes=(0, 1, 2)),
        replace(NETWORK, transpose=(2, 0, 1), transpose_back=(1, 2, 0), orientation="SAR"),
        replace(NETWORK, patch=(40, 16, 24)),
        replace(NETWORK, normalise=When.AFTER_RESAMPLING),
    ],
    ids=["mirrored", "turned", "patch-larger-than-the-volume", "normalised-after"],
)
def test_several_folds_give_the_labels_of_the_host(labels: Labels, network: Network) -> None:
    assert_alike(labels, network, folds=3)


@pytest.mark.parametrize("scheme", [Normalisation.ZSCORE, Normalisation.RESCALE_0_1, Normalisation.NONE])
def test_every_normalisation_gives_the_labels_of_the_host(scheme: Normalisation) -> None:
    assert_alike(CLASSES, NETWORK, Channel("PET", scheme))


def test_only_labels_come_back() -> None:
    """And, to leave out what is background, which rows and columns hold anything else."""
    arrays = Fetching()
    labels_on(arrays, CLASSES, NETWORK, Channel("PET", Normalisation.ZSCORE, True))
    assert {values.dtype for values in arrays.fetched} == {torch.int16, torch.bool}
    assert max(values.ndim for values in arrays.fetched if values.dtype is torch.bool) == 1
    assert sum(values.numel() for values in arrays.fetched if values.dtype is torch.int16) <= np.prod(SHAPE)
