"""The models of a node: which bundle looks at which tracer, loaded once and kept."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from config.finding import Analysis, Method
from config.reasons import Reason, Refused, Remark
from config.settings import Models as ModelSettings
from config.settings import Settings
from config.thresholds import Delineation
from config.tracers import Tracer
from config.volume import Volume
from inference.bundles.documents import require_task
from inference.bundles.shipped import SHIPPED
from inference.bundles.specification import Bundle, Task
from inference.bundles.store import find_bundles, load_bundle
from inference.captioning.captioner import GuidedCaptioner
from inference.captioning.writer import Writer
from inference.engines.engine import Engine, Precision
from inference.engines.load import load_engine
from inference.engines.selection import EngineKind, choose_engine, this_machine
from inference.network.precision import PrecisionChoice, choose_precision
from inference.network.segment import segment_volume
from inference.options import Options
from inference.pipeline import analyse
from inference.retrieval.locator import RetrievalLocator
from inference.retrieval.retriever import Retriever
from inference.segmentation.mask_classes import mask_classes
from inference.segmentation.network_segmenter import NetworkSegmenter
from inference.stages import BASELINE, Stage, Stages
from node.spool import Spool
from node.words_model import WordsModel

Run = TypeVar("Run")

CHANNELS = ("PET", "CT")
"""What a study can give to a network: SUVbw, and HU on the grid of the PET."""


@dataclass(frozen=True)
class LoadedBundle:
    """A verified bundle with an engine for each of its folds, and what they compute in."""

    bundle: Bundle
    engines: tuple[Engine, ...]
    precision: PrecisionChoice

    @property
    def title(self) -> str:
        return f"{self.bundle.name} {self.bundle.version}"

    @property
    def identity(self) -> dict[str, str]:
        """What a result depends on: the bundle to the last bit, and what computed it, with why in that precision."""
        return {
            **self.bundle.identity,
            "engine": self.engines[0].name,
            "precision": self.precision.reason,
        }

    @property
    def device(self) -> str:
        return self.engines[0].device

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What is to be said of every result."""
        return tuple(dict.fromkeys(remark for engine in self.engines for remark in engine.remarks))

    def segmenter(self, delineation: Delineation) -> NetworkSegmenter:
        return NetworkSegmenter(
            network=partial(segment_volume, bundle=self.bundle, engines=self.engines),
            channels=tuple(channel.name for channel in self.bundle.channels),
            classes=mask_classes(self.bundle),
            source=self.title,
            delineation=delineation,
            remarks=self.remarks,
        )


LoadedModel = LoadedBundle | WordsModel[Retriever] | WordsModel[Writer]


class Models:
    """The bundles that the settings name, each loaded when it is first asked for, and once; they analyse right here."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.models
        self._cache = engine_cache(settings)
        self._loaded: dict[str, LoadedBundle] = {}

    def load_all(self) -> tuple[LoadedModel, ...]:
        """Load every bundle that is configured.

        Raises
        ------
        Refused
            With the name of the first that can't be loaded, and why.
        """
        for tracer in self._settings.lesion_segmentation:
            self.lesion_segmentation(tracer)
        words = (self.location_retrieval, self.captioning)
        return (*self._loaded.values(), *(model for model in words if model is not None))

    def lesion_segmentation(self, tracer: Tracer) -> LoadedBundle | None:
        """The bundle that segments lesions of a tracer; None where thresholding does."""
        name = self._settings.lesion_segmentation.get(tracer)
        if name is None:
            return None
        with _as_configured(f"lesion_segmentation.{tracer}", name):
            if name not in self._loaded:
                self._loaded[name] = load_models(named_bundle(self._settings, name), self._settings, self._cache)
            _check_fit(self._loaded[name].bundle, tracer)
        return self._loaded[name]

    @cached_property
    def location_retrieval(self) -> WordsModel[Retriever] | None:
        """What locates findings; None where rules on anatomy do."""
        return self._words_model(Task.LOCATION_RETRIEVAL, Retriever)

    @cached_property
    def captioning(self) -> WordsModel[Writer] | None:
        """What finds words for findings; None where a grammar does."""
        return self._words_model(Task.CAPTIONING, Writer)

    def ready(self) -> None:
        """There is nothing to wait for."""

    def analyse(
        self,
        suv: Volume,
        ct: Volume | None,
        options: Options,
        progress: Callable[[str], None] = lambda stage: None,
        *,
        remarks: Sequence[Remark] = (),
    ) -> Analysis:
        """Findings of one pair of PET and CT, with the models that there are for its tracer."""
        return analyse(suv, ct, options, progress, stages=self.stages(options.profile.tracer), remarks=remarks)

    def stages(self, tracer: Tracer) -> Stages:
        """The stages of an analysis, with the models among them that there are for this tracer."""
        stages = BASELINE
        segmentation, retrieval, captioning = self.lesion_segmentation(tracer), self.location_retrieval, self.captioning
        if segmentation is not None:
            method = _method("segmentation", "network", segmentation)
            stages = replace(stages, segment=Stage(method, segmentation.segmenter(self._settings.delineation)))
        if retrieval is not None:
            method = _method("location", "retrieval", retrieval, otherwise=BASELINE.locate.method.name)
            stages = replace(stages, locate=Stage(method, RetrievalLocator(retrieval.run)))
        if captioning is not None:
            method = _method("caption", "captioner", captioning, otherwise=BASELINE.caption.method.name)
            stages = replace(stages, caption=Stage(method, GuidedCaptioner(captioning.run)))
        return stages

    def identities(self, tracer: Tracer) -> dict[str, dict[str, str]]:
        """For each task that a bundle does for this tracer, which bundle it is and what computes it."""
        models = (self.lesion_segmentation(tracer), self.location_retrieval, self.captioning)
        return {str(model.bundle.task): model.identity for model in models if model is not None}

    def digest(self) -> str:
        """SHA-256 of all that the models contribute to results; empty without a model."""
        identities = [loaded.identity for loaded in self.load_all()]
        if not identities:
            return ""
        chosen = self._settings.model_dump(mode="json", include={"lesion_segmentation", "delineation"})
        chosen |= {_setting(task): name for task, name in words_bundles(self._settings).items()}
        return hashlib.sha256(json.dumps([identities, chosen], sort_keys=True).encode()).hexdigest()

    def _words_model(self, task: Task, make: Callable[[Bundle], Run]) -> WordsModel[Run] | None:
        name = words_bundles(self._settings).get(task)
        if name is None:
            return None
        with _as_configured(_setting(task), name):
            bundle = named_bundle(self._settings, name)
            return WordsModel(bundle, make(bundle))


def named_folder(settings: ModelSettings, name: str) -> Path:
    """The folder of a bundle: under ``models.folder``, else among those that come with the node.

    Where the name has a slash, it is the path itself.

    Raises
    ------
    Refused
        BUNDLE_FILE_MISSING, if it isn't there.
    """
    places = (Path(name),) if "/" in name else (settings.folder / name, SHIPPED / name)
    for folder in places:
        if folder.is_dir():
            return folder
    known = ", ".join(known_bundles(settings)) or "no bundle"
    raise Refused(
        Reason.BUNDLE_FILE_MISSING, f"{places[0]} does not exist; {settings.folder} and the node hold {known}."
    )


def known_bundles(settings: ModelSettings) -> dict[str, Path]:
    """The bundles that have names, sorted: those under ``models.folder``, and those shipped that it doesn't hold."""
    found = {path.name: path for folder in (SHIPPED, settings.folder) for path in find_bundles(folder)}
    return dict(sorted(found.items()))


