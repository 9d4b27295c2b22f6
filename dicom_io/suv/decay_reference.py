"""To what time a PET series is decay corrected: the candidates, which one counts, and the SUV each would give.

No single published rule is right on all scanners, so that candidates are tried in order and every one is reported.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median_low

from config.reasons import Reason, Refused, Remark
from dicom_io.suv.pet_header import PetFrame, PetHeader

UNCERTAIN_RATIO = 1.01
"""Candidates whose SUVs lie further apart raise a remark."""

_ONE_SECOND = timedelta(seconds=1)
_ONE_DAY = timedelta(hours=24)
_ROUNDING = timedelta(seconds=2)
_LARGEST_EXPONENT = 700.0
_LAST_RESORT = "earliest Acquisition Time (0008,0032)"
_SUPERSEDED = "Frame Reference Time tells the reference from it"
_SHIFTED = "more than 24 h from the series' own dates, as after date shifting"


class Standing(StrEnum):
    """What became of a candidate. ``SUPERSEDED``: a later rule explains why it differs, so it raises no doubt."""

    CHOSEN = "chosen"
    CONSIDERED = "considered"
    SUPERSEDED = "superseded"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class DecayReference:
    """A candidate for the decay reference time. ``suv_factor_ratio`` is SUV with it over SUV with the chosen one.

    Where a candidate differs from slice to slice, ``time`` is the one furthest from the chosen time.
    """

    source: str
    time: datetime
    suv_factor_ratio: float
    standing: Standing
    note: str = ""


@dataclass(frozen=True, slots=True)
class ReferenceChoice:
    """The reference that counts: its ``source`` and ``times``, one for all slices or one for each."""

    source: str
    times: tuple[datetime, ...]
    candidates: tuple[DecayReference, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    source: str
    times: tuple[datetime, ...]
    discarded: str = ""
    superseded: str = ""


def choose_reference(header: PetHeader, half_life_s: float) -> ReferenceChoice:
    """The decay reference of images with Decay Correction START: the first candidate that isn't discarded.

    In order: Decay Correction DateTime and the vendors' private scan times; Series Date and Time unless after the first
    acquisition; Acquisition Time less Frame Reference Time, slice by slice; the earliest Acquisition Time.

    Raises ``Refused(NO_ACQUISITION_TIME)`` if there is no candidate.
    """
    candidates = _candidates(header, half_life_s)
    chosen = next((candidate for candidate in candidates if not candidate.discarded), None)
    if chosen is None:
        detail = "No Acquisition Time, Decay Correction DateTime or vendor's scan time can be used."
        raise Refused(Reason.NO_ACQUISITION_TIME, detail)
    constant = math.log(2.0) / half_life_s
    references = tuple(_reported(candidate, chosen, constant) for candidate in candidates)
    return ReferenceChoice(chosen.source, chosen.times, references, _doubts(references))


def frame_starts(frames: Sequence[PetFrame]) -> tuple[datetime, ...] | None:
    """When each slice's frame began; None if a slice doesn't say.

    Where frames of one Acquisition Time have different Frame Reference Times, as on some GE scanners, it is the start
    of the whole scan: the first of these frames began then, the others as much later as they are apart.
    """
    acquired = [frame.acquired for frame in frames if frame.acquired is not None]
    if len(acquired) != len(frames):
        return None
    offsets = [frame.reference_time_s for frame in frames if frame.reference_time_s is not None]
    if len(offsets) != len(frames):
        return tuple(acquired)
    earliest: dict[datetime, float] = {}
    for moment, offset in zip(acquired, offsets, strict=True):
        earliest[moment] = min(offset, earliest.get(moment, offset))
    return tuple(
        moment + timedelta(seconds=offset - earliest[moment]) for moment, offset in zip(acquired, offsets, strict=True)
    )


def _candidates(header: PetHeader, half_life_s: float) -> tuple[_Candidate, ...]:
    """In the order in which they apply; those that can't be are kept, marked as discarded."""
    first = header.first_acquired
    found = [
        _Candidate(stated.source, (stated.time,), _implausible(stated.time, first or header.series_started))
        for stated in header.stated_references
    ]
    if header.series_started is not None:
        source = "Series Date and Time (0008,0021) (0008,0031)"
        found.append(_Candidate(source, (header.series_started,), _unlike_a_start(header.series_started, first)))
    back = _back_computed(header, half_life_s)
    if back is not None and first is not None:
        source = "Acquisition Time less Frame Reference Time (0054,1300)"
        found.append(_Candidate(source, back, _implausible(min(back), first) or _implausible(max(back), first)))
    if first is not None:
        explained = back is not None and not found[-1].discarded and max(abs(time - first) for time in back) > _ROUNDING
        found.append(_Candidate(_LAST_RESORT, (first,), superseded=_SUPERSEDED if explained else ""))
    return tuple(found)


