"""Graphs: torch networks as ONNX files, checked against the network they come from."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import openvino
import torch

from config.reasons import Reason, Refused
from inference.messages import first_line

INPUT, OUTPUT = "windows", "logits"

_TOLERANCE = 1e-3


def export_graph(
    network: torch.nn.Module, path: Path, channels: int, outputs: int, patch: tuple[int, int, int]
) -> None:
    """Write a network as ONNX: a fixed patch, any number of windows where the network allows it, otherwise one.

    Raises
    ------
    Refused
        ``MODEL_UNSUPPORTED`` if torch can't export it; ``BUNDLE_GRAPH`` if the graph is not what the network is.
    """
    network.eval()
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    window = torch.randn((1, channels, *patch), generator=generator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if isinstance(network, torch.jit.ScriptModule):
                _export_script(network, window, path)
            else:
                _export_module(network, window, path)
        except (torch.onnx.errors.OnnxExporterError, RuntimeError, TypeError, ValueError) as error:
            raise Refused(Reason.MODEL_UNSUPPORTED, f"torch can't export it as ONNX: {_said(error)}.") from error
    finish_graph(path, path, channels, outputs, patch)
    _check_against(network, window, path)


def finish_graph(source: Path, path: Path, channels: int, outputs: int, patch: tuple[int, int, int]) -> None:
    """Check an ONNX file, fix its patch, leave out what tells of the machine it was made on, and write it as one file.

    Raises
    ------
    Refused
        ``BUNDLE_GRAPH`` if it does not pass ONNX's checker, or has other inputs or outputs than one of
        (windows, channels, *patch) and one of (windows, outputs, *patch).
    """
    try:
        model = onnx.load(str(source))
        weights = {initializer.name for initializer in model.graph.initializer}
        inputs = [value for value in model.graph.input if value.name not in weights]
        for value, planes in ((_only(inputs, source), channels), (_only(model.graph.output, source), outputs)):
            _fix_shape(value, (planes, *patch), source)
        _strip(model)
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError, OSError) as error:
        raise Refused(Reason.BUNDLE_GRAPH, f"{source.name}: {_said(error)}.") from error
    except Exception as error:  # protobuf raises its own, of no public type
        if "protobuf" not in type(error).__module__:
            raise
        raise Refused(Reason.BUNDLE_GRAPH, f"{source.name} is not ONNX: {_said(error)}.") from error
    onnx.save(model, str(path))


def _export_module(network: torch.nn.Module, window: torch.Tensor, path: Path) -> None:
    names = {"input_names": [INPUT], "output_names": [OUTPUT], "external_data": False, "verbose": False}
    try:
        many = ({0: torch.export.Dim("windows", min=1)},)
        torch.onnx.export(network, (window,), path, dynamo=True, dynamic_shapes=many, **names)
    except (torch.onnx.errors.OnnxExporterError, RuntimeError, TypeError, ValueError):
        torch.onnx.export(network, (window,), path, dynamo=True, **names)


def _export_script(network: torch.jit.ScriptModule, window: torch.Tensor, path: Path) -> None:
    """TorchScript has no other exporter than torch's older one."""
    many = {INPUT: {0: "windows"}, OUTPUT: {0: "windows"}}
    torch.onnx.export(
        network, (window,), path, dynamo=False, input_names=[INPUT], output_names=[OUTPUT], dynamic_axes=many
    )


def _only(values: "Sequence[onnx.ValueInfoProto]", path: Path) -> "onnx.ValueInfoProto":
    if len(values) != 1:
        names = ", ".join(value.name for value in values) or "none"
        raise Refused(Reason.BUNDLE_GRAPH, f"{path.name} has {len(values)} inputs or outputs ({names}), expected one.")
    return values[0]


def _fix_shape(value: "onnx.ValueInfoProto", expected: tuple[int, ...], path: Path) -> None:
    sizes = value.type.tensor_type.shape.dim
    known = [size.dim_value for size in sizes]
    reason = Reason.BUNDLE_CHANNELS if len(known) == 5 and known[1] not in (0, expected[0]) else Reason.BUNDLE_GRAPH
    if len(known) != 5 or any(found not in (0, wanted) for found, wanted in zip(known[1:], expected, strict=True)):
        shape = " × ".join(str(size.dim_value or size.dim_param or "?") for size in sizes)
        wanted_shape = " × ".join(map(str, ("windows", *expected)))
        raise Refused(reason, f"{path.name}: {value.name} is {shape}, expected {wanted_shape}.")
    for size, wanted in zip(list(sizes)[1:], expected, strict=True):
        size.dim_value = wanted


def _strip(model: "onnx.ModelProto") -> None:
    """Remove notes of the exporter: paths of source files, stack traces."""
    model.doc_string = ""
    del model.metadata_props[:]
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]


def _check_against(network: torch.nn.Module, window: torch.Tensor, path: Path) -> None:
    with torch.inference_mode():
        expected = network(window).numpy()
    core = openvino.Core()
    compiled = core.compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = np.asarray(compiled(window.numpy())[0])
    largest = max(1.0, float(np.abs(expected).max()))
    if found.shape != expected.shape or not np.abs(found - expected).max() <= _TOLERANCE * largest:
        raise Refused(Reason.BUNDLE_GRAPH, f"{path.name} does not compute what the network computes.")


def _said(error: Exception) -> str:
    return first_line(error).rstrip(".")
