"""Which engine runs on this machine."""

import importlib
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from config.reasons import Reason, Refused

_GPU_DRIVERS = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
_EXTRA = "pip install 'uptake[gpu]'"


class EngineKind(StrEnum):
    """The software that executes graphs. Torch is the reference the others are compared with."""

    OPENVINO = "openvino"
    TENSORRT = "tensorrt"
    TORCH = "torch"


@dataclass(frozen=True, slots=True)
class Machine:
    """What engines need of a machine. Versions are None where a package is not installed.

    ``gpu`` is the name of the GPU that torch would use, None without one.
    """

    openvino: str | None
    torch: str | None
    onnx: str | None
    tensorrt: str | None
    gpu: str | None

    def lacks(self, kind: EngineKind) -> str:
        """What is missing for an engine, with what to do; empty if it can run."""
        if kind is EngineKind.OPENVINO:
            return "" if self.openvino else "OpenVINO is not installed (pip install openvino)."
        packages = {"torch": self.torch, "onnx": self.onnx}
        if kind is EngineKind.TENSORRT:
            packages["tensorrt"] = self.tensorrt
        missing = [name for name, found in packages.items() if found is None]
        if missing:
            return f"{' and '.join(missing)} not installed ({_EXTRA})."
        if kind is EngineKind.TENSORRT and self.gpu is None:
            return "There is no GPU that torch can use."
        return ""


def choose_engine(machine: Machine, asked: EngineKind | None = None) -> EngineKind:
    """The engine asked for; without a wish TensorRT on a GPU, else torch on a GPU, else OpenVINO.

    Raises
    ------
    Refused
        ENGINE_UNAVAILABLE, if the engine asked for can't run here, or none can.
    """
    if asked is not None:
        if lacking := machine.lacks(asked):
            raise Refused(Reason.ENGINE_UNAVAILABLE, f"{asked}: {lacking}")
        return asked
    if machine.gpu is not None:
        for kind in (EngineKind.TENSORRT, EngineKind.TORCH):
            if not machine.lacks(kind):
                return kind
    for kind in (EngineKind.OPENVINO, EngineKind.TORCH):
        if not machine.lacks(kind):
            return kind
    raise Refused(Reason.ENGINE_UNAVAILABLE, machine.lacks(EngineKind.OPENVINO))


def this_machine() -> Machine:
    """What is here. Asks torch for a GPU only where a driver is, since importing torch takes seconds."""
    torch = _version("torch")
    driver = any(path.exists() for path in _GPU_DRIVERS)
    return Machine(
        openvino=_version("openvino"),
        torch=torch,
        onnx=_version("onnx"),
        tensorrt=_version("tensorrt"),
        gpu=_gpu() if torch and driver else None,
    )


def _gpu() -> str | None:
    torch = importlib.import_module("torch")
    name: str | None = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return name


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
