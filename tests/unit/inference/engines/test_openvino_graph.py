import numpy as np
import openvino
import pytest
from openvino import opset13 as ops

from config.volume import FloatArray
from inference.engines.openvino_graph import split_concatenations

SHAPES = ((1, 2, 6, 7, 8), (1, 3, 6, 7, 8), (1, 1, 6, 7, 8))
KERNELS = np.random.default_rng(4).normal(size=(5, 6, 3, 3, 3)).astype(np.float32)


def concatenation(*, axis: int = 1, read_twice: bool = False) -> openvino.Model:
    """A strided convolution of three inputs laid side by side."""
    images = [ops.parameter(list(shape), np.float32) for shape in SHAPES]
    whole = ops.concat(images, axis)
    strides, before, after, dilations = [2, 1, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1]
    results = [ops.convolution(whole, ops.constant(KERNELS), strides, before, after, dilations)]
    if read_twice:
        results.append(ops.relu(whole))
    return openvino.Model(results, images)


def operators(model: openvino.Model) -> list[str]:
    return [node.get_type_name() for node in model.get_ops()]


def run(model: openvino.Model) -> FloatArray:
    random = np.random.default_rng(5)
    images = [random.normal(size=shape).astype(np.float32) for shape in SHAPES]
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.array(compiled(images)[0])


@pytest.mark.parametrize("axis", [1, -4])
def test_the_parts_are_convolved_and_added(axis: int) -> None:
    whole, split = concatenation(axis=axis), concatenation(axis=axis)
    split_concatenations(split)
    assert "Concat" not in operators(split)
    assert operators(split).count("Convolution") == 3
    np.testing.assert_allclose(run(split), run(whole), atol=1e-4)


def test_what_is_also_read_as_a_whole_stays_whole() -> None:
    model = concatenation(read_twice=True)
    split_concatenations(model)
    assert operators(model).count("Convolution") == 1


def test_what_is_laid_behind_one_another_stays_whole() -> None:
    images = [ops.parameter([1, 6, depth, 7, 8], np.float32) for depth in (2, 4)]
    ones = [1, 1, 1]
    convolved = ops.convolution(ops.concat(images, 2), ops.constant(KERNELS), ones, ones, ones, ones)
    model = openvino.Model([convolved], images)
    split_concatenations(model)
    assert "Concat" in operators(model)


def test_kernels_that_are_computed_leave_it_whole() -> None:
    images = [ops.parameter(list(shape), np.float32) for shape in SHAPES]
    kernels = ops.parameter(list(KERNELS.shape), np.float32)
    ones = [1, 1, 1]
    model = openvino.Model(
        [ops.convolution(ops.concat(images, 1), kernels, ones, ones, ones, ones)], [*images, kernels]
    )
    split_concatenations(model)
    assert operators(model).count("Convolution") == 1
