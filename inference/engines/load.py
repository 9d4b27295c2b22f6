"""Loading: from a bundle's graphs to engines, one a fold."""

from pathlib import Path

from config.reasons import Reason, Remark
from inference.bundles.specification import Bundle
from inference.engines.engine import Engine, Precision, WindowShape
from inference.engines.openvino import OpenVinoEngine
from inference.engines.selection import EngineKind, choose_engine, this_machine


def load_engine(
    bundle: Bundle,
    kind: EngineKind | None = None,
    *,
    precision: Precision = Precision.FP32,
    cache: Path | None = None,
) -> tuple[Engine, ...]:
    """An engine for each fold of a bundle, all of one kind and on one device.

    Parameters
    ----------
    kind
        None chooses by machine: TensorRT or torch on a GPU, else OpenVINO.
    cache
        A folder for what TensorRT builds; None builds every time.

    Raises
    ------
    Refused
        ENGINE_UNAVAILABLE, if the engine asked for can't run here; BUNDLE_GRAPH, if a graph is not what the bundle
        says; ENGINE_CACHE_FOREIGN, if the cache holds another machine's engine under this one's name.
    MemoryError
        If the engines don't fit.
    """
    chosen = choose_engine(this_machine(), kind)
    shape = window_shape(bundle)
    match chosen:
        case EngineKind.OPENVINO:
            return tuple(OpenVinoEngine(graph, shape, precision) for graph in bundle.graphs)
        case EngineKind.TORCH:
            return _torch_engines(bundle, shape, precision)
        case EngineKind.TENSORRT:
            return _tensorrt_engines(bundle, shape, precision, cache)


def window_shape(bundle: Bundle) -> WindowShape:
    """What one window of a bundle's network has."""
    return WindowShape(len(bundle.channels), len(bundle.labels.names), bundle.network.patch)


def _torch_engines(
    bundle: Bundle, shape: WindowShape, precision: Precision, remarks: tuple[Remark, ...] = ()
) -> tuple[Engine, ...]:
    import torch

    from inference.engines.torch import TorchEngine

    device = "cuda" if torch.cuda.is_available() else "cpu"
    return tuple(TorchEngine(graph, shape, precision, device, remarks) for graph in bundle.graphs)


def _tensorrt_engines(
    bundle: Bundle, shape: WindowShape, precision: Precision, cache: Path | None
) -> tuple[Engine, ...]:
    """TensorRT's engines; where it can't build one, torch's on the same GPU, with a remark."""
    from inference.engines.tensorrt import TensorRtEngine
    from inference.engines.tensorrt_build import BuildFailed

    try:
        return tuple(
            TensorRtEngine(graph, bundle.digests[graph.name], shape, precision, cache) for graph in bundle.graphs
        )
    except BuildFailed as failed:
        remark = Remark(Reason.ENGINE_FELL_BACK, f"TensorRT could not build the engine, torch runs it: {failed}")
        return _torch_engines(bundle, shape, precision, (remark,))
