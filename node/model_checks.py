"""Checks of models on this machine: whether a bundle verifies and runs, how engines agree, how fast they are."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from config.finding import LocationAnswer
from config.reasons import Reason, Refused
from config.settings import Settings
from config.vocabulary import vocabulary
from config.volume import FloatArray, Unit, Volume
from inference.bundles.specification import FILES, Bundle, Task
from inference.captioning.writer import Writer
from inference.engines.comparison import TOLERANCES, agreement, logits_of, noise_windows, seconds_per_window
from inference.engines.engine import Engine, Precision
from inference.engines.load import load_engine
from inference.engines.selection import EngineKind, this_machine
from inference.retrieval.body import make_body
from inference.retrieval.retriever import Retriever
from node.models import engine_cache, load_models, named_bundle, precision_for
from node.words_model import WordsModel

ON_GPU = (
    (EngineKind.TORCH, Precision.FP32),
    (EngineKind.TORCH, Precision.FP16),
    (EngineKind.TENSORRT, Precision.FP32),
    (EngineKind.TENSORRT, Precision.FP16),
    (EngineKind.TENSORRT, Precision.BF16),
)
"""What is compared on a GPU; the first is the reference."""


def check_bundle(name: str, settings: Settings, *, gpu: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """Digests, description, graphs, and one window through every fold, as a document for programs.

    A model of words looks at one lesion instead. ``verified`` is true only if nothing was wrong. With ``gpu`` TensorRT
    and torch are compared as well where they run the bundle, and must agree within
    `inference.engines.comparison.TOLERANCES`.
    """
    report: dict[str, Any] = {"name": name, "verified": False}
    try:
        progress(f"{name}: digests")
        bundle = named_bundle(settings.models, name)
        report |= {"version": bundle.version, "digest": bundle.digest, "files": len(bundle.digests)}
        progress(f"{name}: engines")
        if bundle.task in FILES:
            report |= _check_words(bundle)
        else:
            loaded = load_models(bundle, settings.models, engine_cache(settings))
            report |= {
                "engine": loaded.engines[0].name,
                "precision": loaded.precision.reason,
                "device": loaded.device,
                "remarks": [str(remark) for remark in loaded.engines[0].remarks],
            }
            _require_finite(loaded.engines)
            if gpu:
                progress(f"{name}: GPU")
                report["gpu"] = compare_on_gpu(bundle, settings)
        report["verified"] = all(row["agrees"] for row in report.get("gpu", []))
    except Refused as refused:
        report |= {"refused": str(refused.reason), "detail": refused.detail, "action": refused.reason.action}
    return report


def compare_on_gpu(bundle: Bundle, settings: Settings) -> list[dict[str, Any]]:
    """TensorRT and torch, each in its precisions, against torch in float32, with seconds a window.

    Raises
    ------
    Refused
        ENGINE_UNAVAILABLE without a GPU, TensorRT or torch.
    """
    lacking = this_machine().lacks(EngineKind.TENSORRT)
    if lacking:
        raise Refused(Reason.ENGINE_UNAVAILABLE, lacking)
    return compare(bundle, settings, ON_GPU)


def measure_engines(bundle: Bundle, settings: Settings, kinds: Iterable[EngineKind]) -> list[dict[str, Any]]:
    """`compare` for kinds of engines, each in float32 and in the precision that the settings choose for it.

    ``chosen`` says in the rows so chosen why.
    """
    rows: list[tuple[EngineKind, Precision, str]] = []
    for kind in kinds:
        models = settings.models.model_copy(update={"engine": kind.value})
        choice = precision_for(bundle, models, engine_cache(settings))
        if choice.precision is not Precision.FP32:
            rows.append((kind, Precision.FP32, ""))
        rows.append((kind, choice.precision, choice.reason))
    measured = compare(bundle, settings, [(kind, precision) for kind, precision, _ in rows])
    return [{**row, "chosen": reason} for row, (_, _, reason) in zip(measured, rows, strict=True)]


def compare(bundle: Bundle, settings: Settings, chosen: Iterable[tuple[EngineKind, Precision]]) -> list[dict[str, Any]]:
    """How the first fold on each engine agrees with the first of them, and how long a window takes.

    One engine is held at a time.
    """
    rows: list[dict[str, Any]] = []
    reference: FloatArray | None = None
    for kind, precision in chosen:
        engine = load_engine(bundle, kind, precision=precision, cache=engine_cache(settings))[0]
        logits = logits_of(engine, noise_windows(engine.shape))
        reference = logits if reference is None else reference
        found = agreement(reference, logits, regions=bundle.labels.regions is not None)
        rows.append(
            {
                "engine": engine.name,
                "device": engine.device,
                "seconds_per_window": seconds_per_window(engine, time.perf_counter),
                "largest_difference": found.largest_difference,
                "same_label": found.same_label,
                "agrees": found.within(TOLERANCES[precision]),
                "remarks": [str(remark) for remark in engine.remarks],
            }
        )
    return rows


def _check_words(bundle: Bundle) -> dict[str, Any]:
    """Load a model of words and show it a hot cube in a block of soft tissue."""
    affine = np.diag([4.0, 4.0, 4.0, 1.0])[[2, 1, 0, 3]]
    values = np.ones((48, 48, 48), dtype=np.float32)
    values[22:26, 22:26, 22:26] = 8.0
    suv = Volume(values, affine, Unit.SUVBW)
    ct = Volume(np.full(suv.shape, 40.0, dtype=np.float32), affine, Unit.HOUNSFIELD)
    lesion = np.argwhere(values > 1.0)
    model: WordsModel[Retriever] | WordsModel[Writer]
    if bundle.task is Task.LOCATION_RETRIEVAL:
        model = WordsModel(bundle, Retriever(bundle))
        model.run(make_body(suv, ct), suv.points_mm(lesion), affine[:3, :3])
    else:
        model = WordsModel(bundle, Writer(bundle))
        place = vocabulary().leaves[0]
        model.run(suv, ct, lesion, LocationAnswer(place, 1.0, ((place, 1.0),)))
    return {
        "engine": model.identity["engine"],
        "precision": "as for every model of words",
        "device": model.device,
        "remarks": [],
    }


def _require_finite(engines: Iterable[Engine]) -> None:
    for engine in engines:
        logits = logits_of(engine, noise_windows(engine.shape))
        if not agreement(logits, logits).same_label:
            raise Refused(Reason.BUNDLE_GRAPH, "The network answers noise with numbers that are not finite.")
