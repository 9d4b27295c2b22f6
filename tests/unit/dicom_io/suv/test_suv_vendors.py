"""SUV factors of scanners' habits, each expected value worked out by hand from the definition of SUV."""

import math
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pytest
from pydicom.dataset import Dataset

from config.reasons import Reason
from dicom_io.suv.quantify import Standing, quantify

MakeSeries = Callable[..., list[Dataset]]

# 70 kg, 350 MBq, one hour at a half-life of 6588 s: 70000 / (350e6 · 2^(-3600/6588)) = 0.0002 · 2^0.546448
AFTER_ONE_HOUR = 70_000 / (350e6 * math.exp(-math.log(2) * 3600 / 6588))


def reasons(headers: list[Dataset]) -> set[Reason]:
    return {remark.reason for remark in quantify(headers).remarks}


def private(headers: list[Dataset], group: int, creator: str, values: dict[int, tuple[str, object]]) -> list[Dataset]:
    for header in headers:
        block = header.private_block(group, creator, create=True)
        for offset, (vr, value) in values.items():
            block.add_new(offset, vr, value)
    return headers


def test_the_expected_factor_is_what_a_calculator_says() -> None:
    assert pytest.approx(0.00029209711, rel=1e-7) == AFTER_ONE_HOUR


def test_one_bed_decay_corrected_to_its_start(make_series: MakeSeries) -> None:
    quantification = quantify(make_series())
    assert quantification.factor == pytest.approx(AFTER_ONE_HOUR, rel=1e-12)
    assert quantification.elapsed_s == 3600
    assert quantification.decay_reference == datetime(2024, 1, 5, 10)
    assert quantification.administered == datetime(2024, 1, 5, 9)
    assert quantification.remarks == ()


def test_ge_multi_bed_reprocessed_takes_the_private_scan_time(make_series: MakeSeries) -> None:
    beds = [
        {"AcquisitionTime": "100000", "FrameReferenceTime": "0"},
        {"AcquisitionTime": "100300", "FrameReferenceTime": "180000"},
    ]
    headers = make_series(slices=beds, Manufacturer="GE MEDICAL SYSTEMS", SeriesTime="113000")
    private(headers, 0x0009, "GEMS_PETD_01", {0x0D: ("DT", "20240105100000.00")})
    quantification = quantify(headers)
    assert quantification.factors == pytest.approx([AFTER_ONE_HOUR] * 2, rel=1e-12)
    standings = {candidate.source.split()[0]: candidate.standing for candidate in quantification.candidates}
    assert standings == {
        "GE": Standing.CHOSEN,
        "Series": Standing.DISCARDED,
        "Acquisition": Standing.CONSIDERED,
        "earliest": Standing.CONSIDERED,
    }
    assert Reason.DECAY_REFERENCE_UNCERTAIN not in {remark.reason for remark in quantification.remarks}


def test_ge_reprocessed_without_private_tags_is_computed_back(make_series: MakeSeries) -> None:
    beds = [
        {"AcquisitionTime": "101500", "FrameReferenceTime": "900000"},
        {"AcquisitionTime": "101800", "FrameReferenceTime": "1080000"},
    ]
    headers = make_series(slices=beds, Manufacturer="GE MEDICAL SYSTEMS", SeriesTime="113000")
    quantification = quantify(headers)
    assert quantification.factors == pytest.approx([AFTER_ONE_HOUR] * 2, rel=1e-12)
    assert "Frame Reference Time" in quantification.rule


def test_ge_with_a_single_bed_has_frame_reference_time_zero(make_series: MakeSeries) -> None:
    headers = make_series(Manufacturer="GE MEDICAL SYSTEMS", SeriesTime="113000", FrameReferenceTime="0")
    assert quantify(headers).factor == pytest.approx(AFTER_ONE_HOUR, rel=1e-12)
    assert quantify(headers).remarks == ()


def test_ge_with_one_acquisition_time_for_all_beds_is_not_taken_apart(make_series: MakeSeries) -> None:
    beds = [{"FrameReferenceTime": offset} for offset in ("606000", "303000", "0")]
    quantification = quantify(make_series(slices=beds, Manufacturer="GE MEDICAL SYSTEMS"))
    assert quantification.factors == pytest.approx([AFTER_ONE_HOUR] * 3, rel=1e-12)
    assert quantification.remarks == ()


