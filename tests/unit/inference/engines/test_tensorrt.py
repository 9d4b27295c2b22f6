"""TensorRT against torch on the same GPU. Without one these are collected and skipped."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from config.reasons import Reason, Refused
from config.volume import FloatArray
from inference.engines.arrays import Array
from inference.engines.engine import Engine, Precision, WindowShape
from inference.engines.selection import EngineKind, this_machine
from inference.network.sliding_window import predict
from inference.network.windows import Windowing

LACKING = this_machine().lacks(EngineKind.TENSORRT)
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(bool(LACKING), reason=LACKING)]

SHAPE = WindowShape(2, 3, (32, 32, 32))
Build = Callable[..., Engine]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from torch import nn

    torch.manual_seed(3)
    layers = nn.Conv3d(2, 16, 3, padding=1), nn.InstanceNorm3d(16, affine=True), nn.LeakyReLU(), nn.Conv3d(16, 3, 1)
    path = tmp_path_factory.mktemp("graph") / "graph.onnx"
    torch.onnx.export(
        nn.Sequential(*layers).eval(),
        (torch.zeros(2, 2, *SHAPE.patch),),
        path,
        dynamo=True,
        external_data=False,
        input_names=["image"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("windows", min=1, max=64)},),
    )
    return path


@pytest.fixture
def build(graph: Path, tmp_path: Path) -> Build:
    from inference.engines.tensorrt import TensorRtEngine

    def made(precision: Precision = Precision.FP32) -> Engine:
        return TensorRtEngine(graph, "ab" * 32, SHAPE, precision, tmp_path)

    return made


@pytest.fixture
def windows() -> FloatArray:
    return np.random.default_rng(1).normal(size=(6, 2, *SHAPE.patch)).astype(np.float32)


def logits(engine: Engine, windows: FloatArray) -> FloatArray:
    return engine.arrays.fetch(engine(engine.arrays.place(windows)))


@pytest.mark.parametrize(
    ("precision", "tolerance"), [(Precision.FP32, 1e-3), (Precision.FP16, 3e-2), (Precision.BF16, 2e-1)]
)
def test_logits_agree_with_torch(
    graph: Path, build: Build, windows: FloatArray, precision: Precision, tolerance: float
) -> None:
    from inference.engines.torch import TorchEngine

    reference = TorchEngine(graph, SHAPE, device="cuda")
    np.testing.assert_allclose(logits(build(precision), windows), logits(reference, windows), atol=tolerance)


def test_the_launches_are_recorded(build: Build) -> None:
    assert build().remarks == ()


def test_an_engine_is_built_once_and_then_read(build: Build, tmp_path: Path) -> None:
    build()
    (built,) = tmp_path.glob("*.engine")
    written_at = built.stat().st_mtime_ns
    build()
    assert built.stat().st_mtime_ns == written_at
    assert list(tmp_path.glob("*.timings"))


def test_a_damaged_engine_is_refused(build: Build, tmp_path: Path) -> None:
    build()
    (built,) = tmp_path.glob("*.engine")
    built.write_bytes(built.read_bytes()[:-1])
    with pytest.raises(Refused) as refused:
        build()
    assert refused.value.reason is Reason.ENGINE_CACHE_FOREIGN


def test_what_is_no_graph_fails_to_build(tmp_path: Path) -> None:
    from inference.engines.tensorrt import TensorRtEngine
    from inference.engines.tensorrt_build import BuildFailed

    path = tmp_path / "graph.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(BuildFailed):
        TensorRtEngine(path, "cd" * 32, SHAPE, Precision.FP32, None)


def test_a_whole_volume_agrees_with_torch(graph: Path, build: Build) -> None:
    from inference.engines.torch import TorchEngine

    image = np.random.default_rng(2).normal(size=(2, 70, 50, 45)).astype(np.float32)
    results = []
    for engine in (build(), TorchEngine(graph, SHAPE, device="cuda")):
        slabs: list[Array] = []
        windowing = Windowing(SHAPE.patch)
        placed = engine.arrays.place(image)
        predict(placed, [engine], windowing, (0.0,) * 3, lambda _a, _b, part, to=slabs: to.append(part))
        results.append(engine.arrays.fetch(engine.arrays.join(slabs, 1)))
    np.testing.assert_allclose(*results, atol=1e-3)
