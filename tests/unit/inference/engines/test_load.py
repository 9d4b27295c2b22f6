import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from config.reasons import Reason, Refused, Remark
from inference.bundles.specification import Label, Labels
from inference.bundles.store import load_bundle
from inference.engines.engine import Precision, WindowShape
from inference.engines.load import load_engine, window_shape
from inference.engines.selection import EngineKind, Machine

MakeBundle = Callable[..., Path]


def test_a_bundle_has_an_engine_a_fold(make_bundle: MakeBundle, tmp_path: Path) -> None:
    bundle = load_bundle(make_bundle(tmp_path / "hot", threshold=4.0))
    (engine,) = load_engine(bundle, EngineKind.OPENVINO)
    window = np.full((1, 2, 16, 32, 32), 6.0, dtype=np.float32)
    assert engine.shape == window_shape(bundle) == WindowShape(2, 2, (16, 32, 32))
    assert engine(window)[0, :, 8, 16, 16].tolist() == [0.0, 2.0]


def test_a_bundle_whose_labels_are_not_the_graphs_is_refused(make_bundle: MakeBundle, tmp_path: Path) -> None:
    labels = Labels((Label("background"), Label("lesion"), Label("organ")))
    bundle = load_bundle(make_bundle(tmp_path / "hot", labels=labels))
    with pytest.raises(Refused) as refused:
        load_engine(bundle, EngineKind.OPENVINO)
    assert refused.value.reason is Reason.BUNDLE_GRAPH


@pytest.mark.parametrize("kind", [EngineKind.TORCH, EngineKind.TENSORRT])
def test_an_engine_that_is_not_installed_is_refused(
    make_bundle: MakeBundle, tmp_path: Path, kind: EngineKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inference.engines.selection._version", lambda package: None)
    bundle = load_bundle(make_bundle(tmp_path / "hot"))
    with pytest.raises(Refused, match="not installed") as refused:
        load_engine(bundle, kind, precision=Precision.FP16)
    assert refused.value.reason is Reason.ENGINE_UNAVAILABLE


def test_a_builder_that_fails_hands_over_to_torch_and_says_so(
    make_bundle: MakeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BuildFailed(Exception):
        pass

    def fail(*_: object) -> None:
        raise BuildFailed("no kernel for this GPU")

    monkeypatch.setitem(sys.modules, "inference.engines.tensorrt", SimpleNamespace(TensorRtEngine=fail))
    monkeypatch.setitem(sys.modules, "inference.engines.tensorrt_build", SimpleNamespace(BuildFailed=BuildFailed))
    machine = Machine(openvino="1", torch="1", onnx="1", tensorrt="1", gpu="a GPU")
    monkeypatch.setattr("inference.engines.load.this_machine", lambda: machine)
    given: list[tuple[Remark, ...]] = []
    monkeypatch.setattr("inference.engines.load._torch_engines", lambda *arguments: given.append(arguments[-1]))
    load_engine(load_bundle(make_bundle(tmp_path / "hot")))
    ((remark,),) = given
    assert remark.reason is Reason.ENGINE_FELL_BACK
    assert "no kernel for this GPU" in remark.detail
