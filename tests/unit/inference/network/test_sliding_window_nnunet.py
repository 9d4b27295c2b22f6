"""The sliding window against nnU-Net's own, with nnU-Net's sums widened from float16 to float32."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed (extra train)")
prediction = pytest.importorskip(
    "nnunetv2.inference.predict_from_raw_data", reason="nnunetv2 is not installed; a peer, never a dependency"
)

from config.reasons import Remark  # noqa: E402
from inference.engines.engine import WindowShape  # noqa: E402
from inference.engines.torch_arrays import TorchArrays  # noqa: E402
from inference.network.sliding_window import predict  # noqa: E402
from inference.network.windows import Windowing  # noqa: E402

PATCH = (16, 16, 24)


class ModuleEngine:
    """A torch module on the processor."""

    name = "module"
    device = "CPU"
    batch = 1
    remarks: tuple[Remark, ...] = ()
    arrays = TorchArrays(torch.device("cpu"))
    shape = WindowShape(2, 3, PATCH)

    def __init__(self, module: Any) -> None:
        self.module = module

    def __call__(self, windows: Any) -> Any:
        with torch.no_grad():
            return self.module(windows)


@pytest.fixture
def module() -> Any:
    torch.manual_seed(7)
    layers = torch.nn.Conv3d(2, 6, 3, padding=1), torch.nn.InstanceNorm3d(6), torch.nn.Conv3d(6, 3, 3, padding=1)
    return torch.nn.Sequential(*layers).eval()


@pytest.mark.parametrize("axes", [(), (0, 1, 2)], ids=["plain", "mirrored"])
@pytest.mark.parametrize("shape", [(31, 40, 50), (11, 40, 19)], ids=["larger", "smaller-than-the-patch"])
def test_the_same_logits_as_nnunet(
    module: Any, shape: tuple[int, int, int], axes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = np.random.default_rng(11).normal(size=(2, *shape)).astype(np.float32)
    slabs: list[Any] = []
    placed = torch.from_numpy(image)
    predict(
        placed, [ModuleEngine(module)], Windowing(PATCH, 0.5, axes), (0.0,) * 3, lambda _a, _b, part: slabs.append(part)
    )
    predictor = prediction.nnUNetPredictor(device=torch.device("cpu"), use_mirroring=bool(axes), allow_tqdm=False)
    predictor.network = module
    predictor.allowed_mirroring_axes = axes or None
    predictor.configuration_manager = SimpleNamespace(patch_size=list(PATCH))
    predictor.label_manager = SimpleNamespace(num_segmentation_heads=3)
    monkeypatch.setattr(torch, "half", torch.float32)
    expected = predictor.predict_sliding_window_return_logits(placed).numpy()
    np.testing.assert_allclose(torch.cat(slabs, 1), expected, atol=1e-4)
