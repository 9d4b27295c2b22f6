"""A model of words, loaded: what locates or captions findings, with what a result depends on."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from inference.bundles.specification import Bundle
from inference.engines.engine import Precision
from inference.engines.openvino import VERSION, this_processor

Run = TypeVar("Run")


@dataclass(frozen=True)
class WordsModel(Generic[Run]):
    """A verified bundle and what runs it, which is OpenVINO in float32 on every machine."""

    bundle: Bundle
    run: Run

    @property
    def identity(self) -> dict[str, str]:
        """What a result depends on: the bundle to the last bit, and what computed it."""
        return {**self.bundle.identity, "engine": f"OpenVINO {VERSION}, {Precision.FP32}"}

    @property
    def device(self) -> str:
        return this_processor().name