def _implausible(moment: datetime, own: datetime | None) -> str:
    return _SHIFTED if own is not None and abs(moment - own) > _ONE_DAY else ""


def _unlike_a_start(series_started: datetime, first: datetime | None) -> str:
    if first is None:
        return "there is no Acquisition Time to check it against"
    if series_started > first + _ONE_SECOND:
        return "after the first acquisition, so it is not the start of the scan"
    return _implausible(series_started, first)


def _back_computed(header: PetHeader, half_life_s: float) -> tuple[datetime, ...] | None:
    """Each slice's decay reference from its Frame Reference Time, which counts from it.

    It means the frame's start on GE, where 0 for frames of several starts is no value, and elsewhere the time at which
    the activity was its mean over the frame (PS3.3 Section C.8.9.4). One time for all where slices agree but for
    rounding; None where it isn't known.
    """
    starts = frame_starts(header.frames)
    offsets = [frame.reference_time_s for frame in header.frames if frame.reference_time_s is not None]
    if starts is None or len(offsets) != len(starts):
        return None
    on_ge = header.manufacturer.startswith("GE")
    telling = any(offsets) or len(set(starts)) == 1 if on_ge else all(offsets)
    if not telling:
        return None
    averages_s = [0.0 if on_ge else _average_time_s(frame.duration_s, half_life_s) for frame in header.frames]
    if any(average is None for average in averages_s):
        return None
    times = tuple(
        start + timedelta(seconds=(average or 0.0) - offset)
        for start, average, offset in zip(starts, averages_s, offsets, strict=True)
    )
    return (median_low(times),) if max(times) - min(times) <= _ROUNDING else times


def _average_time_s(duration_s: float | None, half_life_s: float) -> float | None:
    """From the start of a frame to when the activity equals its mean: ln(λT / (1 − exp(−λT))) / λ, T/2 if short."""
    if duration_s is None:
        return None
    constant = math.log(2.0) / half_life_s
    decayed = constant * duration_s
    if decayed < 1e-9:
        return duration_s / 2.0
    return math.log(decayed / -math.expm1(-decayed)) / constant


def _reported(candidate: _Candidate, chosen: _Candidate, constant: float) -> DecayReference:
    count = max(len(candidate.times), len(chosen.times))
    own = candidate.times * (count // len(candidate.times))
    against = chosen.times * (count // len(chosen.times))
    apart_s = [(a - b).total_seconds() for a, b in zip(own, against, strict=True)]
    furthest = max(range(count), key=lambda index: abs(apart_s[index]))
    if candidate is chosen:
        standing, furthest = Standing.CHOSEN, own.index(min(own))
    elif candidate.discarded:
        standing = Standing.DISCARDED
    else:
        standing = Standing.SUPERSEDED if candidate.superseded else Standing.CONSIDERED
    ratio = math.exp(min(constant * apart_s[furthest], _LARGEST_EXPONENT))
    return DecayReference(candidate.source, own[furthest], ratio, standing, candidate.discarded or candidate.superseded)


def _doubts(references: tuple[DecayReference, ...]) -> tuple[Remark, ...]:
    """Remarks if candidates that can't be told apart spread by more than 1 % in SUV, or a fallback was taken."""
    counted = [r for r in references if r.standing in (Standing.CHOSEN, Standing.CONSIDERED)]
    ratios = [reference.suv_factor_ratio for reference in counted]
    if max(ratios) > UNCERTAIN_RATIO * min(ratios):
        listed = "; ".join(f"{r.source} {r.time.isoformat(' ')} (SUV × {r.suv_factor_ratio:.4f})" for r in counted)
        return (Remark(Reason.DECAY_REFERENCE_UNCERTAIN, f"{listed}."),)
    if counted[0].source == _LAST_RESORT:
        detail = "Frame Reference Time is missing and Series Time unusable; the earliest Acquisition Time was taken."
        return (Remark(Reason.DECAY_REFERENCE_UNCERTAIN, detail),)
    return ()
