"""TensorRT: the engine of a machine with an NVIDIA GPU. Imported only where TensorRT and torch are installed."""

from pathlib import Path

import tensorrt
import torch

from config.reasons import Reason, Refused, Remark
from inference.engines.arrays import Array, Arrays
from inference.engines.cache import EngineKey, ShapeProfile
from inference.engines.engine import Precision, WindowShape
from inference.engines.guard import memory_errors
from inference.engines.tensorrt_build import BuildFailed, Log, built_engine
from inference.engines.torch_arrays import TorchArrays


class TensorRtEngine:
    """A graph built for one GPU, reading and writing torch tensors on it.

    Input and output are two tensors bound once; windows are copied into the one and logits out of the other on the GPU.
    The launch of all kernels is recorded as one CUDA graph, which the static patch allows.

    Parameters
    ----------
    graph
        ONNX.
    graph_digest
        Its SHA-256.
    shape
        What the bundle says that the graph takes and gives.
    precision
        float32: strongly typed, without TF32. Otherwise the builder may compute in it where that is faster.
    cache
        A folder for built engines and timings; None builds every time.

    Raises
    ------
    BuildFailed
        If TensorRT can't build or load it.
    Refused
        ENGINE_CACHE_FOREIGN; BUNDLE_GRAPH, if the graph has other inputs, outputs or shapes than the bundle says.
    MemoryError
        If it doesn't fit on the GPU.
    """

    def __init__(
        self, graph: Path, graph_digest: str, shape: WindowShape, precision: Precision, cache: Path | None
    ) -> None:
        self._torch_device = torch.device("cuda", torch.cuda.current_device())
        key = engine_key(graph_digest, shape, precision)
        log = Log()
        built = built_engine(graph, key, cache, log)
        self._runtime = tensorrt.Runtime(log)
        engine = self._runtime.deserialize_cuda_engine(built)
        if engine is None:
            raise BuildFailed("; ".join(log.errors) or "TensorRT can't load the engine it built.")
        self._engine = engine
        self.name = f"TensorRT {tensorrt.__version__}, {precision}"
        self.device = key.gpu_name
        self.shape = shape
        self.arrays: Arrays = TorchArrays(self._torch_device)
        names = _names(graph, engine, shape)
        self.batch = _largest_batch(engine, names[0])
        with memory_errors():
            self._bind(names, log)
            self._launches, self.remarks = self._record()

    def __call__(self, windows: Array) -> Array:
        """Logits (N, classes, \\*patch) of windows (N, channels, \\*patch), tensors on the GPU."""
        with memory_errors():
            return torch.cat([self._run(windows[i : i + self.batch]) for i in range(0, len(windows), self.batch)])

    def _bind(self, names: tuple[str, str], log: Log) -> None:
        self._input = torch.zeros(self.shape.inputs(self.batch), device=self._torch_device)
        self._output = torch.zeros(self.shape.outputs(self.batch), device=self._torch_device)
        context = self._engine.create_execution_context()
        if context is None:
            raise MemoryError("; ".join(log.errors) or "No room on the GPU for an execution context.")
        self._context = context
        self._context.set_input_shape(names[0], self.shape.inputs(self.batch))
        self._context.set_tensor_address(names[0], self._input.data_ptr())
        self._context.set_tensor_address(names[1], self._output.data_ptr())

    def _record(self) -> tuple[torch.cuda.CUDAGraph | None, tuple[Remark, ...]]:
        """The launches of one run as a CUDA graph; None, with a remark, where the engine does not allow it."""
        stream = torch.cuda.Stream(self._torch_device)
        stream.wait_stream(torch.cuda.current_stream(self._torch_device))
        self._launch(stream)
        stream.synchronize()
        recorded = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(recorded, stream=stream):
                self._launch(stream)
        except RuntimeError as error:
            torch.cuda.synchronize(self._torch_device)
            return None, (Remark(Reason.ENGINE_FELL_BACK, f"Runs without a CUDA graph, more slowly: {error}"),)
        return recorded, ()

    def _launch(self, stream: torch.cuda.Stream) -> None:
        if not self._context.execute_async_v3(stream.cuda_stream):
            raise RuntimeError("TensorRT did not run.")

    def _run(self, windows: Array) -> Array:
        """Up to a batch; what is left over of an earlier, fuller batch is computed and thrown away."""
        self._input[: len(windows)].copy_(windows)
        if self._launches is None:
            self._launch(torch.cuda.current_stream(self._torch_device))
        else:
            self._launches.replay()
        return self._output[: len(windows)].clone()


def engine_key(graph_digest: str, shape: WindowShape, precision: Precision) -> EngineKey:
    """What an engine built here and now depends on."""
    gpu = torch.cuda.get_device_properties(torch.cuda.current_device())
    return EngineKey(
        graph_digest=graph_digest,
        builder_version=tensorrt.__version__,
        gpu_name=gpu.name,
        compute_capability=(gpu.major, gpu.minor),
        precision=precision,
        profile=ShapeProfile.of(shape),
    )


def _largest_batch(engine: tensorrt.ICudaEngine, name: str) -> int:
    """The graph's own batch where it is fixed, else the largest of the profile."""
    fixed = int(engine.get_tensor_shape(name)[0])
    return fixed if fixed > 0 else int(engine.get_tensor_profile_shape(name, 0)[2][0])


def _names(graph: Path, engine: tensorrt.ICudaEngine, shape: WindowShape) -> tuple[str, str]:
    """The names of the input and the output, whose shapes are the bundle's."""
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    inputs = [name for name in names if engine.get_tensor_mode(name) == tensorrt.TensorIOMode.INPUT]
    outputs = [name for name in names if engine.get_tensor_mode(name) == tensorrt.TensorIOMode.OUTPUT]
    if (len(inputs), len(outputs)) != (1, 1):
        found = f"{len(inputs)} inputs and {len(outputs)} outputs"
        raise Refused(Reason.BUNDLE_GRAPH, f"{graph.name} has {found}, expected one of each.")
    for name, expected in ((inputs[0], shape.inputs(1)), (outputs[0], shape.outputs(1))):
        given = engine.get_tensor_shape(name)[:]
        if given[1:] != expected[1:]:
            raise Refused(Reason.BUNDLE_GRAPH, f"{graph.name}: {name} is {given}, the bundle says {expected}.")
    return inputs[0], outputs[0]
