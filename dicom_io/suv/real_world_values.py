"""Real World Value Mappings (PS3.3 Section C.7.6.16.2.11): what a stored value means, and vendors' SUV factors."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydicom.dataset import Dataset

from dicom_io.header_values import items, number, scale_factor, text


class Quantity(StrEnum):
    """What a PET value measures; the part of the unit code that says so, of either generation of CID 85."""

    BQML = "Bq/ml"
    SUVBW = "SUVbw"
    SUVLBM = "SUVlbm"
    SUVLBM_JAMES128 = "SUVlbm(James128)"
    SUVLBM_JANMA = "SUVlbm(Janma)"
    SUVIBW = "SUVibw"
    SUVBSA = "SUVbsa"


@dataclass(frozen=True, slots=True)
class ValueMapping:
    """A linear mapping: ``slope`` × stored value + ``intercept`` is the quantity (g/ml, cm²/ml or Bq/ml).

    The range of stored values that it is meant for isn't read: what uses it takes one line for all values, or none.
    """

    quantity: Quantity
    slope: float
    intercept: float


def quantity(unit_code: str) -> Quantity | None:
    """What a UCUM code stands for: "g/ml{SUVbw}" (CID 85 today), "{SUVbw}g/ml" (before), "Bq/ml"; None if another."""
    if unit_code.strip().lower() in ("bq/ml", "bqml"):
        return Quantity.BQML
    annotation = re.search(r"\{(.*)\}", unit_code)
    known = {member.lower(): member for member in Quantity}
    return known.get(annotation[1].strip().lower()) if annotation else None


def read_value_mappings(carrier: Dataset) -> tuple[ValueMapping, ...]:
    """The linear mappings in a data set's Real World Value Mapping Sequence (0040,9096) whose unit is known."""
    found = []
    for item in items(carrier, "RealWorldValueMappingSequence"):
        units = items(item, "MeasurementUnitsCodeSequence")
        meant = quantity(text(units[0], "CodeValue")) if units else None
        slope = scale_factor(number(item, "RealWorldValueSlope"))
        if meant is None or slope is None:
            continue
        found.append(ValueMapping(meant, slope, number(item, "RealWorldValueIntercept") or 0.0))
    return tuple(found)


def suv_slopes(objects: Sequence[Dataset]) -> dict[str, float]:
    """SUVbw slopes in Real World Value Mapping objects, by the SOP Instance UID of the image they refer to.

    Mappings with an intercept are left out; of several for one image the first counts.
    """
    slopes: dict[str, float] = {}
    for item in _referencing_items(objects):
        slope = next(
            (m.slope for m in read_value_mappings(item) if m.quantity is Quantity.SUVBW and not m.intercept), None
        )
        if slope is None:
            continue
        for image in items(item, "ReferencedImageSequence"):
            slopes.setdefault(text(image, "ReferencedSOPInstanceUID"), slope)
    return slopes


def _referencing_items(objects: Sequence[Dataset]) -> Iterable[Dataset]:
    for mapping_object in objects:
        yield from items(mapping_object, "ReferencedImageRealWorldValueMappingSequence")
