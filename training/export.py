"""Export: torch networks as ONNX files, checked against what they were made from."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import openvino
import torch

_TOLERANCE = 1e-3


def export_onnx(
    network: torch.nn.Module,
    inputs: Mapping[str, torch.Tensor],
    outputs: tuple[str, ...],
    path: Path,
    dynamic: Mapping[str, Mapping[int, str]] = {},
) -> None:
    """Write a network in evaluation mode as one ONNX file without traces of the machine it was made on.

    Parameters
    ----------
    inputs
        By name, in the order of ``forward``; examples that fix the shapes.
    dynamic
        Axes of inputs that may differ, by name.

    Raises
    ------
    ArithmeticError
        If OpenVINO does not compute what torch does.
    """
    network.eval()
    shapes = tuple(
        {axis: torch.export.Dim(name, min=1, max=4096) for axis, name in dynamic.get(each, {}).items()}
        for each in inputs
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            tuple(inputs.values()),
            path,
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=list(inputs),
            output_names=list(outputs),
            external_data=False,
            verbose=False,
        )
    model = onnx.load(str(path))
    model.doc_string = ""
    del model.metadata_props[:]
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))
    _compare(network, inputs, path)


def _compare(network: torch.nn.Module, inputs: Mapping[str, torch.Tensor], path: Path) -> None:
    with torch.no_grad():
        expected = network(*inputs.values())
    compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    found = compiled([values.contiguous().numpy() for values in inputs.values()])
    for number, values in enumerate(expected if isinstance(expected, tuple) else (expected,)):
        difference = np.abs(np.asarray(found[number], dtype=np.float32) - values.numpy().astype(np.float32)).max()
        if not difference <= _TOLERANCE * max(1.0, float(values.abs().max())):
            raise ArithmeticError(f"{path.name}: output {number} differs by {difference:g} from what torch computes")
