"""Dates and times as scanners write them (PS3.5 Section 6.2: DA, TM, DT), read leniently and never guessed."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_TIME = re.compile(r"(\d{2}):?(\d{2})(?::?(\d{2})(?:\.(\d{1,9}))?)?")
_DATE = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")
_ZONE = re.compile(r"([+-])(\d{2})(\d{2})")
_DATETIME = re.compile(r"(\d{8})(\d{4,6}(?:\.\d{1,9})?)\s*([+-]\d{4})?")


@dataclass(frozen=True, slots=True)
class Moment:
    """A DT value: the wall clock, and its UTC offset where the value carries one."""

    wall: datetime
    offset: timedelta | None

    def at(self, zone: timedelta | None) -> datetime:
        """The wall clock in the zone of that UTC offset; a value without an offset is in that zone already."""
        if self.offset is None or zone is None:
            return self.wall
        return self.wall - self.offset + zone


def parse_time(text: str) -> time | None:
    """A TM value, also with colons; None if it is not one or leaves the minutes open. Second 60 is read as 59."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    hours, minutes, seconds, fraction = match.groups(default="0")
    try:
        return time(int(hours), int(minutes), 59 if seconds == "60" else int(seconds), int(fraction.ljust(6, "0")[:6]))
    except ValueError:
        return None


def parse_date(text: str) -> date | None:
    """A DA value of the years 1800 to 2399, also with dots or hyphens; None if it is not one."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        return None
    try:
        found = date(*map(int, match.groups()))
    except ValueError:
        return None
    return found if 1800 <= found.year < 2400 else None


def parse_offset(text: str) -> timedelta | None:
    """A UTC offset (0008,0201) from -1200 to +1400; None if it is not one."""
    match = _ZONE.fullmatch(text.strip())
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    return offset if int(minutes) < 60 and timedelta(hours=-12) <= offset <= timedelta(hours=14) else None


def parse_moment(text: str) -> Moment | None:
    """A DT value; None if it is not one or leaves the minutes open."""
    match = _DATETIME.fullmatch(text.strip())
    if match is None:
        return None
    day, clock, zone = parse_date(match[1]), parse_time(match[2]), match[3]
    if day is None or clock is None:
        return None
    return Moment(datetime.combine(day, clock), parse_offset(zone) if zone else None)


def format_offset(offset: timedelta) -> str:
    """A UTC offset as in (0008,0201)."""
    minutes = round(abs(offset).total_seconds() / 60)
    return f"{'-' if offset < timedelta(0) else '+'}{minutes // 60:02d}{minutes % 60:02d}"
