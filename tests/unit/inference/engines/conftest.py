from collections.abc import Callable
from pathlib import Path

import numpy as np
import openvino
import pytest
from openvino import opset13 as ops
from scipy.ndimage import correlate

from config.volume import FloatArray

PATCH = (8, 10, 12)


@pytest.fixture(scope="session")
def kernels() -> FloatArray:
    """Two channels in, three classes out, 3 × 3 × 3."""
    return np.random.default_rng(2).normal(size=(3, 2, 3, 3, 3)).astype(np.float32)


@pytest.fixture
def convolution(tmp_path: Path, kernels: FloatArray) -> Callable[..., Path]:
    """Writes one convolution as an OpenVINO graph that takes windows of the given shape."""

    def write(*shape: int, name: str = "graph.xml") -> Path:
        image = ops.parameter(list(shape or (-1, 2, *PATCH)), np.float32, name="image")
        ones = [1, 1, 1]
        logits = ops.convolution(image, ops.constant(kernels), ones, ones, ones, ones)
        path = tmp_path / name
        openvino.save_model(openvino.Model([logits], [image]), path, compress_to_fp16=False)
        return path

    return write


@pytest.fixture
def expected(kernels: FloatArray) -> Callable[[FloatArray], FloatArray]:
    """The same convolution by SciPy, in float64."""

    def convolve(windows: FloatArray) -> FloatArray:
        wide = windows.astype(np.float64)
        return np.stack(
            [
                [
                    sum(correlate(one, k, mode="constant") for one, k in zip(window, kernel, strict=True))
                    for kernel in kernels
                ]
                for window in wide
            ]
        ).astype(np.float32)

    return convolve


@pytest.fixture
def windows() -> FloatArray:
    return np.random.default_rng(8).normal(size=(5, 2, *PATCH)).astype(np.float32)