def test_siemens_reconstructed_from_50_minutes_on_keeps_the_scan_start(make_series: MakeSeries) -> None:
    decayed = math.log(2) / 6588 * 180
    average_s = math.log(decayed / (1 - math.exp(-decayed))) * 6588 / math.log(2)
    slices = [{"FrameReferenceTime": f"{(50 * 60 + average_s) * 1000:.3f}"}]
    headers = make_series(slices=slices, Manufacturer="SIEMENS", SeriesTime="091000", AcquisitionTime="100000")
    private(headers, 0x0071, "SIEMENS MED PT", {0x22: ("DT", "20240105091000.000000")})
    quantification = quantify(headers)
    # Ten minutes from the injection at 09:00 to the start of the scan; the frame itself is 50 minutes later.
    assert quantification.factor == pytest.approx(70_000 / (350e6 * math.exp(-math.log(2) * 600 / 6588)), rel=1e-9)
    assert quantification.uptake_time_s == 3600
    assert quantification.remarks == ()
    last = quantification.candidates[-1]
    assert last.standing is Standing.SUPERSEDED
    assert last.suv_factor_ratio == pytest.approx(math.exp(math.log(2) * 3000 / 6588))


def test_siemens_private_time_is_found_in_any_block_and_as_un(make_series: MakeSeries) -> None:
    headers = make_series(Manufacturer="SIEMENS", SeriesTime="110000")
    private(headers, 0x0071, "SOMEONE ELSE", {0x22: ("DT", "20240105080000")})
    private(headers, 0x0071, "SIEMENS MED PT", {0x22: ("UN", b"20240105095500.00 ")})
    quantification = quantify(headers)
    assert quantification.decay_reference == datetime(2024, 1, 5, 9, 55)


def test_without_frame_reference_time_and_series_time_the_doubt_is_said(make_series: MakeSeries) -> None:
    headers = make_series(SeriesTime="113000", slices=[{"AcquisitionTime": "100300"}, {"AcquisitionTime": "100000"}])
    quantification = quantify(headers)
    assert quantification.factor == pytest.approx(AFTER_ONE_HOUR, rel=1e-12)
    assert [remark.reason for remark in quantification.remarks] == [Reason.DECAY_REFERENCE_UNCERTAIN]


def test_beds_with_a_reference_each_get_a_factor_each(make_series: MakeSeries) -> None:
    decayed = math.log(2) / 6588 * 180
    average_ms = 1000 * math.log(decayed / (1 - math.exp(-decayed))) * 6588 / math.log(2)
    beds = [{"AcquisitionTime": t, "FrameReferenceTime": f"{average_ms:.6f}"} for t in ("100000", "100400")]
    quantification = quantify(make_series(slices=beds, SeriesTime="113000"))
    one_hour_four = 70_000 / (350e6 * math.exp(-math.log(2) * 3840 / 6588))
    assert quantification.factors == pytest.approx([AFTER_ONE_HOUR, one_hour_four], rel=1e-9)


def test_candidates_that_spread_by_over_one_percent_are_listed(make_series: MakeSeries) -> None:
    # Series Time 96 s before the only acquisition: 2^(96/6588) = 1.0102.
    headers = make_series(SeriesTime="095824")
    remark = next(r for r in quantify(headers).remarks if r.reason is Reason.DECAY_REFERENCE_UNCERTAIN)
    assert "Series Date and Time" in remark.detail
    assert "1.0102" in remark.detail
    assert Reason.DECAY_REFERENCE_UNCERTAIN not in reasons(make_series(SeriesTime="095830"))


def test_philips_counts_take_the_suv_factor_first(make_series: MakeSeries) -> None:
    headers = make_series(Units="CNTS", Manufacturer="Philips Medical Systems", PatientWeight=None)
    private(headers, 0x7053, "Philips PET Private Group", {0x00: ("DS", "0.000551"), 0x09: ("DS", "2.5")})
    quantification = quantify(headers)
    assert quantification.factor == 0.000551
    assert quantification.vendor_factor == 0.000551
    assert quantification.candidates == ()


