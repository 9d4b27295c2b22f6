"""The reference engine against torch's own layers, which its graphs were exported from, and against OpenVINO."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extras gpu, train)")
onnx = pytest.importorskip("onnx", reason="onnx is not installed (extras gpu, train)")

from config.reasons import Reason, Refused  # noqa: E402
from config.volume import FloatArray  # noqa: E402
from inference.engines.engine import Precision, WindowShape  # noqa: E402
from inference.engines.openvino import OpenVinoEngine  # noqa: E402
from inference.engines.torch import TorchEngine  # noqa: E402

PATCH = (8, 12, 16)
nn = torch.nn


class Skip(nn.Module):
    """What U-Nets are made of: down, up, and a way past."""

    def __init__(self, down: Any, up: Any) -> None:
        super().__init__()
        self.first, self.down, self.up = nn.Conv3d(2, 4, 3, padding=1), down, up
        self.last = nn.Conv3d(8, 3, 1)

    def forward(self, image: Any) -> Any:
        first = self.first(image)
        return self.last(torch.cat([first, self.up(self.down(first))], 1))


def networks() -> dict[str, Any]:
    up = nn.ConvTranspose3d(6, 4, 2, stride=2)
    return {
        "strides": Skip(nn.Sequential(nn.Conv3d(4, 6, 3, 2, 1), nn.InstanceNorm3d(6, affine=True), nn.LeakyReLU()), up),
        "pools": Skip(nn.Sequential(nn.AvgPool3d(2), nn.Conv3d(4, 6, 1), nn.PReLU(6)), up),
        "maxima": Skip(nn.Sequential(nn.MaxPool3d(2), nn.Conv3d(4, 6, 1), nn.BatchNorm3d(6), nn.ReLU()), up),
        "groups": Skip(
            nn.Sequential(nn.Conv3d(4, 4, 3, 2, 1, groups=2), nn.GroupNorm(2, 4)),
            nn.Upsample(scale_factor=2, mode="trilinear"),
        ),
    }


def export(network: Any, path: Path) -> Path:
    example = (torch.zeros(1, 2, *PATCH),)
    names = {"input_names": ["image"], "output_names": ["logits"]}
    torch.onnx.export(network.eval(), example, path, dynamo=True, external_data=False, verbose=False, **names)
    return path


@pytest.fixture
def windows() -> FloatArray:
    return np.random.default_rng(1).normal(size=(3, 2, *PATCH)).astype(np.float32)


@pytest.mark.parametrize("name", ["strides", "pools", "maxima", "groups"])
def test_a_graph_gives_what_its_layers_gave(name: str, tmp_path: Path, windows: FloatArray) -> None:
    torch.manual_seed(5)
    network = networks()[name]
    graph = export(network, tmp_path / "graph.onnx")
    with torch.no_grad():
        expected = network(torch.from_numpy(windows)).numpy()
    shape = WindowShape(2, 3, PATCH)
    engine = TorchEngine(graph, shape)
    np.testing.assert_allclose(engine.arrays.fetch(engine(engine.arrays.place(windows))), expected, atol=1e-5)
    np.testing.assert_allclose(OpenVinoEngine(graph, shape)(windows), expected, atol=1e-4)


def test_bfloat16_is_near_float32(tmp_path: Path, windows: FloatArray) -> None:
    torch.manual_seed(5)
    graph, shape = export(networks()["strides"], tmp_path / "graph.onnx"), WindowShape(2, 3, PATCH)
    exact, reduced = TorchEngine(graph, shape), TorchEngine(graph, shape, Precision.BF16)
    placed = exact.arrays.place(windows)
    difference = (exact(placed) - reduced(placed)).abs().max().item()
    assert 0.0 < difference < 0.1


@pytest.mark.parametrize("shape", [WindowShape(3, 3, PATCH), WindowShape(2, 4, PATCH)], ids=["channels", "classes"])
def test_another_shape_than_the_bundles_is_refused(tmp_path: Path, shape: WindowShape) -> None:
    with pytest.raises(Refused) as refused:
        TorchEngine(export(networks()["strides"], tmp_path / "graph.onnx"), shape)
    assert refused.value.reason is Reason.BUNDLE_GRAPH


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "graph.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(Refused, match="checker") as refused:
        TorchEngine(path, WindowShape(2, 3, PATCH))
    assert refused.value.reason is Reason.BUNDLE_GRAPH


def test_an_unknown_operator_is_refused_by_name(tmp_path: Path) -> None:
    graph = export(nn.Sequential(nn.Conv3d(2, 3, 1), nn.Tanh()), tmp_path / "graph.onnx")
    with pytest.raises(Refused, match="Tanh") as refused:
        TorchEngine(graph, WindowShape(2, 3, PATCH))
    assert refused.value.reason is Reason.ENGINE_UNAVAILABLE


def test_a_gpu_that_is_not_there_is_refused(tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(Refused, match="finds no GPU"):
        TorchEngine(tmp_path / "graph.onnx", WindowShape(2, 3, PATCH), device="cuda")
