"""An ONNX graph run by torch, operator by operator (ONNX operator specification, opsets 13 to 21).

Imported only where torch and onnx are installed. So the reference runs the file that the other engines run, and needs
neither a second copy of the weights nor a format that carries code.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
import torch.nn.functional as F

from config.reasons import Reason, Refused

Attributes = dict[str, Any]


class TorchGraph:
    """A graph with one input and one output, for convolutional networks; its weights lie on one device.

    Raises
    ------
    Refused
        BUNDLE_GRAPH, if it isn't a graph; ENGINE_UNAVAILABLE, if it has an operator or a form of one that is not here.
    """

    def __init__(self, graph: Path, device: torch.device) -> None:
        model = _read(graph)
        self._nodes = [_Node(node) for node in model.graph.node]
        unknown = sorted({node.operator for node in self._nodes} - _OPERATORS.keys())
        if unknown:
            raise Refused(Reason.ENGINE_UNAVAILABLE, f"torch can't run {graph.name}: it has {', '.join(unknown)}.")
        self._constants = {tensor.name: _tensor(tensor).to(device) for tensor in model.graph.initializer}
        inputs = [value.name for value in model.graph.input if value.name not in self._constants]
        outputs = [value.name for value in model.graph.output]
        if (len(inputs), len(outputs)) != (1, 1):
            found = f"{len(inputs)} inputs and {len(outputs)} outputs"
            raise Refused(Reason.BUNDLE_GRAPH, f"{graph.name} has {found}, expected one of each.")
        self._input, self._output = inputs[0], outputs[0]
        self._uses = Counter(name for node in self._nodes for name in node.inputs) + Counter(outputs)

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        """The graph's output; what no later operator reads is let go at once."""
        values = {self._input: image, **self._constants}
        uses = dict(self._uses)
        for node in self._nodes:
            arguments = [values[name] if name else None for name in node.inputs]
            values[node.output] = _OPERATORS[node.operator](node.attributes, *arguments)
            del arguments
            for name in node.inputs:
                uses[name] -= 1
                if not uses[name]:
                    values.pop(name, None)
        return values[self._output]


class _Node:
    """An operator with the names it reads and writes."""

    def __init__(self, node: Any) -> None:
        self.operator: str = node.op_type
        self.inputs = tuple(node.input)
        self.output: str = node.output[0]
        self.attributes: Attributes = {
            attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute
        }


def _read(graph: Path) -> Any:
    try:
        model = onnx.load(graph)
        onnx.checker.check_model(model)
    except Exception as error:  # a boundary: protobuf, file and checker errors of a file from elsewhere
        raise Refused(Reason.BUNDLE_GRAPH, f"{graph.name} fails the ONNX checker: {error}") from error
    return model


def _tensor(proto: Any) -> Any:
    return torch.from_numpy(np.array(onnx.numpy_helper.to_array(proto)))


def _symmetric(attributes: Attributes, dimensions: int) -> list[int]:
    """Padding that is the same before and after; torch's functions take no other."""
    pads = list(attributes.get("pads", [0] * 2 * dimensions))
    automatic = attributes.get("auto_pad", b"NOTSET")
    if automatic not in (b"NOTSET", b"VALID") or pads[:dimensions] != pads[dimensions:]:
        raise Refused(Reason.ENGINE_UNAVAILABLE, f"torch can't pad by {automatic.decode()} {pads}.")
    return pads[:dimensions]


def _convolution(attributes: Attributes, image: Any, weight: Any, bias: Any = None) -> Any:
    dimensions = weight.ndim - 2
    return _CONVOLUTIONS[dimensions](
        image,
        weight,
        bias,
        attributes.get("strides", [1] * dimensions),
        _symmetric(attributes, dimensions),
        attributes.get("dilations", [1] * dimensions),
        attributes.get("group", 1),
    )


def _transposed_convolution(attributes: Attributes, image: Any, weight: Any, bias: Any = None) -> Any:
    dimensions = weight.ndim - 2
    if "output_shape" in attributes:
        raise Refused(Reason.ENGINE_UNAVAILABLE, "torch can't run a ConvTranspose with output_shape.")
    return _TRANSPOSED_CONVOLUTIONS[dimensions](
        image,
        weight,
        bias,
        attributes.get("strides", [1] * dimensions),
        _symmetric(attributes, dimensions),
        attributes.get("output_padding", [0] * dimensions),
        attributes.get("group", 1),
        attributes.get("dilations", [1] * dimensions),
    )


