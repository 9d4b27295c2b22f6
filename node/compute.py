"""Where volumes are analysed: in this process, or on a Ray cluster. Nothing else in the node knows which it is."""

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Protocol

import structlog

from config.finding import Analysis
from config.reasons import Reason, Remark, UptakeError
from config.settings import Settings
from config.tracers import Tracer
from config.volume import Volume
from inference.engines.guard import limit_memory
from inference.options import Options

log = structlog.get_logger()


class Unavailable(UptakeError):
    """What analyses can't be had at the moment, with the coded reason and what was found. No study is the cause."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail} {reason.action}")
        self.remark = Remark(reason, detail)


class Compute(Protocol):
    """The models of a node, where they are loaded, and the pipeline that they run in.

    Everything may raise `Unavailable`, and `Refused` if a bundle that the settings name can't be loaded.
    """

    def ready(self) -> None:
        """See that an analysis could begin at once."""

    def digest(self) -> str:
        """SHA-256 of all that the models contribute to results; empty without a model."""
        ...

    def identities(self, tracer: Tracer) -> Mapping[str, Mapping[str, str]]:
        """For each task that a bundle does for this tracer, which bundle it is and what computes it."""
        ...

    def analyse(
        self,
        suv: Volume,
        ct: Volume | None,
        options: Options,
        progress: Callable[[str], None] = ...,
        *,
        remarks: Sequence[Remark] = (),
    ) -> Analysis:
        """Findings of one pair of PET and CT, by `inference.pipeline.analyse`; its arrays may be read-only."""
        ...


def prepare(settings: Settings) -> tuple[Settings, dict[str, str]]:
    """Settle, once and before a node starts, which bundles it works with; the digests of these, by name.

    Raises
    ------
    UptakeError
        If Ray is chosen and not installed.
    Refused
        With the name of a bundle that can't be used, and why.
    """
    if settings.compute.engine == "ray":
        if find_spec("ray") is None:
            raise UptakeError("compute.engine is ray, which is not installed: pip install 'uptake[ray]'.")
        from node.models import check_bundles, named_bundle

        check_bundles(settings.models)
        return settings, {name: named_bundle(settings.models, name).digest for name in settings.models.bundles}
    if not settings.models.bundles:
        return settings, {}
    from node.pinned_models import pin_models

    pinned, bundles = pin_models(settings)
    return pinned, {bundle.name: bundle.digest for bundle in bundles}


def start_compute(settings: Settings, digests: Mapping[str, str]) -> Compute:
    """What analyses the studies of one worker, with what `prepare` settled. To be called once in a process.

    Raises
    ------
    Refused
        If a bundle that is to be loaded here can't be.
    """
    if settings.compute.engine == "ray":
        from node.ray_cluster import RayCluster

        return RayCluster(settings, digests)
    from node.models import Models

    if settings.analysis.memory_budget_mb is not None:
        limit_memory(settings.analysis.memory_budget_mb)
    models = Models(settings)
    for loaded in models.load_all():
        log.info("model loaded", device=loaded.device, **loaded.identity)
    return models
