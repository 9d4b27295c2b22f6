"""torch: the reference that other engines are compared with. Imported only where torch and onnx are installed."""

from pathlib import Path

import torch

from config.reasons import Reason, Refused, Remark
from inference.engines.arrays import Array, Arrays
from inference.engines.engine import Precision, WindowShape
from inference.engines.guard import memory_errors
from inference.engines.torch_arrays import TorchArrays
from inference.engines.torch_graph import TorchGraph
from inference.messages import first_line

_TYPES = {Precision.FP32: torch.float32, Precision.FP16: torch.float16, Precision.BF16: torch.bfloat16}


class TorchEngine:
    """A graph run by torch on a processor or a GPU, window by window.

    float32 is float32, not TF32. Other precisions are ``torch.autocast``'s, as in nnU-Net's own prediction on a GPU.

    Parameters
    ----------
    graph
        ONNX.
    shape
        What the bundle says that the graph takes and gives.
    device
        As torch names it: ``cpu``, ``cuda``, ``cuda:1``.
    remarks
        What to say of a choice made before.

    Raises
    ------
    Refused
        BUNDLE_GRAPH, if it isn't a graph or gives other shapes; ENGINE_UNAVAILABLE without the device, or for an
        operator that is not supported.
    MemoryError
        If it doesn't fit.
    """

    def __init__(
        self,
        graph: Path,
        shape: WindowShape,
        precision: Precision = Precision.FP32,
        device: str = "cpu",
        remarks: tuple[Remark, ...] = (),
    ) -> None:
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise Refused(Reason.ENGINE_UNAVAILABLE, f"torch {torch.__version__} finds no GPU for {device}.")
        self._device = torch.device(device)
        self._precision = precision
        with memory_errors():
            self._network = TorchGraph(graph, self._device)
        self.name = f"torch {torch.__version__}, {precision}"
        self.device: str = torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else "CPU"
        self.shape = shape
        self.batch = 1
        self.remarks = remarks
        self.arrays: Arrays = TorchArrays(self._device)
        self._check(graph.name)

    def __call__(self, windows: Array) -> Array:
        """Logits (N, classes, \\*patch) of windows (N, channels, \\*patch)."""
        reduced = self._precision is not Precision.FP32
        try:
            with (
                memory_errors(),
                torch.no_grad(),
                torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False),
                torch.autocast(self._device.type, _TYPES[self._precision], enabled=reduced),
            ):
                return torch.cat([self._network(window[None]).float() for window in windows])
        except MemoryError:
            if self._device.type == "cuda":
                torch.cuda.empty_cache()
            raise

    def _check(self, name: str) -> None:
        """Run one window of zeros: only that shows what torch makes of the shapes."""
        try:
            given = tuple(self(self.arrays.zeros(self.shape.inputs(1))).shape)
        except RuntimeError as error:
            found = f"{name} can't take {self.shape.inputs(1)}: {first_line(error)}"
            raise Refused(Reason.BUNDLE_GRAPH, found) from error
        if given != self.shape.outputs(1):
            raise Refused(Reason.BUNDLE_GRAPH, f"{name} gives {given}, the bundle says {self.shape.outputs(1)}.")
