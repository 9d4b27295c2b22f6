"""What a Ray cluster holds of a worker: the loaded models, in a process of its own on whichever node has room."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from config.finding import Analysis
from config.reasons import Remark
from config.settings import Settings
from config.tracers import Tracer
from config.volume import Volume
from inference.engines.guard import limit_memory, memory_errors
from inference.options import Options
from node.models import Models


@dataclass(frozen=True, slots=True)
class Loaded:
    """What results depend on where they are computed.

    ``bundles``: their digests, by name. ``digest``: of all that the models contribute. ``identities``: for each tracer
    and task the bundle and what computes it.
    """

    bundles: Mapping[str, str]
    digest: str
    identities: Mapping[Tracer, Mapping[str, Mapping[str, str]]]


class Analyst:
    """Analyses volumes, after `load`. Every argument and answer crosses between machines."""

    def version(self) -> str:
        """The version of uptake."""
        return version("uptake")

    def load(self, settings: Settings) -> Loaded:
        """Load every bundle that is configured, within the memory budget. Raises `Refused` for one that can't be."""
        if settings.analysis.memory_budget_mb is not None:
            limit_memory(settings.analysis.memory_budget_mb)
        self._models = Models(settings)
        return Loaded(
            bundles={model.bundle.name: model.bundle.digest for model in self._models.load_all()},
            digest=self._models.digest(),
            identities={tracer: self._models.identities(tracer) for tracer in Tracer},
        )

    def analyse(self, suv: Volume, ct: Volume | None, options: Options, remarks: Sequence[Remark]) -> Analysis:
        """As `Models.analyse`; MemoryError for whatever a library says of memory."""
        with memory_errors():
            return self._models.analyse(suv, ct, options, remarks=remarks)
