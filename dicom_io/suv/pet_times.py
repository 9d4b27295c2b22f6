"""The times of a PET series as wall clock of one time zone (PS3.3 Sections C.12.1.1.8 and C.8.9.1)."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from pydicom.dataset import Dataset

from config.reasons import Reason, Remark
from dicom_io.header_values import private_text, text
from dicom_io.suv.frame_view import FrameView
from dicom_io.times import Moment, format_offset, parse_date, parse_moment, parse_offset, parse_time

DATE_OF_NO_DATE = date(1970, 1, 1)
"""Carries times of day where a header has no date at all."""

_HALF_A_DAY = timedelta(hours=12)
_DAY = timedelta(days=1)
_QUARTER_S = 900
_ROUNDING_S = 90


@dataclass(frozen=True, slots=True)
class StatedReference:
    """A decay reference time that a header names itself."""

    source: str
    time: datetime


def time_zone(
    view: FrameView, injected: Moment | None, injection_clock: time | None
) -> tuple[timedelta | None, tuple[Remark, ...]]:
    """The UTC offset of a data set's dates and times, None if it has none.

    Timezone Offset From UTC (0008,0201) says it. Where only the injection's date and time carries an offset, the
    time-only tag beside it tells the zone; without that, the injection is read as given in the scanner's zone.
    """
    stated = parse_offset(view.text("TimezoneOffsetFromUTC"))
    if stated is not None or injected is None or injected.offset is None:
        return stated, ()
    if injection_clock is not None:
        shift_s = _clock_difference_s(injection_clock, injected.wall.time())
        quarters = round(shift_s / _QUARTER_S)
        if abs(shift_s - quarters * _QUARTER_S) <= _ROUNDING_S:
            return injected.offset + timedelta(seconds=quarters * _QUARTER_S), ()
    if not view.text("AcquisitionTime"):
        return injected.offset, ()
    detail = (
        f"Radiopharmaceutical Start DateTime (0018,1078) carries {format_offset(injected.offset)} and the data set has "
        f"no Timezone Offset From UTC (0008,0201); read as the scanner's wall clock {injected.wall:%H:%M:%S}."
    )
    return injected.offset, (Remark(Reason.ADMINISTRATION_TIME_UNCERTAIN, detail),)


def acquired(view: FrameView, zone: timedelta | None) -> datetime | None:
    """When a frame's acquisition began: Frame Acquisition DateTime, Acquisition Date and Time, or DateTime."""
    frame_moment = parse_moment(view.text("FrameAcquisitionDateTime"))
    clock = parse_time(view.text("AcquisitionTime"))
    moment = frame_moment or (None if clock else parse_moment(view.text("AcquisitionDateTime")))
    if moment is not None:
        return moment.at(zone)
    if clock is None:
        return None
    own_date = parse_date(view.text("AcquisitionDate"))
    began = datetime.combine(own_date or _any_date(view.header), clock)
    series_clock = parse_time(text(view.header, "SeriesTime"))
    if own_date is None and series_clock and datetime.combine(began.date(), series_clock) - began > _HALF_A_DAY:
        began += _DAY
    return _in_zone(began, view.header, zone)


def series_started(header: Dataset, zone: timedelta | None) -> datetime | None:
    """Series Date and Time; the acquisition's date stands in for a missing one."""
    clock = parse_time(text(header, "SeriesTime"))
    if clock is None:
        return None
    day = parse_date(text(header, "SeriesDate")) or parse_date(text(header, "AcquisitionDate")) or _any_date(header)
    return _in_zone(datetime.combine(day, clock), header, zone)


def stated_references(view: FrameView, zone: timedelta | None) -> tuple[StatedReference, ...]:
    """The decay reference times that a header names, in the order of their weight."""
    found = (
        ("Decay Correction DateTime (0018,9701)", view.text("DecayCorrectionDateTime")),
        ("Siemens (0071,xx22)", _vendor_text(view.header, "SIEMENS", 0x0071, 0x22, "SIEMENS MED PT")),
        ("GE scan date and time (0009,xx0D)", _vendor_text(view.header, "GE", 0x0009, 0x0D, "GEMS_PETD_01")),
    )
    parsed = ((source, parse_moment(value)) for source, value in found)
    return tuple(StatedReference(source, moment.at(zone)) for source, moment in parsed if moment)


def without_date(header: Dataset) -> bool:
    """Whether a header has times of day and not one date to put them on."""
    dated = parse_date(text(header, "AcquisitionDate")) or _any_date(header) != DATE_OF_NO_DATE
    return not dated and parse_time(text(header, "AcquisitionTime")) is not None


def over_midnight(times: tuple[datetime | None, ...]) -> tuple[datetime | None, ...]:
    """The times with those after midnight moved to the next day where all still carry the first day's date."""
    known = [moment for moment in times if moment]
    if not known or len({moment.date() for moment in known}) != 1 or max(known) - min(known) <= _HALF_A_DAY:
        return times
    limit = max(known) - _HALF_A_DAY
    return tuple(moment + _DAY if moment and moment < limit else moment for moment in times)


def _vendor_text(header: Dataset, vendor: str, group: int, element_offset: int, creator: str) -> str:
    return private_text(
        header, group, element_offset, creator, without_creator=text(header, "Manufacturer").upper().startswith(vendor)
    )


def _any_date(header: Dataset) -> date:
    dates = (parse_date(text(header, keyword)) for keyword in ("SeriesDate", "StudyDate", "ContentDate"))
    return next((found for found in dates if found), DATE_OF_NO_DATE)


def _in_zone(wall: datetime, header: Dataset, zone: timedelta | None) -> datetime:
    return Moment(wall, parse_offset(text(header, "TimezoneOffsetFromUTC"))).at(zone)


def _clock_difference_s(later: time, earlier: time) -> float:
    """From ``earlier`` to ``later``, within half a day either way."""
    day = date(2000, 1, 1)
    difference = datetime.combine(day, later) - datetime.combine(day, earlier)
    return (difference + _HALF_A_DAY).total_seconds() % _DAY.total_seconds() - _HALF_A_DAY.total_seconds()
