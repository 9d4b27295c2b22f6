"""The result of quantifying a PET series."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from config.reasons import Remark
from config.tracers import Tracer
from config.volume import Unit
from dicom_io.suv.decay_reference import DecayReference
from dicom_io.times import format_offset


@dataclass(frozen=True, slots=True)
class Normalisations:
    """Other SUVs as multiples of SUVbw; None where height or sex is unknown (methods: see ``dicom_io.suv.body``).

    ``sul_james`` and ``sul_janma`` in g/ml by lean body mass, ``suvbsa`` in cm²/ml by body surface area.
    """

    sul_james: float | None
    sul_janma: float | None
    suvbsa: float | None


@dataclass(frozen=True, eq=False)
class Quantification:
    """How a PET series becomes SUVbw, and everything that went into it.

    ``factors`` holds one factor a slice, float64: SUVbw in g/ml = factor × rescaled value. ``slices`` names the slices
    in the same order by SOP Instance UID and frame (from 1; None in a single-frame image); ``factor`` is the first.
    ``elapsed_s`` runs from the injection to ``decay_reference``, ``uptake_time_s`` to the first acquisition. Times are
    the scanner's wall clock, at ``time_zone`` where the headers name it. ``vendor_factor`` is what the vendor or a
    mapping object says ``factor`` is. What the values did not need may be None.
    """

    unit: Unit
    factors: NDArray[np.float64]
    slices: tuple[tuple[str, int | None], ...]
    rule: str
    decay_correction: str
    decay_reference: datetime | None
    candidates: tuple[DecayReference, ...]
    administered: datetime | None
    elapsed_s: float | None
    uptake_time_s: float | None
    time_zone: timedelta | None
    dose_bq: float | None
    weight_kg: float | None
    height_m: float | None
    sex: str
    half_life_s: float | None
    radionuclide: str
    radiopharmaceutical: str
    tracer: Tracer
    normalisations: Normalisations
    vendor_factor: float | None
    remarks: tuple[Remark, ...]

    @property
    def factor(self) -> float:
        """Of the first slice."""
        return float(self.factors[0])

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON types: ISO times, units in the names, numbers to ten digits."""
        return {
            "unit": str(self.unit),
            "factor": _number(self.factor),
            "factor_minimum": _number(float(self.factors.min())),
            "factor_maximum": _number(float(self.factors.max())),
            "rule": self.rule,
            "decay_correction": self.decay_correction,
            "decay_reference": _time(self.decay_reference),
            "candidates": [
                {
                    "source": candidate.source,
                    "time": _time(candidate.time),
                    "suv_relative_to_chosen": _ratio(candidate.suv_factor_ratio),
                    "standing": str(candidate.standing),
                    "note": candidate.note,
                }
                for candidate in self.candidates
            ],
            "administered": _time(self.administered),
            "time_zone": None if self.time_zone is None else format_offset(self.time_zone),
            "elapsed_s": _number(self.elapsed_s),
            "uptake_time_s": _number(self.uptake_time_s),
            "tracer": str(self.tracer),
            "radiopharmaceutical": self.radiopharmaceutical,
            "radionuclide": self.radionuclide,
            "half_life_s": _number(self.half_life_s),
            "dose_bq": _number(self.dose_bq),
            "weight_kg": _number(self.weight_kg),
            "height_m": _number(self.height_m),
            "sex": self.sex,
            "normalisations": {
                "sul_james_per_suvbw": _number(self.normalisations.sul_james),
                "sul_janma_per_suvbw": _number(self.normalisations.sul_janma),
                "suvbsa_cm2_per_g_per_suvbw": _number(self.normalisations.suvbsa),
            },
            "vendor_factor": _number(self.vendor_factor),
            "remarks": [
                {"reason": str(remark.reason), "detail": remark.detail, "action": remark.reason.action}
                for remark in self.remarks
            ],
        }


def _number(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.10g}")


def _ratio(value: float) -> float | None:
    """To six digits; None where it means nothing, as between shifted dates."""
    return float(f"{value:.6g}") if 1e-3 < value < 1e3 else None


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
