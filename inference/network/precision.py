"""Precision: reduced where a measurement with this bundle on this processor says that labels agree."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from config.volume import FloatArray
from inference.bundles.specification import Bundle
from inference.engines.engine import Precision
from inference.engines.label_agreement import LabelAgreement, Marks, label_agreement, marks_of
from inference.engines.load import window_shape
from inference.engines.openvino import VERSION, OpenVinoEngine, Processor, this_processor
from inference.engines.precision_record import PrecisionKey, read_record, write_record
from inference.network.patient_windows import CHANNELS, patient_windows

_METHOD = 1
"""To be raised with every change of windows, patient or rule: what was measured otherwise is measured anew."""
_REDUCED = (Precision.BF16, Precision.FP16)
"""In the order in which they are tried: matrix units, where a processor has them, take bfloat16."""


@dataclass(frozen=True, slots=True)
class PrecisionChoice:
    """What a bundle is computed in, and why."""

    precision: Precision
    reason: str


def choose_precision(bundle: Bundle, cache: Path | None) -> PrecisionChoice:
    """The first reduced precision of this processor in which OpenVINO marks what it marks in float32; else float32.

    Measured over `patient_windows` with every fold, once: the record is kept in ``cache``, and one that is damaged or
    another's is replaced. Without a cache that can be written nothing is measured and float32 is chosen.

    Raises
    ------
    Refused
        BUNDLE_GRAPH, if a graph is not what the bundle says.
    MemoryError
        If the engine or the windows don't fit.
    """
    processor = this_processor()
    reduced = _reduced(processor)
    if not reduced:
        return PrecisionChoice(Precision.FP32, "this processor computes in nothing less")
    others = [channel.name for channel in bundle.channels if channel.name not in CHANNELS]
    if others:
        return PrecisionChoice(Precision.FP32, f"not measured: the digital patient has no {', '.join(others)}")
    objections = []
    for precision in reduced:
        key = _key(bundle, processor, precision)
        agreement = None if cache is None else read_record(cache, key)
        if agreement is None:
            if cache is None or not _is_writable(cache):
                return PrecisionChoice(Precision.FP32, "not measured: there is no folder to keep it in")
            agreement = measure_agreement(bundle, precision, patient_windows(bundle))
            write_record(cache, key, agreement)
        if not agreement.objection:
            return PrecisionChoice(precision, str(agreement))
        objections.append(f"{precision}: {agreement}")
    return PrecisionChoice(Precision.FP32, "; ".join(objections))


def recorded_agreements(bundle: Bundle, cache: Path) -> dict[Precision, LabelAgreement]:
    """What was measured before on this processor."""
    processor = this_processor()
    found = {precision: read_record(cache, _key(bundle, processor, precision)) for precision in _reduced(processor)}
    return {precision: agreement for precision, agreement in found.items() if agreement is not None}


def measure_agreement(bundle: Bundle, precision: Precision, windows: FloatArray) -> LabelAgreement:
    """How OpenVINO's labels of windows (N, channels, \\*patch) in a precision agree with float32's, over all folds.

    One engine is held at a time, and of its logits one window's.
    """
    pairs = [
        pair
        for graph in bundle.graphs
        for pair in zip(*(_marks(bundle, graph, one, windows) for one in (Precision.FP32, precision)), strict=True)
    ]
    return label_agreement(pairs, len(bundle.labels.names), regions=bundle.labels.regions is not None)


def _reduced(processor: Processor) -> list[Precision]:
    return [precision for precision in _REDUCED if precision.upper() in processor.capabilities]


def _key(bundle: Bundle, processor: Processor, precision: Precision) -> PrecisionKey:
    return PrecisionKey(bundle.digest, VERSION, processor.name, processor.capabilities, precision, _METHOD)


def _marks(bundle: Bundle, graph: Path, precision: Precision, windows: FloatArray) -> Sequence[Marks]:
    engine = OpenVinoEngine(graph, window_shape(bundle), precision)
    regions = bundle.labels.regions is not None
    return [marks_of(engine(window[None])[0], regions=regions) for window in windows]


def _is_writable(folder: Path) -> bool:
    """Whether a folder is there, or can be made, and takes files."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
