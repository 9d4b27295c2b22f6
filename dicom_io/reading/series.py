"""Choosing what is analysed: the attenuation-corrected PET of a study and the CT that goes with it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydicom.dataset import Dataset

from config.reasons import Reason, Refused, Remark
from dicom_io.header_values import items, text, texts
from dicom_io.reading.coverage import covered_fraction
from dicom_io.reading.geometry import Stack, span_mm, stack
from dicom_io.reading.kinds import Series, SeriesKind, group_series, has_sharp_kernel
from dicom_io.reading.positrons import why_no_positrons

__all__ = ["Pair", "Series", "SeriesKind", "choose_pair", "group_series"]

SUFFICIENT_COVERAGE = 0.5
FULL_COVERAGE = 0.95
_EQUAL_COVERAGE = 0.02
_EQUAL_EXTENT = 0.95
_FARTHER = 1.1
_NOT_QUANTITATIVE = ("PROPCNTS", "PROPCPS", "PCNT", "1CM", "NONE", "CPS")


@dataclass(frozen=True, eq=False)
class Pair:
    """What is analysed together.

    ``mappings`` are the Real World Value Mapping objects that reference the PET; ``coverage`` is the fraction of the
    PET's body region that lies in the CT (``coverage``), 0 without CT; ``why`` says how the choice was made.
    """

    pet: Series
    ct: Series | None
    mappings: tuple[Dataset, ...]
    remarks: tuple[Remark, ...]
    coverage: float
    why: str


@dataclass(frozen=True, eq=False)
class _Stacked:
    stacks: Mapping[Series, Stack]
    failures: Mapping[Series, Refused]

    @property
    def complaints(self) -> list[str]:
        return [f"{series.name}: {refused.remark}" for series, refused in self.failures.items()]


def choose_pair(series: Sequence[Series], *, pet_only: bool = False) -> Pair:
    """The PET that shows most of the body, and the CT in its frame of reference that covers it best.

    Among PETs that reach equally far: one that has a CT, one in units that SUVs can be made of, a static one, the
    larger matrix, the later one. Among CTs that cover equally: the attenuation CT, which was breathed like the PET,
    before a diagnostic one; a soft kernel; slices as fine as the PET's and no finer; the later one. A series that can't
    be stacked is passed by only if another shows as much. With ``pet_only`` a PET is taken alone where no CT fits.

    Raises
    ------
    Refused
        NO_PET, NO_ATTENUATION_CORRECTION, NOT_A_POSITRON_EMITTER, NO_CT, NO_COMMON_FRAME_OF_REFERENCE or
        INSUFFICIENT_OVERLAP, saying what each series is; or why the series that had to be taken can't be stacked.
    """
    pet, pet_stack, why_pet = _choose_pet(series)
    mappings = _mappings(series, pet)
    try:
        ct, coverage, why_ct = _choose_ct(series, pet, pet_stack)
    except Refused as refused:
        if not pet_only:
            raise
        remark = Remark(Reason.PET_WITHOUT_CT, f"{refused.reason}: {refused.detail}")
        return Pair(pet, None, mappings, (remark,), 0.0, f"{why_pet} No CT: {refused.detail}")
    remarks: tuple[Remark, ...] = ()
    if coverage < FULL_COVERAGE:
        detail = f"{ct.name} covers {100 * coverage:.0f} % of the body region of {pet.name}."
        remarks = (Remark(Reason.CT_COVERS_PARTLY, detail),)
    return Pair(pet, ct, mappings, remarks, coverage, f"{why_pet} {why_ct}")


def _choose_pet(series: Sequence[Series]) -> tuple[Series, Stack, str]:
    corrected = [one for one in series if one.kind is SeriesKind.PET]
    if not corrected:
        uncorrected = any(one.kind is SeriesKind.PET_NAC for one in series)
        raise Refused(Reason.NO_ATTENUATION_CORRECTION if uncorrected else Reason.NO_PET, _listing(series))
    verdicts = {one: why_no_positrons(one.headers[0]) for one in corrected}
    candidates = [one for one in corrected if not verdicts[one]]
    if not candidates:
        found = " ".join(f"{one.name}: {verdict}" for one, verdict in verdicts.items())
        raise Refused(Reason.NOT_A_POSITRON_EMITTER, f"{found} {_listing(series)}")
    stacked = _stack_all(candidates)
    longest = max((found.axial_extent_mm for found in stacked.stacks.values()), default=0.0)
    _require_none_farther(stacked, longest)
    with_ct = {text(one.headers[0], "FrameOfReferenceUID") for one in series if _is_ct(one)}

    def rank(one: Series) -> tuple[object, ...]:
        found, first = stacked.stacks[one], one.headers[0]
        return (
            found.axial_extent_mm >= _EQUAL_EXTENT * longest,
            found.axial_extent_mm if found.axial_extent_mm < _EQUAL_EXTENT * longest else 0.0,
            text(first, "FrameOfReferenceUID") in with_ct,
            text(first, "Units") not in _NOT_QUANTITATIVE,
            texts(first, "SeriesType")[:1] not in (("DYNAMIC",), ("GATED",)),
            found.shape[0] * found.shape[1] * found.shape[2],
            _moment(one),
            one.uid,
        )

    chosen = max(stacked.stacks, key=rank)
    extent = stacked.stacks[chosen].axial_extent_mm
    others = [
        f"not {one.name}, {found.axial_extent_mm:.0f} mm" for one, found in stacked.stacks.items() if one != chosen
    ]
    others += stacked.complaints
    why = f"{chosen.name} reaches {extent:.0f} mm{_aside(others)}."
    return chosen, stacked.stacks[chosen], why


def _choose_ct(series: Sequence[Series], pet: Series, pet_stack: Stack) -> tuple[Series, float, str]:
    cts = [one for one in series if _is_ct(one)]
    if not cts:
        raise Refused(Reason.NO_CT, _listing(series))
    place = _place(pet)
    candidates = [one for one in cts if place[0] and _place(one) == place]
    if not candidates:
        found = "; ".join(f"{one.name} has {_place_in_words(one, place)}" for one in cts)
        raise Refused(
            Reason.NO_COMMON_FRAME_OF_REFERENCE,
            f"{pet.name} has the Frame of Reference UID {place[0] or 'none'}; {found}.",
        )
    stacked = _stack_all(candidates)
    coverage = {one: covered_fraction(pet_stack, found) for one, found in stacked.stacks.items()}
    best = max(coverage.values(), default=0.0)
    if best < FULL_COVERAGE:
        reach = max(
            (found.axial_extent_mm for one, found in stacked.stacks.items() if coverage[one] == best), default=0.0
        )
        _require_none_farther(stacked, reach)
    if best < SUFFICIENT_COVERAGE:
        found = "; ".join(f"{one.name} covers {100 * fraction:.0f} %" for one, fraction in coverage.items())
        raise Refused(
            Reason.INSUFFICIENT_OVERLAP,
            f"Of the body region of {pet.name}, {found}; expected {100 * SUFFICIENT_COVERAGE:.0f} % at least.",
        )
    pet_spacing = pet_stack.slice_spacing_mm

    def rank(one: Series) -> tuple[object, ...]:
        spacing = stacked.stacks[one].slice_spacing_mm
        fine_enough = spacing <= _FARTHER * pet_spacing
        return (
            one.kind is SeriesKind.ATTENUATION_CT,
            not has_sharp_kernel(one.headers[0]),
            fine_enough,
            spacing if fine_enough else -spacing,
            _moment(one),
            one.uid,
        )

    chosen = max((one for one in coverage if coverage[one] >= best - _EQUAL_COVERAGE), key=rank)
    others = [
        f"not {one.name}, {one.kind} ({one.why}), which covers {100 * fraction:.0f} %"
        for one, fraction in coverage.items()
        if one is not chosen
    ]
    others += stacked.complaints
    why = f"{chosen.name}, {chosen.kind} ({chosen.why}), covers {100 * coverage[chosen]:.0f} % of it{_aside(others)}."
    return chosen, coverage[chosen], why


def _stack_all(candidates: Iterable[Series]) -> _Stacked:
    stacks, failures = {}, {}
    for one in candidates:
        try:
            stacks[one] = stack(one)
        except Refused as refused:
            failures[one] = refused
    return _Stacked(stacks, failures)


def _require_none_farther(stacked: _Stacked, extent_mm: float) -> None:
    """Raises what is wrong with a series that can't be stacked but reaches farther than those that can."""
    spans = {one: _span_or_zero(one) for one in stacked.failures}
    farther = [one for one, span in spans.items() if span > _FARTHER * extent_mm or not stacked.stacks]
    if farther:
        worst = max(farther, key=lambda one: (spans[one], one.uid))
        refused = stacked.failures[worst]
        raise Refused(refused.reason, f"{worst.name}: {refused.detail}") from refused


