"""OpenVINO: graphs that do not label voxels, with inputs and outputs of their own."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from config.reasons import Reason, Refused
from inference.engines.guard import memory_errors
from inference.engines.processors import usable_processors
from inference.messages import first_line

Shape = tuple[int, ...]
ANY = -1
"""A length that a shape leaves open."""


class OpenVinoFunction:
    """A graph compiled for this processor, in float32: arrays in, arrays out.

    Parameters
    ----------
    graph
        ONNX or OpenVINO IR.
    inputs, outputs
        Shapes of what it takes and gives, in order. An open length of an input may differ from call to call.

    Raises
    ------
    Refused
        BUNDLE_GRAPH, if it isn't a graph, or takes or gives something else: it is run once, on ones.
    MemoryError
        If there is no room to compile or to run it.
    """

    def __init__(self, graph: Path, inputs: Sequence[Shape], outputs: Sequence[Shape]) -> None:
        self._name = graph.name
        options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": usable_processors()}
        core = openvino.Core()
        try:
            with memory_errors():
                model = core.read_model(graph)
                if len(model.inputs) != len(inputs):
                    raise self._refused(f"has {len(model.inputs)} inputs, expected {len(inputs)}")
                model.reshape({place: openvino.PartialShape(list(shape)) for place, shape in enumerate(inputs)})
                self._request = core.compile_model(model, "CPU", options).create_infer_request()
        except RuntimeError as error:
            raise self._refused(f"can't take {list(inputs)}: {first_line(error)}") from error
        given = self(*(np.ones([1 if size == ANY else size for size in shape], np.float32) for shape in inputs))
        self.shapes = tuple(values.shape for values in given)
        """Of the outputs."""
        if len(given) != len(outputs) or not all(map(_is, self.shapes, outputs)):
            raise self._refused(f"gives {list(self.shapes)}, expected {list(outputs)}")

    def __call__(self, *inputs: NDArray[np.generic]) -> tuple[NDArray[np.float32], ...]:
        """The outputs, which belong to the caller.

        Raises
        ------
        Refused
            BUNDLE_GRAPH, if the graph can't compute them, or they are not finite.
        """
        try:
            with memory_errors():
                given = self._request.infer(dict(enumerate(inputs)))
        except RuntimeError as error:
            raise self._refused(f"did not run: {first_line(error)}") from error
        outputs = tuple(np.array(values, dtype=np.float32) for values in given.values())
        if not all(np.isfinite(values).all() for values in outputs):
            raise self._refused("gives numbers that are not finite")
        return outputs

    def _refused(self, found: str) -> Refused:
        return Refused(Reason.BUNDLE_GRAPH, f"{self._name} {found}.")


def _is(found: Shape, expected: Shape) -> bool:
    return len(found) == len(expected) and all(
        wanted in (ANY, size) for size, wanted in zip(found, expected, strict=True)
    )
