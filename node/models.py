"""The models of a node: which bundle looks at which tracer, loaded once and kept."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from config.finding import FindingKind, Method
from config.reasons import Reason, Refused, Remark
from config.settings import Models as ModelSettings
from config.settings import Settings
from config.thresholds import Delineation
from config.tracers import Tracer
from inference.bundles.specification import Bundle, Task
from inference.bundles.store import find_bundles, load_bundle
from inference.engines.engine import Engine, Precision
from inference.engines.load import load_engine
from inference.engines.selection import EngineKind, choose_engine, this_machine
from inference.network.precision import PrecisionChoice, choose_precision
from inference.network.segment import segment_volume
from inference.segmentation.network_segmenter import MaskClass, NetworkSegmenter
from inference.stages import BASELINE, Stage, Stages

CHANNELS = ("PET", "CT")
"""What a study can give to a network: SUVbw, and HU on the grid of the PET."""

_PHYSIOLOGIC_WORDS = ("physiolog", "normal", "background uptake")


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
            "name": self.bundle.name,
            "version": self.bundle.version,
            "digest": self.bundle.digest,
            "engine": self.engines[0].name,
            "precision": self.precision.reason,
        }

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


class Models:
    """The bundles that the settings name, each loaded when it is first asked for, and once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.models
        self._cache = engine_cache(settings)
        self._loaded: dict[str, LoadedBundle] = {}

    def load_all(self) -> tuple[LoadedBundle, ...]:
        """Load every bundle that is configured.

        Raises
        ------
        Refused
            With the name of the first that can't be loaded, and why.
        """
        for tracer in self._settings.lesion_segmentation:
            self.lesion_segmentation(tracer)
        return tuple(self._loaded.values())

    def lesion_segmentation(self, tracer: Tracer) -> LoadedBundle | None:
        """The bundle that segments lesions of a tracer; None where thresholding does."""
        name = self._settings.lesion_segmentation.get(tracer)
        if name is None:
            return None
        with _as_configured(tracer, name):
            if name not in self._loaded:
                self._loaded[name] = load_models(named_bundle(self._settings, name), self._settings, self._cache)
            _check_fit(self._loaded[name].bundle, tracer)
        return self._loaded[name]

    def stages(self, tracer: Tracer) -> Stages:
        """The stages of an analysis, with this tracer's network among them if there is one."""
        loaded = self.lesion_segmentation(tracer)
        if loaded is None:
            return BASELINE
        method = Method(
            stage="segmentation",
            name=f"network {loaded.bundle.name}",
            version=loaded.bundle.version,
            parameters={key: loaded.identity[key] for key in ("digest", "engine", "precision")},
        )
        return replace(BASELINE, segment=Stage(method, loaded.segmenter(self._settings.delineation)))

    def identities(self, tracer: Tracer) -> dict[str, dict[str, str]]:
        """For each task that a bundle does for this tracer, which bundle it is and what computes it."""
        loaded = self.lesion_segmentation(tracer)
        return {} if loaded is None else {str(Task.LESION_SEGMENTATION): loaded.identity}

    def digest(self) -> str:
        """SHA-256 of all that the models contribute to results; empty without a model."""
        identities = [loaded.identity for loaded in self.load_all()]
        if not identities:
            return ""
        chosen = self._settings.model_dump(mode="json", include={"lesion_segmentation", "delineation"})
        return hashlib.sha256(json.dumps([identities, chosen], sort_keys=True).encode()).hexdigest()


def named_folder(settings: ModelSettings, name: str) -> Path:
    """The folder of a bundle: under ``models.folder``, or, where the name has a slash, the path itself.

    Raises
    ------
    Refused
        BUNDLE_FILE_MISSING, if it isn't there.
    """
    folder = Path(name) if "/" in name else settings.folder / name
    if not folder.is_dir():
        known = ", ".join(found.name for found in find_bundles(settings.folder)) or "no bundle"
        raise Refused(Reason.BUNDLE_FILE_MISSING, f"{folder} does not exist; {settings.folder} holds {known}.")
    return folder


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
        With the name of the first that doesn't verify, or is not for its tracer, and why.
    """
    for tracer, name in settings.lesion_segmentation.items():
        with _as_configured(tracer, name):
            _check_fit(named_bundle(settings, name), tracer)


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
    return settings.spool.folder.absolute() / "engines"


def engine_cache(settings: Settings) -> Path | None:
    """The same where there is a spool; None where there is none, so that a command on files makes none."""
    return engine_folder(settings) if settings.spool.folder.is_dir() else None


def mask_classes(bundle: Bundle) -> tuple[MaskClass, ...]:
    """What each value of the bundle's label map is as a finding: a lesion, unless its name says physiologic."""
    named = zip(bundle.labels.values, bundle.labels.names, strict=True)
    return tuple(MaskClass(value, label.name, _kind(label.name)) for value, label in named if value != 0)


@contextmanager
def _as_configured(tracer: Tracer, name: str) -> Iterator[None]:
    """Say in a refusal which setting names the bundle."""
    try:
        yield
    except Refused as refused:
        detail = f"models.lesion_segmentation.{tracer} = {name}: {refused.detail}"
        raise Refused(refused.reason, detail) from refused


def _kind_asked(settings: ModelSettings) -> EngineKind | None:
    return None if settings.engine == "auto" else EngineKind(settings.engine)


def _kind(name: str) -> FindingKind:
    physiologic = any(word in name.lower() for word in _PHYSIOLOGIC_WORDS)
    return FindingKind.PHYSIOLOGIC if physiologic else FindingKind.LESION


def _check_fit(bundle: Bundle, tracer: Tracer) -> None:
    if bundle.task is not Task.LESION_SEGMENTATION:
        found = f"{bundle.name} is for {bundle.task}; lesion_segmentation of {tracer} names it."
        raise Refused(Reason.BUNDLE_MISPLACED, found)
    if bundle.tracer not in (None, tracer):
        found = f"{bundle.name} is for {bundle.tracer}; lesion_segmentation of {tracer} names it."
        raise Refused(Reason.BUNDLE_MISPLACED, found)
    unknown = [channel.name for channel in bundle.channels if channel.name not in CHANNELS]
    if unknown:
        found = f"{bundle.name} reads {', '.join(unknown)}; a study gives {' and '.join(CHANNELS)}."
        raise Refused(Reason.BUNDLE_CHANNELS, found)
