from dataclasses import replace

import pytest

from config.reasons import Reason, Refused
from inference.engines.selection import EngineKind, Machine, choose_engine, this_machine

CPU_NODE = Machine(openvino="2026.4.1", torch=None, onnx=None, tensorrt=None, gpu=None)
GPU_NODE = Machine(openvino="2026.4.1", torch="2.13.0", onnx="1.23.2", tensorrt="10.13.0", gpu="NVIDIA L4")


@pytest.mark.parametrize(
    ("machine", "kind"),
    [
        (CPU_NODE, EngineKind.OPENVINO),
        (GPU_NODE, EngineKind.TENSORRT),
        (replace(GPU_NODE, tensorrt=None), EngineKind.TORCH),
        (replace(GPU_NODE, gpu=None), EngineKind.OPENVINO),
        (replace(GPU_NODE, gpu=None, openvino=None), EngineKind.TORCH),
    ],
)
def test_the_fastest_engine_that_can_run_is_chosen(machine: Machine, kind: EngineKind) -> None:
    assert choose_engine(machine) is kind


@pytest.mark.parametrize("kind", EngineKind)
def test_the_engine_asked_for_is_used(kind: EngineKind) -> None:
    assert choose_engine(GPU_NODE, kind) is kind


@pytest.mark.parametrize(
    ("machine", "kind", "words"),
    [
        (CPU_NODE, EngineKind.TORCH, "torch and onnx not installed (pip install 'uptake[gpu]')"),
        (replace(GPU_NODE, tensorrt=None), EngineKind.TENSORRT, "tensorrt not installed"),
        (replace(GPU_NODE, gpu=None), EngineKind.TENSORRT, "no GPU"),
        (replace(CPU_NODE, openvino=None), EngineKind.OPENVINO, "OpenVINO is not installed"),
        (replace(CPU_NODE, openvino=None), None, "OpenVINO is not installed"),
    ],
)
def test_an_engine_that_cannot_run_is_refused_with_what_is_missing(
    machine: Machine, kind: EngineKind | None, words: str
) -> None:
    with pytest.raises(Refused) as refused:
        choose_engine(machine, kind)
    assert refused.value.reason is Reason.ENGINE_UNAVAILABLE
    assert words in refused.value.detail


def test_this_machine_can_run_something() -> None:
    assert choose_engine(this_machine()) in EngineKind
