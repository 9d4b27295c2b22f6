"""From the values of a PET, whatever its units, to SUVbw or to activity concentration."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.reasons import Reason, Refused
from dicom_io.suv.body import (
    Body,
    ideal_weight_kg,
    lean_mass_james_kg,
    lean_mass_janmahasatian_kg,
    surface_area_m2,
)
from dicom_io.suv.pet_header import PetFrame, PetHeader
from dicom_io.suv.real_world_values import Quantity

FrameFactors = NDArray[np.float64]

_SUV_TYPES = {
    "": Quantity.SUVBW,
    "BW": Quantity.SUVBW,
    "LBM": Quantity.SUVLBM,
    "LBMJAMES128": Quantity.SUVLBM_JAMES128,
    "LBMJANMA": Quantity.SUVLBM_JANMA,
    "IBW": Quantity.SUVIBW,
}
_REFUSED_UNITS = frozenset({"CPS", "PROPCNTS", "PROPCPS", "1CM", "NONE", "PCNT", "STDDEV", "GML", "CM2ML"})
"""Of Units (0054,1001); of them GML and CM2ML with a SUV Type that contradicts them."""


@dataclass(frozen=True, eq=False)
class Scale:
    """``factors`` × rescaled value, per slice, is SUVbw in g/ml if ``is_suv``, else activity in Bq/ml."""

    rule: str
    is_suv: bool
    factors: FrameFactors


def read_scale(header: PetHeader, body: Body | None) -> Scale:
    """How the values of a PET become SUVbw or Bq/ml, from Units (0054,1001) or Real World Value Mappings.

    ``body`` is needed where the values are SUVs by lean mass, ideal weight or surface area.

    Raises
    ------
    Refused
        ``UNSUPPORTED_UNITS``; ``NO_VENDOR_FACTOR`` for counts without Philips' factors; ``NO_PATIENT_WEIGHT`` or
        ``NO_PATIENT_SIZE`` where another SUV can't be turned into SUVbw.
    """
    units = header.units
    if units == "BQML":
        return Scale("Values in Bq/ml.", False, _ones(header))
    if units == "CNTS":
        return _from_counts(header)
    if units == "GML" and header.suv_type in _SUV_TYPES:
        return _from_suv(header, _SUV_TYPES[header.suv_type], body, _ones(header), "Values in g/ml")
    if units == "CM2ML" and header.suv_type in ("", "BSA"):
        return _from_suv(header, Quantity.SUVBSA, body, _ones(header), "Values in cm²/ml")
    if units not in _REFUSED_UNITS:
        return _from_mappings(header, body)
    of_type = f" with SUV Type {header.suv_type}" if header.suv_type else ""
    raise Refused(
        Reason.UNSUPPORTED_UNITS, f"Units (0054,1001) are {units}{of_type}; expected BQML, GML, CM2ML or CNTS."
    )


def activity_per_count(header: PetHeader) -> FrameFactors | None:
    """Philips' factors from counts to Bq/ml, per slice; None for other units, or if a slice has none."""
    scales = [frame.activity_scale for frame in header.frames if frame.activity_scale is not None]
    return np.array(scales) if header.units == "CNTS" and len(scales) == len(header.frames) else None


def _ones(header: PetHeader) -> FrameFactors:
    return np.ones(len(header.frames))


def _from_counts(header: PetHeader) -> Scale:
    """Philips: the SUV factor if the images are decay corrected and static, else the activity factor."""
    suv_scales = [frame.suv_scale for frame in header.frames if frame.suv_scale is not None]
    corrected = header.decay_correction != "NONE" and not header.is_dynamic
    if corrected and len(suv_scales) == len(header.frames):
        return Scale("Counts × Philips' SUV factor (7053,1000).", True, np.array(suv_scales))
    activity_scales = activity_per_count(header)
    if activity_scales is not None:
        return Scale("Counts × Philips' activity factor (7053,1009) give Bq/ml.", False, activity_scales)
    unusable = "" if corrected or not suv_scales else " (7053,1000) does not hold for dynamic or uncorrected images."
    raise Refused(
        Reason.NO_VENDOR_FACTOR,
        f"Units are CNTS; expected (7053,1000) or (7053,1009) above 0 in all {len(header.frames)} slices.{unusable}",
    )


def _from_suv(header: PetHeader, quantity: Quantity, body: Body | None, factors: FrameFactors, found: str) -> Scale:
    if quantity is Quantity.SUVBW:
        return Scale(f"{found}: SUVbw already.", True, factors)
    if body is None:
        raise Refused(Reason.NO_PATIENT_WEIGHT, f"{found} of {quantity}, which needs the weight to become SUVbw.")
    norms: dict[Quantity, Callable[[Body], float | None]] = {
        Quantity.SUVLBM: lean_mass_james_kg,
        Quantity.SUVLBM_JAMES128: lambda patient: lean_mass_james_kg(patient, 128.0),
        Quantity.SUVLBM_JANMA: lean_mass_janmahasatian_kg,
        Quantity.SUVIBW: ideal_weight_kg,
        Quantity.SUVBSA: lambda patient: _times_ten(surface_area_m2(patient)),
    }
    norm = norms[quantity](body)
    if norm is None:
        raise Refused(
            Reason.NO_PATIENT_SIZE, f"{found} of {quantity}, which needs Patient Size and Sex to become SUVbw."
        )
    return Scale(f"{found} of {quantity}; × weight / norm is SUVbw.", True, factors * body.weight_kg / norm)


def _times_ten(area_m2: float | None) -> float | None:
    """SUVbsa in cm²/ml is Bq/ml × 10⁴ cm²/m² × BSA / dose; SUVbw in g/ml is Bq/ml × 10³ g/kg × weight / dose."""
    return None if area_m2 is None else area_m2 * 10.0


def _from_mappings(header: PetHeader, body: Body | None) -> Scale:
    """Enhanced images: the quantity that all frames are mapped to, SUVbw before Bq/ml before other SUVs."""
    for quantity in (Quantity.SUVBW, Quantity.BQML, *Quantity):
        factors = [_mapped(frame, quantity) for frame in header.frames]
        known = [factor for factor in factors if factor is not None]
        if len(known) != len(factors):
            continue
        if quantity is Quantity.BQML:
            return Scale("Real World Value Mapping to Bq/ml.", False, np.array(known))
        return _from_suv(header, quantity, body, np.array(known), "Real World Value Mapping")
    raise Refused(
        Reason.UNSUPPORTED_UNITS,
        f"Units (0054,1001) are {header.units or 'missing'} and not every frame has one linear Real World Value "
        "Mapping without intercept to Bq/ml or SUV.",
    )


def _mapped(frame: PetFrame, quantity: Quantity) -> float | None:
    """Rescaled value to quantity; a mapping applies to stored values, so that the rescale slope is taken out.

    None if there is no mapping, or several for ranges of values that don't lie on one line through zero.
    """
    mappings = [mapping for mapping in frame.mappings if mapping.quantity is quantity]
    lines = {(mapping.slope, mapping.intercept) for mapping in mappings}
    if len(lines) != 1:
        return None
    ((slope, intercept),) = lines
    factor = slope / frame.rescale_slope
    through_zero = abs(intercept - factor * frame.rescale_intercept) <= 1e-6 * slope
    return factor if through_zero else None
