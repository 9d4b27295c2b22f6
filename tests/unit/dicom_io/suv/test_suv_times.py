"""Injection and scan times as they come: over midnight, shifted by de-identification, in several time zones."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from config.reasons import Reason, Refused
from dicom_io.suv.quantify import quantify

MakeSeries = Callable[..., list[Dataset]]


def factor_after(seconds: float) -> float:
    return 70_000 / (350e6 * math.exp(-math.log(2) * seconds / 6588))


def reasons(headers: list[Dataset]) -> set[Reason]:
    return {remark.reason for remark in quantify(headers).remarks}


def test_scan_after_midnight_with_the_time_of_day_only(make_series: MakeSeries) -> None:
    headers = make_series(RadiopharmaceuticalStartTime="234500", SeriesTime="004500", AcquisitionTime="004500")
    quantification = quantify(headers)
    assert quantification.factor == pytest.approx(factor_after(3600), rel=1e-12)
    assert quantification.administered == datetime(2024, 1, 4, 23, 45)
    assert reasons(headers) == {Reason.SCAN_OVER_MIDNIGHT}


def test_scan_after_midnight_with_the_date_of_the_injection(make_series: MakeSeries) -> None:
    headers = make_series(
        RadiopharmaceuticalStartDateTime="20240104234500", SeriesTime="004500", AcquisitionTime="004500"
    )
    for header in headers:
        header.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime = "234500"
    assert quantify(headers).elapsed_s == 3600
    assert reasons(headers) == {Reason.SCAN_OVER_MIDNIGHT}


def test_beds_after_midnight_that_kept_the_first_days_date(make_series: MakeSeries) -> None:
    beds = [{"AcquisitionTime": t} for t in ("235800", "000100")]
    headers = make_series(
        slices=beds,
        DecayCorrection="NONE",
        CorrectedImage=["ATTN"],
        RadiopharmaceuticalStartTime="225800",
        SeriesTime="235800",
    )
    constant = math.log(2) / 6588
    mean = constant * 180 / (1 - math.exp(-constant * 180))
    assert quantify(headers).factors == pytest.approx([mean * factor_after(3600), mean * factor_after(3780)], rel=1e-12)
    assert Reason.SCAN_OVER_MIDNIGHT in reasons(headers)


def test_injection_after_the_scan_is_refused_where_midnight_explains_nothing(make_series: MakeSeries) -> None:
    with pytest.raises(Refused) as refusal:
        quantify(make_series(RadiopharmaceuticalStartTime="103000"))
    assert refusal.value.reason is Reason.ADMINISTRATION_AFTER_SCAN


def test_injection_date_and_time_after_the_scan_is_refused_too(make_series: MakeSeries) -> None:
    with pytest.raises(Refused) as refusal:
        quantify(make_series(RadiopharmaceuticalStartTime=None, RadiopharmaceuticalStartDateTime="20240105103000"))
    assert refusal.value.reason is Reason.ADMINISTRATION_AFTER_SCAN


def test_injection_many_half_lives_ago_is_refused(make_series: MakeSeries) -> None:
    headers = make_series(RadionuclideHalfLife="1223")
    headers[0].RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime = "030000"
    with pytest.raises(Refused) as refusal:
        quantify(headers)
    assert refusal.value.reason is Reason.NO_ADMINISTRATION_TIME


@pytest.mark.parametrize("shifted", ["20231225090000", "20240619090000.123456", "18991231090000"])
def test_a_shifted_injection_date_leaves_the_time_of_day(make_series: MakeSeries, shifted: str) -> None:
    headers = make_series(RadiopharmaceuticalStartDateTime=shifted)
    assert quantify(headers).factor == pytest.approx(factor_after(3600), rel=1e-12)
    assert reasons(headers) == {Reason.DATES_SHIFTED}


def test_a_shifted_injection_date_without_the_time_only_tag(make_series: MakeSeries) -> None:
    headers = make_series(RadiopharmaceuticalStartTime=None, RadiopharmaceuticalStartDateTime="20200229090000")
    assert quantify(headers).elapsed_s == 3600


def test_a_private_scan_time_further_than_a_day_off_is_discarded(make_series: MakeSeries) -> None:
    """As in the ACRIN study: private scan time 1959-12-24, Series Date 1960-01-16."""
    headers = make_series(Manufacturer="GE MEDICAL SYSTEMS", AcquisitionDate="19600116", SeriesDate="19600116")
    headers[0].private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "19591224100000.00")
    quantification = quantify(headers)
    assert quantification.decay_reference == datetime(1960, 1, 16, 10)
    assert quantification.as_dict()["candidates"][0]["suv_relative_to_chosen"] is None
    assert "24 h" in quantification.candidates[0].note


def test_headers_without_any_date_go_by_times_of_day(make_series: MakeSeries) -> None:
    headers = make_series(AcquisitionDate=None, SeriesDate=None)
    assert quantify(headers).factor == pytest.approx(factor_after(3600), rel=1e-12)
    assert reasons(headers) == {Reason.DATES_SHIFTED}


@pytest.mark.parametrize("zone", [None, "+0200"])
def test_injection_and_scan_in_one_time_zone(make_series: MakeSeries, zone: str | None) -> None:
    headers = make_series(TimezoneOffsetFromUTC=zone, RadiopharmaceuticalStartDateTime="20240105090000+0200")
    quantification = quantify(headers)
    assert quantification.factor == pytest.approx(factor_after(3600), rel=1e-12)
    assert quantification.remarks == ()


def test_injection_in_utc_and_scan_in_local_time(make_series: MakeSeries) -> None:
    headers = make_series(TimezoneOffsetFromUTC="+0200", RadiopharmaceuticalStartDateTime="20240105070000+0000")
    quantification = quantify(headers)
    assert quantification.administered == datetime(2024, 1, 5, 9)
    assert quantification.as_dict()["time_zone"] == "+0200"


def test_injection_in_utc_where_only_the_time_tag_tells_the_zone(make_series: MakeSeries) -> None:
    headers = make_series(RadiopharmaceuticalStartDateTime="20240105033000+0000")
    assert quantify(headers).administered == datetime(2024, 1, 5, 9)
    assert reasons(headers) == set()


def test_an_offset_that_nothing_explains_is_said(make_series: MakeSeries) -> None:
    headers = make_series(RadiopharmaceuticalStartTime=None, RadiopharmaceuticalStartDateTime="20240105090000-0500")
    assert quantify(headers).elapsed_s == 3600
    assert reasons(headers) == {Reason.ADMINISTRATION_TIME_UNCERTAIN}


def test_two_injection_times_that_disagree_are_said(make_series: MakeSeries) -> None:
    headers = make_series(RadiopharmaceuticalStartDateTime="20240105090200")
    assert quantify(headers).elapsed_s == 3480
    assert reasons(headers) == {Reason.ADMINISTRATION_TIME_UNCERTAIN}


@pytest.mark.parametrize("clock", ["0900", "09:00:00", "090000.000000", "090000.0000001", " 090000 "])
def test_time_of_injection_in_many_spellings(make_series: MakeSeries, clock: str) -> None:
    headers = make_series()
    headers[0].RadiopharmaceuticalInformationSequence[0].add_new("RadiopharmaceuticalStartTime", "LO", clock)
    assert quantify(headers).elapsed_s == pytest.approx(3600, abs=1e-5)


@pytest.mark.parametrize("clock", ["", "9", "09", "25:00", "noon", "246060", None])
def test_no_readable_time_of_injection_is_refused(make_series: MakeSeries, clock: str | None) -> None:
    headers = make_series(RadiopharmaceuticalStartTime=None)
    if clock is not None:
        headers[0].RadiopharmaceuticalInformationSequence[0].add_new("RadiopharmaceuticalStartTime", "LO", clock)
    with pytest.raises(Refused) as refusal:
        quantify(headers)
    assert refusal.value.reason is Reason.NO_ADMINISTRATION_TIME


@pytest.mark.parametrize(
    ("clock", "unusual"), [("072000", True), ("080000", False), ("093000", False), ("094500", True)]
)
def test_unusual_uptake_times_are_said(make_series: MakeSeries, clock: str, unusual: bool) -> None:
    headers = make_series(RadiopharmaceuticalStartTime=clock)
    assert (Reason.UPTAKE_TIME_UNUSUAL in reasons(headers)) is unusual


def shifted_by(moment: datetime, shift: timedelta) -> dict[str, Any]:
    there = moment + shift
    return {"date": there.strftime("%Y%m%d"), "time": there.strftime("%H%M%S")}


@settings(max_examples=40, deadline=None)
@given(shift_s=st.integers(0, 20 * 365 * 86400), uptake_s=st.integers(0, 4 * 3600))
def test_moving_all_times_together_changes_nothing(shift_s: int, uptake_s: int, make_series: MakeSeries) -> None:
    shift = timedelta(seconds=shift_s)
    scan = shifted_by(datetime(2001, 1, 1, 12), shift)
    injection = shifted_by(datetime(2001, 1, 1, 12) - timedelta(seconds=uptake_s), shift)
    headers = make_series(
        SeriesDate=scan["date"],
        SeriesTime=scan["time"],
        AcquisitionDate=scan["date"],
        AcquisitionTime=scan["time"],
        RadiopharmaceuticalStartTime=injection["time"],
    )
    assert quantify(headers).factor == pytest.approx(factor_after(uptake_s), rel=1e-12)