def _span_or_zero(series: Series) -> float:
    try:
        return span_mm(series)
    except Refused:
        return 0.0


def _mappings(series: Sequence[Series], pet: Series) -> tuple[Dataset, ...]:
    instances = {text(header, "SOPInstanceUID") for header in pet.headers}
    headers = [h for one in series if one.kind is SeriesKind.REAL_WORLD_VALUE_MAPPING for h in one.headers]
    return tuple(header for header in headers if pet.uid in _referenced(header) or instances & _referenced(header))


def _referenced(mapping: Dataset) -> set[str]:
    """The UIDs of the series and instances that a Real World Value Mapping object references."""
    series = items(mapping, "ReferencedSeriesSequence")
    mapped = items(mapping, "ReferencedImageRealWorldValueMappingSequence")
    instances = [item for one in series for item in items(one, "ReferencedInstanceSequence")]
    instances += [item for one in mapped for item in items(one, "ReferencedImageSequence")]
    return {text(one, "SeriesInstanceUID") for one in series} | {text(i, "ReferencedSOPInstanceUID") for i in instances}


def _is_ct(series: Series) -> bool:
    return series.kind in (SeriesKind.ATTENUATION_CT, SeriesKind.DIAGNOSTIC_CT)


def _place(series: Series) -> tuple[str, str]:
    return text(series.headers[0], "FrameOfReferenceUID"), text(series.headers[0], "PatientID")


def _place_in_words(series: Series, expected: tuple[str, str]) -> str:
    """What of a series' place is not as expected; Patient IDs aren't told, since messages are logged."""
    uid, _ = _place(series)
    return "the same, but another Patient ID" if uid and uid == expected[0] else uid or "none"


def _moment(series: Series) -> str:
    return text(series.headers[0], "SeriesDate") + text(series.headers[0], "SeriesTime")


def _listing(series: Iterable[Series]) -> str:
    found = "; ".join(f"{one.name} is {one.kind} ({one.why})" for one in series)
    return f"Looked at: {found}." if found else "There is no series."


def _aside(others: Sequence[str]) -> str:
    return f" ({'; '.join(others)})" if others else ""