@pytest.mark.parametrize(("suv_scale", "agrees"), [(2.5 * AFTER_ONE_HOUR, True), (2.6 * AFTER_ONE_HOUR, False)])
def test_philips_suv_factor_is_checked_by_activity_and_dose(
    make_series: MakeSeries, suv_scale: float, agrees: bool
) -> None:
    headers = make_series(Units="CNTS", Manufacturer="Philips Medical Systems")
    private(headers, 0x7053, "Philips PET Private Group", {0x00: ("FD", suv_scale), 0x09: ("UN", b"2.5 ")})
    assert quantify(headers).factor == pytest.approx(suv_scale)
    assert (Reason.VENDOR_FACTOR_DISAGREES not in reasons(headers)) is agrees


def test_philips_counts_with_the_activity_factor_alone_go_on_as_bqml(make_series: MakeSeries) -> None:
    headers = make_series(Units="CNTS", slices=[{}, {"AcquisitionTime": "100300"}])
    for header, scale in zip(headers, ("2.5", "3.5"), strict=True):
        private([header], 0x7053, "Philips PET Private Group", {0x00: ("DS", "0"), 0x09: ("DS", scale)})
    assert quantify(headers).factors == pytest.approx([2.5 * AFTER_ONE_HOUR, 3.5 * AFTER_ONE_HOUR], rel=1e-12)


def test_philips_suv_factor_does_not_hold_for_uncorrected_counts(make_series: MakeSeries) -> None:
    headers = make_series(Units="CNTS", DecayCorrection="NONE", CorrectedImage=["ATTN"])
    private(headers, 0x7053, "Philips PET Private Group", {0x00: ("DS", "0.000551"), 0x09: ("DS", "2.5")})
    decayed = math.log(2) / 6588 * 180
    expected = 2.5 * AFTER_ONE_HOUR * decayed / (1 - math.exp(-decayed))
    assert quantify(headers).factor == pytest.approx(expected, rel=1e-12)


def test_philips_factors_are_found_where_the_creator_was_stripped(make_series: MakeSeries) -> None:
    headers = make_series(Units="CNTS", Manufacturer="Philips")
    headers[0].add_new((0x7053, 0x1000), "UN", b"0.000551")
    assert quantify(headers).factor == 0.000551


def test_another_creators_element_of_the_same_number_is_not_philips(make_series: MakeSeries) -> None:
    headers = private(
        make_series(Manufacturer="Philips"), 0x7053, "SOMEONE ELSE", {0x00: ("DS", "9"), 0x09: ("DS", "1")}
    )
    assert quantify(headers).vendor_factor is None


def test_philips_bqml_goes_by_the_dose_and_is_checked_by_the_quotient(make_series: MakeSeries) -> None:
    headers = make_series(Manufacturer="Philips Medical Systems")
    private(headers, 0x7053, "Philips PET Private Group", {0x00: ("DS", "0.0006"), 0x09: ("DS", "2")})
    quantification = quantify(headers)
    assert quantification.factor == pytest.approx(AFTER_ONE_HOUR, rel=1e-12)
    assert quantification.vendor_factor == pytest.approx(0.0003)
    assert Reason.VENDOR_FACTOR_DISAGREES in reasons(headers)


def test_uih_is_read_as_any_scanner_by_series_time(make_series: MakeSeries) -> None:
    slices = [{"AcquisitionTime": t} for t in ("100001", "100231", "100501")]
    assert quantify(make_series(slices=slices, Manufacturer="UIH")).factors == pytest.approx([AFTER_ONE_HOUR] * 3)


def test_decay_corrected_to_the_injection_takes_the_dose_as_it_is(make_series: MakeSeries) -> None:
    # A 20 kg phantom with 40 MBq, two hours between filling and scan: 20000 g / 40e6 Bq whatever the clock says.
    headers = make_series(
        DecayCorrection="ADMIN",
        PatientWeight="20",
        RadionuclideTotalDose="40000000",
        RadiopharmaceuticalStartTime="080000",
    )
    quantification = quantify(headers)
    assert quantification.factor == pytest.approx(0.0005, rel=1e-12)
    assert quantification.decay_reference == datetime(2024, 1, 5, 8)


def test_decay_corrected_to_the_injection_needs_no_times(make_series: MakeSeries) -> None:
    headers = make_series(DecayCorrection="ADMIN", RadiopharmaceuticalStartTime=None, AcquisitionTime=None)
    assert quantify(headers).factor == pytest.approx(0.0002, rel=1e-12)


