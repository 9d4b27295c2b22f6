"""OpenVINO: the engine of a machine without a GPU."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import openvino

from config.reasons import Reason, Refused, Remark
from config.volume import FloatArray
from inference.engines.arrays import Arrays, HostArrays
from inference.engines.engine import Precision, WindowShape
from inference.engines.guard import give_back_large_arrays, memory_errors
from inference.engines.openvino_graph import split_concatenations
from inference.engines.processors import Division, divide, usable_processors
from inference.messages import first_line

VERSION = openvino.__version__.split("-")[0]
_TYPES = {Precision.FP32: "f32", Precision.FP16: "f16", Precision.BF16: "bf16"}


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor's name, and what OpenVINO says that it computes in (``FP32``, ``BF16``, …)."""

    name: str
    capabilities: tuple[str, ...]


@cache
def this_processor() -> Processor:
    core = openvino.Core()
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return Processor(core.get_property("CPU", "FULL_DEVICE_NAME").strip(), tuple(sorted(capabilities)))


class OpenVinoEngine:
    """A graph compiled for this processor, with one static window a request.

    The graph is reshaped to exactly one window, which lets OpenVINO choose kernels and memory once; several windows run
    as several requests, as many at a time as there are streams. float32 unless another precision is asked for: left to
    itself, OpenVINO computes in bfloat16 wherever the processor can.

    Nothing compiled is kept on disk: compiling 31 million parameters takes a third of a second, reading them back from
    OpenVINO's cache as long, and that cache gives a damaged file's answers without a word.

    Parameters
    ----------
    graph
        ONNX or OpenVINO IR.
    shape
        What the bundle says that the graph takes and gives.
    precision
        Used if the processor has it; otherwise float32, with a remark.
    division
        By default that of the processors this process may use.

    Raises
    ------
    Refused
        BUNDLE_GRAPH, if it isn't a graph, has other than one input and one output, or gives other shapes.
    MemoryError
        If there is no room to compile it.
    """

    def __init__(
        self,
        graph: Path,
        shape: WindowShape,
        precision: Precision = Precision.FP32,
        division: Division | None = None,
    ) -> None:
        give_back_large_arrays()
        core = openvino.Core()
        division = division or divide(usable_processors())
        processor = this_processor()
        supported, remarks = _supported(precision, processor.capabilities)
        options = {
            "INFERENCE_PRECISION_HINT": _TYPES[supported],
            "EXECUTION_MODE_HINT": "ACCURACY" if supported is Precision.FP32 else "PERFORMANCE",
            "INFERENCE_NUM_THREADS": division.threads,
            "NUM_STREAMS": division.streams,
        }
        model = _read(core, graph, shape)
        split_concatenations(model)
        with memory_errors():
            compiled = core.compile_model(model, "CPU", options)
            self._requests = [compiled.create_infer_request() for _ in range(division.streams)]
        self.name = f"OpenVINO {VERSION}, {supported}"
        self.device: str = processor.name
        self.shape = shape
        self.batch = division.streams
        self.remarks = remarks
        self.arrays: Arrays = HostArrays()

    def __call__(self, windows: FloatArray) -> FloatArray:
        """Logits (N, classes, \\*patch) of windows (N, channels, \\*patch)."""
        logits = np.empty(self.shape.outputs(len(windows)), dtype=np.float32)
        with memory_errors():
            for first in range(0, len(windows), len(self._requests)):
                self._run(windows[first : first + len(self._requests)], logits[first : first + len(self._requests)])
        return logits

    def _run(self, windows: FloatArray, logits: FloatArray) -> None:
        """Up to one window a request, at the same time."""
        running = self._requests[: len(windows)]
        for request, window in zip(running, windows, strict=True):
            request.start_async({0: window[None]}, share_inputs=True)
        for request in running:
            request.wait()
        for request, one in zip(running, logits, strict=True):
            one[...] = request.get_output_tensor(0).data[0]


def _supported(asked: Precision, capabilities: tuple[str, ...]) -> tuple[Precision, tuple[Remark, ...]]:
    if asked is Precision.FP32 or asked.upper() in capabilities:
        return asked, ()
    found = f"This processor does not compute in {asked}; {Precision.FP32} is used."
    return Precision.FP32, (Remark(Reason.ENGINE_FELL_BACK, found),)


def _read(core: openvino.Core, graph: Path, shape: WindowShape) -> openvino.Model:
    """The graph with the shape of one window; the graph's own shapes may be static or dynamic."""
    try:
        model = core.read_model(graph)
    except RuntimeError as error:
        raise Refused(Reason.BUNDLE_GRAPH, f"{graph.name} can't be read: {first_line(error)}") from error
    if (len(model.inputs), len(model.outputs)) != (1, 1):
        found = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        raise Refused(Reason.BUNDLE_GRAPH, f"{graph.name} has {found}, expected one of each.")
    declared = model.inputs[0].get_partial_shape()
    if not declared.compatible(openvino.PartialShape(shape.inputs(1))):
        raise Refused(Reason.BUNDLE_GRAPH, f"{graph.name} takes {declared}, the bundle says {list(shape.inputs(1))}.")
    try:
        model.reshape(shape.inputs(1))
    except RuntimeError as error:
        found = f"{graph.name} can't take {list(shape.inputs(1))}: {first_line(error)}"
        raise Refused(Reason.BUNDLE_GRAPH, found) from error
    given = model.outputs[0].get_partial_shape()
    if given.is_dynamic or tuple(given.to_shape()) != shape.outputs(1):
        raise Refused(Reason.BUNDLE_GRAPH, f"{graph.name} gives {given}, the bundle says {list(shape.outputs(1))}.")
    return model
