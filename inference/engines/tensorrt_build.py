"""Building TensorRT engines from ONNX graphs. Imported only where TensorRT is installed."""

from pathlib import Path

import tensorrt

from config.reasons import UptakeError
from inference.engines.cache import EngineKey, read_engine, write_engine, write_whole
from inference.engines.engine import Precision

_REDUCED = {Precision.FP16: tensorrt.BuilderFlag.FP16, Precision.BF16: tensorrt.BuilderFlag.BF16}


class BuildFailed(UptakeError):
    """TensorRT can't build an engine of this graph on this GPU; the message is TensorRT's."""


class Log(tensorrt.ILogger):
    """Keeps TensorRT's errors, to be told with a failure; drops what it says besides."""

    def __init__(self) -> None:
        tensorrt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: tensorrt.ILogger.Severity, msg: str) -> None:
        if severity in (tensorrt.ILogger.Severity.ERROR, tensorrt.ILogger.Severity.INTERNAL_ERROR):
            self.errors.append(msg)


def built_engine(graph: Path, key: EngineKey, cache: Path | None, log: Log) -> bytes:
    """The serialised engine for a graph: from the cache, or built and kept there.

    Raises
    ------
    BuildFailed
        If TensorRT can't read the graph or build it.
    Refused
        ENGINE_CACHE_FOREIGN, if what lies in the cache is not what its name says.
    """
    if cache is None:
        return _build(graph, key, None, log)
    kept = read_engine(cache, key)
    if kept is None:
        kept = _build(graph, key, cache / key.timing_cache_name, log)
        write_engine(cache, key, kept)
    return kept


def _build(graph: Path, key: EngineKey, timing_cache: Path | None, log: Log) -> bytes:
    builder = tensorrt.Builder(log)
    network = builder.create_network(_network_flags(key.precision))
    parser = tensorrt.OnnxParser(network, log)
    if not parser.parse_from_file(str(graph)):
        raise BuildFailed("; ".join(parser.get_error(index).desc() for index in range(parser.num_errors)))
    if network.num_inputs != 1:
        raise BuildFailed(f"The graph has {network.num_inputs} inputs, expected one.")
    config = builder.create_builder_config()
    if key.precision is Precision.FP32:
        config.clear_flag(tensorrt.BuilderFlag.TF32)
    else:
        config.set_flag(_REDUCED[key.precision])
    image = network.get_input(0)
    if image.shape[0] == -1:
        profile = builder.create_optimization_profile()
        shapes = (key.profile.minimum, key.profile.optimum, key.profile.maximum)
        profile.set_shape(image.name, *(tensorrt.Dims(list(shape)) for shape in shapes))
        config.add_optimization_profile(profile)
    timings = _timings(config, timing_cache)
    serialised = builder.build_serialized_network(network, config)
    if serialised is None:
        raise BuildFailed("; ".join(log.errors) or "TensorRT gave no engine and no reason.")
    if timing_cache is not None:
        timing_cache.parent.mkdir(parents=True, exist_ok=True)
        write_whole(timing_cache, bytes(timings.serialize()))
    return bytes(serialised)


def _network_flags(precision: Precision) -> int:
    """float32 strongly typed: computed in the types that the graph names. Otherwise the builder may choose."""
    if precision is Precision.FP32:
        return 1 << int(tensorrt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    return 0


def _timings(config: tensorrt.IBuilderConfig, path: Path | None) -> tensorrt.ITimingCache:
    """Timings measured before on this kind of GPU, attached to the build; empty if there are none that fit."""
    kept = path.read_bytes() if path is not None and path.is_file() else b""
    timings = config.create_timing_cache(kept)
    if not config.set_timing_cache(timings, False):
        timings = config.create_timing_cache(b"")
        config.set_timing_cache(timings, False)
    return timings