def test_uncorrected_frames_are_corrected_each_from_its_own_time(make_series: MakeSeries) -> None:
    beds = [{"AcquisitionTime": "100000"}, {"AcquisitionTime": "103000", "ActualFrameDuration": "600000"}]
    headers = make_series(slices=beds, DecayCorrection="NONE", CorrectedImage=["ATTN"])
    constant = math.log(2) / 6588
    first = 0.0002 * constant * 180 / (1 - math.exp(-constant * 180)) * math.exp(constant * 3600)
    second = 0.0002 * constant * 600 / (1 - math.exp(-constant * 600)) * math.exp(constant * 5400)
    assert quantify(headers).factors == pytest.approx([first, second], rel=1e-12)


def test_an_uncorrected_frame_integrates_to_the_activity_given(make_series: MakeSeries) -> None:
    """SUV of a sealed phantom that holds the dose evenly in its own weight (1 g/ml) is 1, whatever the frame."""
    constant, start_s, duration_s = math.log(2) / 6588, 3600.0, 1200.0
    times_s = np.linspace(start_s, start_s + duration_s, 200_001)
    stored = np.trapezoid(350e6 / 70_000 * np.exp(-constant * times_s), times_s) / duration_s
    headers = make_series(DecayCorrection="NONE", CorrectedImage=["ATTN"], ActualFrameDuration="1200000")
    assert quantify(headers).factor * stored == pytest.approx(1.0, rel=1e-9)


def test_missing_decay_correction_follows_corrected_image(make_series: MakeSeries) -> None:
    corrected = make_series(DecayCorrection=None)
    assert quantify(corrected).factor == pytest.approx(AFTER_ONE_HOUR, rel=1e-12)
    assert reasons(corrected) == {Reason.DECAY_CORRECTION_ASSUMED}
    uncorrected = quantify(make_series(DecayCorrection=None, CorrectedImage=["ATTN", "NORM"]))
    assert uncorrected.decay_correction == "NONE"


def test_decay_correction_at_odds_with_corrected_image_is_said(make_series: MakeSeries) -> None:
    assert reasons(make_series(CorrectedImage=["ATTN"])) == {Reason.DECAY_CORRECTION_ASSUMED}


@pytest.mark.parametrize("suv_type", [None, "", "BW"])
def test_values_in_gml_are_suv_already(make_series: MakeSeries, suv_type: str | None) -> None:
    headers = make_series(Units="GML", SUVType=suv_type, PatientWeight=None, RadionuclideTotalDose=None)
    quantification = quantify(headers)
    assert quantification.factor == 1.0
    assert quantification.decay_reference is None


@pytest.mark.parametrize(
    ("suv_type", "norm_kg"),
    [
        ("LBM", 1.10 * 70 - 120 * (70 / 175) ** 2),
        ("LBMJAMES128", 1.10 * 70 - 128 * (70 / 175) ** 2),
        ("LBMJANMA", 9270 * 70 / (6680 + 216 * 70 / 1.75**2)),
        ("IBW", 48.0 + 1.06 * (175 - 152)),
    ],
)
def test_values_by_another_norm_are_brought_to_body_weight(
    make_series: MakeSeries, suv_type: str, norm_kg: float
) -> None:
    assert quantify(make_series(Units="GML", SUVType=suv_type)).factor == pytest.approx(70 / norm_kg, rel=1e-12)


def test_values_by_surface_area_are_brought_to_body_weight(make_series: MakeSeries) -> None:
    area_m2 = 0.007184 * 175**0.725 * 70**0.425
    assert quantify(make_series(Units="CM2ML")).factor == pytest.approx(70 / (area_m2 * 10), rel=1e-12)


def test_reference_values_of_the_normalisations(make_series: MakeSeries) -> None:
    """calculate-suv's reference: 75 kg, 1.85 m, 100 Bq/ml per dose of 100 Bq gives bw 750, lbm 627.776, ..."""
    quantification = quantify(make_series(PatientWeight="75", PatientSize="1.85"))
    normalisations = quantification.normalisations
    assert normalisations.sul_james is not None
    assert normalisations.sul_janma is not None
    assert normalisations.suvbsa is not None
    assert 750 * normalisations.sul_james == pytest.approx(627.776, abs=1e-3)
    assert 750 * normalisations.sul_janma == pytest.approx(609.153, abs=1e-3)
    assert 750 * normalisations.suvbsa == pytest.approx(198.1376, abs=1e-3)
