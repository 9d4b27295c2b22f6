"""When the radiopharmaceutical was given, seen from the decay reference time (PS3.3 Section C.8.9.2)."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.reasons import Reason, Refused, Remark
from dicom_io.suv.pet_header import Injection

LONGEST_ELAPSED_HALF_LIVES = 10.0
"""Beyond it, not a thousandth of the dose is left: the date is wrong."""

LONGEST_MIDNIGHT_HALF_LIVES = 5.0
"""An injection "later" than the scan was on the day before only if it then is not longer ago."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Administration:
    """When the dose was given, with what had to be assumed."""

    time: datetime
    remarks: tuple[Remark, ...]


def administration(injection: Injection, reference: datetime, half_life_s: float) -> Administration:
    """The time of injection that belongs to a scan whose decay reference is ``reference``.

    Radiopharmaceutical Start DateTime (0018,1078) counts unless it is after the reference or more than ten half-lives
    before it, as after date shifting; then the time of day (0018,1072) on the reference's date, a day earlier if it is
    later than the reference.

    Raises
    ------
    Refused
        ``NO_ADMINISTRATION_TIME`` without a usable time; ``ADMINISTRATION_AFTER_SCAN`` if midnight can't explain it.
    """
    moment, clock = injection.moment, injection.clock
    if moment is None and clock is None:
        raise Refused(
            Reason.NO_ADMINISTRATION_TIME,
            "Radiopharmaceutical Start DateTime (0018,1078) and Start Time (0018,1072) are missing or unreadable.",
        )
    if moment is not None and 0 <= _half_lives(moment, reference, half_life_s) <= LONGEST_ELAPSED_HALF_LIVES:
        return Administration(moment, (*_two_days(moment, reference), *_disagreement(injection, half_life_s)))
    shifted: tuple[Remark, ...] = ()
    if moment is not None:
        shifted = (
            Remark(
                Reason.DATES_SHIFTED,
                f"Injection {moment.isoformat(' ')} does not go with the decay reference "
                f"{reference.isoformat(' ')}; its time of day was used.",
            ),
        )
    time_of_day = clock if clock is not None else moment.time() if moment is not None else reference.time()
    given = _on_the_day(datetime.combine(reference.date(), time_of_day), reference, half_life_s)
    return Administration(given, (*shifted, *_two_days(given, reference), *_disagreement(injection, half_life_s)))


def _on_the_day(given: datetime, reference: datetime, half_life_s: float) -> datetime:
    before_midnight = given - _DAY
    if given > reference and _half_lives(before_midnight, reference, half_life_s) <= LONGEST_MIDNIGHT_HALF_LIVES:
        return before_midnight
    if given > reference:
        raise Refused(
            Reason.ADMINISTRATION_AFTER_SCAN,
            f"Injection at {given:%H:%M:%S}, decay reference {reference:%H:%M:%S}; the evening before would be "
            f"{_half_lives(before_midnight, reference, half_life_s):.1f} half-lives earlier.",
        )
    elapsed = _half_lives(given, reference, half_life_s)
    if elapsed > LONGEST_ELAPSED_HALF_LIVES:
        raise Refused(
            Reason.NO_ADMINISTRATION_TIME,
            f"Injection at {given:%H:%M:%S} is {elapsed:.1f} half-lives before the decay reference "
            f"{reference:%H:%M:%S}; expected at most {LONGEST_ELAPSED_HALF_LIVES:g}.",
        )
    return given


def _half_lives(given: datetime, reference: datetime, half_life_s: float) -> float:
    return (reference - given).total_seconds() / half_life_s


def _two_days(given: datetime, reference: datetime) -> tuple[Remark, ...]:
    if given.date() == reference.date():
        return ()
    detail = f"Injection {given.isoformat(' ')}, decay reference {reference.isoformat(' ')}."
    return (Remark(Reason.SCAN_OVER_MIDNIGHT, detail),)


def _disagreement(injection: Injection, half_life_s: float) -> tuple[Remark, ...]:
    """Remarks if the two injection times differ, as times of day, by more than 1 % in SUV."""
    if injection.moment is None or injection.clock is None:
        return ()
    day = injection.moment.date()
    apart_s = abs((datetime.combine(day, injection.clock) - injection.moment).total_seconds())
    apart_s = min(apart_s, _DAY.total_seconds() - apart_s)
    if apart_s * math.log(2.0) / half_life_s <= math.log(1.01):
        return ()
    detail = f"(0018,1078) says {injection.moment:%H:%M:%S}, (0018,1072) says {injection.clock:%H:%M:%S}."
    return (Remark(Reason.ADMINISTRATION_TIME_UNCERTAIN, detail),)
