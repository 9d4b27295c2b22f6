"""DICOM dates and times in the spellings that occur."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_io.times import Moment, format_offset, parse_date, parse_moment, parse_offset, parse_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("101530", time(10, 15, 30)),
        ("1015", time(10, 15)),
        ("101530.5", time(10, 15, 30, 500_000)),
        ("101530.123456", time(10, 15, 30, 123_456)),
        ("101530.1234567", time(10, 15, 30, 123_456)),
        ("10:15:30", time(10, 15, 30)),
        ("235960", time(23, 59, 59)),
        ("10", None),
        ("1", None),
        ("", None),
        ("246000", None),
        ("١٠١٥٣٠x", None),
    ],
)
def test_times(text: str, expected: time | None) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20240229", date(2024, 2, 29)),
        ("2024.02.29", date(2024, 2, 29)),
        ("20230229", None),
        ("00010101", None),
        ("99991231", None),
        ("2024", None),
    ],
)
def test_dates(text: str, expected: date | None) -> None:
    assert parse_date(text) == expected


def test_a_moment_keeps_its_offset() -> None:
    assert parse_moment("20240105101530.25-0530") == Moment(
        datetime(2024, 1, 5, 10, 15, 30, 250_000), timedelta(hours=-5, minutes=-30)
    )


@pytest.mark.parametrize("text", ["2024", "20240105", "2024010510", "20240105 noon", "", "20241305101530"])
def test_a_moment_without_minutes_is_none(text: str) -> None:
    assert parse_moment(text) is None


def test_a_moment_seen_from_another_zone() -> None:
    utc = Moment(datetime(2024, 1, 5, 23, 30), timedelta(0))
    assert utc.at(timedelta(hours=1)) == datetime(2024, 1, 6, 0, 30)
    assert utc.at(None) == datetime(2024, 1, 5, 23, 30)
    assert Moment(datetime(2024, 1, 5), None).at(timedelta(hours=1)) == datetime(2024, 1, 5)


@pytest.mark.parametrize("text", ["0200", "+2500", "+0160", "+02:00", "UTC"])
def test_what_is_no_offset(text: str) -> None:
    assert parse_offset(text) is None


@given(st.integers(-12 * 60, 14 * 60))
def test_offsets_survive_being_written(minutes: int) -> None:
    assert parse_offset(format_offset(timedelta(minutes=minutes))) == timedelta(minutes=minutes)


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_none(text: str) -> None:
    assert parse_time(text) is None or isinstance(parse_time(text), time)
    assert parse_moment(text) is None or isinstance(parse_moment(text), Moment)