def _pool(attributes: Attributes, image: Any, pools: dict[int, Callable[..., Any]]) -> Any:
    dimensions = image.ndim - 2
    size = attributes["kernel_shape"]
    pads = _symmetric(attributes, dimensions)
    options: dict[str, Any] = {"ceil_mode": bool(attributes.get("ceil_mode", 0))}
    if pools is _AVERAGES:
        options["count_include_pad"] = bool(attributes.get("count_include_pad", 0))
    return pools[dimensions](image, size, attributes.get("strides", [1] * dimensions), pads, **options)


def _parametric_relu(_: Attributes, values: Any, slope: Any) -> Any:
    return torch.where(values >= 0, values, values * slope)


def _reshape(attributes: Attributes, values: Any, shape: Any) -> Any:
    keeps_zero = not attributes.get("allowzero", 0)
    sizes = [values.shape[i] if keeps_zero and size == 0 else size for i, size in enumerate(shape.tolist())]
    return values.reshape(sizes)


def _resize(attributes: Attributes, values: Any, _: Any, scales: Any = None, sizes: Any = None) -> Any:
    mode = attributes.get("mode", b"nearest").decode()
    place = attributes.get("coordinate_transformation_mode", b"half_pixel").decode()
    aligned = place == "align_corners"
    if (mode, place) not in _RESIZES or (mode == "nearest" and attributes.get("nearest_mode") != b"floor"):
        raise Refused(Reason.ENGINE_UNAVAILABLE, f"torch can't resize by {mode} with {place}.")
    if sizes is None:
        sizes = [int(size * scale) for size, scale in zip(values.shape, scales.tolist(), strict=True)]
    size = [int(n) for n in sizes][2:]
    if mode == "nearest":
        return F.interpolate(values, size=size, mode="nearest")
    name = {1: "linear", 2: "bilinear", 3: "trilinear"}[values.ndim - 2]
    return F.interpolate(values, size=size, mode=name, align_corners=aligned)


def _constant(attributes: Attributes) -> Any:
    if "value" not in attributes:
        raise Refused(Reason.ENGINE_UNAVAILABLE, f"torch can't read a Constant of {', '.join(attributes)}.")
    return _tensor(attributes["value"])


_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_TRANSPOSED_CONVOLUTIONS = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
_AVERAGES: dict[int, Callable[..., Any]] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
_MAXIMA: dict[int, Callable[..., Any]] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_RESIZES = {
    ("nearest", "asymmetric"),
    ("linear", "half_pixel"),
    ("linear", "pytorch_half_pixel"),
    ("linear", "align_corners"),
}
_OPERATORS: dict[str, Callable[..., Any]] = {
    "Add": lambda _, a, b: a + b,
    "AveragePool": lambda attributes, image: _pool(attributes, image, _AVERAGES),
    "BatchNormalization": lambda attributes, x, weight, bias, mean, variance: F.batch_norm(
        x, mean, variance, weight, bias, eps=attributes.get("epsilon", 1e-5)
    ),
    "Concat": lambda attributes, *parts: torch.cat(parts, attributes["axis"]),
    "Constant": _constant,
    "Conv": _convolution,
    "ConvTranspose": _transposed_convolution,
    "Div": lambda _, a, b: a / b,
    "Identity": lambda _, values: values,
    "InstanceNormalization": lambda attributes, x, weight, bias: F.instance_norm(
        x, weight=weight, bias=bias, eps=attributes.get("epsilon", 1e-5)
    ),
    "LeakyRelu": lambda attributes, values: F.leaky_relu(values, attributes.get("alpha", 0.01)),
    "MaxPool": lambda attributes, image: _pool(attributes, image, _MAXIMA),
    "Mul": lambda _, a, b: a * b,
    "PRelu": _parametric_relu,
    "Relu": lambda _, values: F.relu(values),
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": lambda _, values: torch.tensor(values.shape),
    "Sigmoid": lambda _, values: torch.sigmoid(values),
    "Softmax": lambda attributes, values: torch.softmax(values, attributes.get("axis", -1)),
    "Sub": lambda _, a, b: a - b,
}
