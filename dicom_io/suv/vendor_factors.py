"""What others say the SUV factor is: Real World Value Mappings and Philips' private factors, to check ours by."""

import math
from collections.abc import Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from config.reasons import Reason, Remark
from dicom_io.suv.pet_header import PetFrame, PetHeader
from dicom_io.suv.real_world_values import Quantity, suv_slopes

_TOLERANCE = 0.01


def vendor_factor(
    header: PetHeader, computed: NDArray[np.float64], mappings: Sequence[Dataset]
) -> tuple[float | None, tuple[Remark, ...]]:
    """The vendor's factor from rescaled values to SUVbw (first slice that has one), and remarks if it is over 1 % off.

    A mapping applies to stored values by the standard, to rescaled ones in the objects of 3D Slicer's SUV factor
    calculator. One slope for slices of different rescale slopes can only be the latter; else the reading nearer to
    the ``computed`` factors counts.
    """
    sources = (
        ("Real World Value Mapping", _of_objects(header, computed, suv_slopes(mappings))),
        ("Real World Value Mapping in the images", _of_images(header)),
        ("Philips (7053,1000)", _of_philips(header)),
    )
    source, found = next(((name, factors) for name, factors in sources if factors), ("", {}))
    if not found:
        return None, ()
    first = min(found)
    worst = max(found, key=lambda index: abs(math.log(found[index] / computed[index])))
    if abs(found[worst] / computed[worst] - 1.0) <= _TOLERANCE:
        return found[first], ()
    detail = (
        f"{source}: {found[worst]:.8g} g/ml per pixel value, computed {computed[worst]:.8g}: "
        f"{found[worst] / computed[worst] - 1.0:+.1%} (slice {worst + 1} of {len(computed)})."
    )
    return found[first], (Remark(Reason.VENDOR_FACTOR_DISAGREES, detail),)


def _of_objects(header: PetHeader, computed: NDArray[np.float64], slopes: dict[str, float]) -> dict[int, float]:
    mapped = {
        index: (slopes[frame.sop_instance_uid], frame)
        for index, frame in enumerate(header.frames)
        if frame.sop_instance_uid in slopes
    }
    if not mapped:
        return {}
    by_rescaled = {index: slope for index, (slope, _) in mapped.items()}
    by_stored = {index: slope / frame.rescale_slope for index, (slope, frame) in mapped.items()}
    one_slope = len(set(by_rescaled.values())) == 1
    if one_slope and len({frame.rescale_slope for _, frame in mapped.values()}) > 1:
        return by_rescaled
    return min((by_stored, by_rescaled), key=lambda found: _distance(found, computed))


def _distance(found: dict[int, float], computed: NDArray[np.float64]) -> float:
    return median(abs(math.log(factor / computed[index])) for index, factor in found.items())


def _of_images(header: PetHeader) -> dict[int, float]:
    found = {index: _suv_slope(frame) for index, frame in enumerate(header.frames)}
    return {index: factor for index, factor in found.items() if factor is not None}


def _suv_slope(frame: PetFrame) -> float | None:
    slopes = {m.slope for m in frame.mappings if m.quantity is Quantity.SUVBW and not m.intercept}
    return slopes.pop() / frame.rescale_slope if len(slopes) == 1 else None


def _of_philips(header: PetHeader) -> dict[int, float]:
    """SUV per count where values are counts, else SUV per Bq/ml; holds for static, decay corrected images only."""
    if header.units not in ("CNTS", "BQML") or header.is_dynamic or header.decay_correction == "NONE":
        return {}
    counts = header.units == "CNTS"
    return {
        index: frame.suv_scale if counts else frame.suv_scale / frame.activity_scale
        for index, frame in enumerate(header.frames)
        if frame.suv_scale is not None and frame.activity_scale is not None
    }