def named_bundle(settings: ModelSettings, name: str) -> Bundle:
    """A verified bundle by its name.

    Raises
    ------
    Refused
        If it isn't there or doesn't verify.
    """
    return load_bundle(named_folder(settings, name))


def check_bundles(settings: ModelSettings) -> None:
    """Verify every bundle that is configured, without loading it.

    Raises
    ------
    Refused
        With the name of the first that doesn't verify, or is not for its task and tracer, and why.
    """
    for tracer, name in settings.lesion_segmentation.items():
        with _as_configured(f"lesion_segmentation.{tracer}", name):
            _check_fit(named_bundle(settings, name), tracer)
    for task, name in words_bundles(settings).items():
        with _as_configured(_setting(task), name):
            require_task(named_bundle(settings, name), task)


def words_bundles(settings: ModelSettings) -> dict[Task, str]:
    """The bundles of words that are configured, by what they do."""
    named = {Task.LOCATION_RETRIEVAL: settings.location_retrieval, Task.CAPTIONING: settings.captioning}
    return {task: name for task, name in named.items() if name}


def load_models(bundle: Bundle, settings: ModelSettings, cache: Path | None) -> LoadedBundle:
    """A bundle with an engine for each fold, as the settings choose."""
    precision = precision_for(bundle, settings, cache)
    engines = load_engine(bundle, _kind_asked(settings), precision=precision.precision, cache=cache)
    return LoadedBundle(bundle, engines, precision)


def precision_for(bundle: Bundle, settings: ModelSettings, cache: Path | None) -> PrecisionChoice:
    """The precision that the settings name; for ``auto`` what a measurement allows OpenVINO, and float32 on others."""
    if settings.precision != "auto":
        return PrecisionChoice(Precision(settings.precision), "as set")
    if choose_engine(this_machine(), _kind_asked(settings)) is not EngineKind.OPENVINO:
        return PrecisionChoice(Precision.FP32, "measured for OpenVINO only")
    return choose_precision(bundle, cache)


def engine_folder(settings: Settings) -> Path:
    """Where a node keeps built engines, so that only the first start waits for them."""
    return Spool.of(settings).own / "engines"


def engine_cache(settings: Settings) -> Path | None:
    """The same where there is a spool; None where there is none, so that a command on files makes none."""
    return engine_folder(settings) if settings.spool.folder.is_dir() else None


@contextmanager
def _as_configured(setting: str, name: str) -> Iterator[None]:
    """Say in a refusal which setting names the bundle."""
    try:
        yield
    except Refused as refused:
        raise Refused(refused.reason, f"models.{setting} = {name}: {refused.detail}") from refused


def _setting(task: Task) -> str:
    """The setting that names the bundle for a task of words."""
    return task.replace("-", "_")


def _method(stage: str, kind: str, loaded: LoadedModel, **parameters: str) -> Method:
    bundle = loaded.bundle
    computed = {key: value for key, value in loaded.identity.items() if key not in ("name", "version")}
    return Method(stage, f"{kind} {bundle.name}", bundle.version, {**computed, **parameters})


def _kind_asked(settings: ModelSettings) -> EngineKind | None:
    return None if settings.engine == "auto" else EngineKind(settings.engine)


def _check_fit(bundle: Bundle, tracer: Tracer) -> None:
    require_task(bundle, Task.LESION_SEGMENTATION)
    if bundle.tracer not in (None, tracer):
        raise Refused(Reason.BUNDLE_MISPLACED, f"{bundle.name} is for {bundle.tracer}, expected {tracer}.")
    unknown = [channel.name for channel in bundle.channels if channel.name not in CHANNELS]
    if unknown:
        found = f"{bundle.name} reads {', '.join(unknown)}; a study gives {' and '.join(CHANNELS)}."
        raise Refused(Reason.BUNDLE_CHANNELS, found)
