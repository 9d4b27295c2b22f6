"""Options: what a person chooses about an analysis."""

from dataclasses import dataclass

from config.indication import Indication
from config.thresholds import ThresholdRule
from config.tracers import TracerProfile


@dataclass(frozen=True, slots=True)
class Options:
    """The tracer, the rule that delineates, and the smallest volume that counts as a candidate, in ml.

    ``sex`` is the patient's, M or F, where it is known: nothing is located in what only the other sex has.
    ``indication`` and ``radiopharmaceutical``, its name as it is written in the header, decide how uptake is graded.
    """

    profile: TracerProfile
    threshold: ThresholdRule = ThresholdRule.ITERATIVE
    minimum_volume_ml: float = 0.3
    sex: str | None = None
    indication: Indication = Indication.OTHER
    radiopharmaceutical: str = ""
