"""Real World Value Mappings: as the units of enhanced images, and as a check of what was computed."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from config.reasons import Reason, Refused
from config.tracers import Tracer
from config.volume import Unit, Volume
from dicom_io.reading.files import find_instances
from dicom_io.reading.series import choose_pair, group_series
from dicom_io.reading.volume import Acquisition, SourceImage
from dicom_io.suv.quantify import quantify, to_suv
from dicom_io.suv.real_world_values import Quantity, quantity

MakeSeries = Callable[..., list[Dataset]]

AFTER_ONE_HOUR = 70_000 / (350e6 * math.exp(-math.log(2) * 3600 / 6588))


def one(**values: Any) -> list[Dataset]:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


def mapping(unit: str, slope: float, *, intercept: float = 0.0, first: int = 0, last: int = 32767) -> Dataset:
    return one(
        MeasurementUnitsCodeSequence=one(CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning=unit),
        RealWorldValueSlope=slope,
        RealWorldValueIntercept=intercept,
        RealWorldValueFirstValueMapped=first,
        RealWorldValueLastValueMapped=last,
    )[0]


def mapping_object(slopes: dict[str, float], unit: str = "g/ml{SUVbw}") -> Dataset:
    result = Dataset()
    result.ReferencedImageRealWorldValueMappingSequence = [
        one(
            ReferencedImageSequence=one(ReferencedSOPInstanceUID=uid),
            RealWorldValueMappingSequence=[mapping("{SUVlbm}g/ml", 9.0), mapping(unit, slope)],
        )[0]
        for uid, slope in slopes.items()
    ]
    return result


@pytest.fixture
def make_enhanced(make_series: MakeSeries) -> Callable[..., Dataset]:
    """Makes an Enhanced PET header: one entry of ``frames`` a frame, each a list of mappings."""

    def make(frames: Sequence[Sequence[Dataset]], *, rescale_slope: float = 1.0, **changes: Any) -> Dataset:
        left_out = dict.fromkeys(
            ("Units", "DecayCorrection", "CorrectedImage", "SeriesType", "AcquisitionDate", "AcquisitionTime")
        )
        (header,) = make_series(
            **left_out,
            RescaleSlope=None,
            RescaleIntercept=None,
            ActualFrameDuration=None,
            RadiopharmaceuticalStartTime=None,
            RadiopharmaceuticalStartDateTime="20240105090000",
        )
        header.NumberOfFrames = len(frames)
        header.AttenuationCorrected, header.DecayCorrected = "YES", "YES"
        header.DecayCorrectionDateTime = "20240105100000"
        for keyword, value in changes.items():
            setattr(header, keyword, value)
        header.SharedFunctionalGroupsSequence = one(
            PixelValueTransformationSequence=one(
                RescaleSlope=str(rescale_slope), RescaleIntercept="0", RescaleType="US"
            )
        )
        header.PerFrameFunctionalGroupsSequence = [
            one(
                FrameContentSequence=one(
                    FrameAcquisitionDateTime=f"20240105{100000 + 300 * index:06d}", FrameAcquisitionDuration=180000.0
                ),
                RealWorldValueMappingSequence=list(mappings),
            )[0]
            for index, mappings in enumerate(frames)
        ]
        return header

    return make


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("g/ml{SUVbw}", Quantity.SUVBW),
        ("{SUVbw}g/ml", Quantity.SUVBW),
        ("g/ml{SUVlbm(James128)}", Quantity.SUVLBM_JAMES128),
        ("{SUVbsa}cm2/ml", Quantity.SUVBSA),
        ("Bq/ml", Quantity.BQML),
        ("{counts}", None),
        ("", None),
    ],
)
def test_unit_codes_of_both_generations(code: str, expected: Quantity | None) -> None:
    assert quantity(code) is expected


def test_enhanced_pet_mapped_to_bqml_by_frame(make_enhanced: Callable[..., Dataset]) -> None:
    header = make_enhanced([[mapping("Bq/ml", 2.0)], [mapping("Bq/ml", 3.0)]])
    quantification = quantify([header])
    assert quantification.factors == pytest.approx([2.0 * AFTER_ONE_HOUR, 3.0 * AFTER_ONE_HOUR], rel=1e-12)
    assert quantification.slices == (("1.2.3.1", 1), ("1.2.3.1", 2))
    assert quantification.remarks == ()


def test_enhanced_pet_without_decay_correction_uses_each_frames_time(make_enhanced: Callable[..., Dataset]) -> None:
    header = make_enhanced([[mapping("Bq/ml", 1.0)], [mapping("Bq/ml", 1.0)]], DecayCorrected="NO")
    constant = math.log(2) / 6588
    mean = constant * 180 / (1 - math.exp(-constant * 180))
    expected = [0.0002 * mean * math.exp(constant * seconds) for seconds in (3600, 3780)]
    assert quantify([header]).factors == pytest.approx(expected, rel=1e-12)


def test_enhanced_pet_mapped_to_suv_needs_no_dose(make_enhanced: Callable[..., Dataset]) -> None:
    header = make_enhanced([[mapping("Bq/ml", 2.0), mapping("{SUVbw}g/ml", 0.001)]], PatientWeight=None)
    del header.RadiopharmaceuticalInformationSequence
    assert quantify([header]).factor == pytest.approx(0.001)


def test_a_mapping_applies_to_stored_values(make_enhanced: Callable[..., Dataset]) -> None:
    header = make_enhanced([[mapping("g/ml{SUVbw}", 0.001)]], rescale_slope=0.5)
    assert quantify([header]).factor == pytest.approx(0.002)


def test_several_ranges_on_one_line_are_one_mapping(make_enhanced: Callable[..., Dataset]) -> None:
    ranges = [mapping("Bq/ml", 2.0, last=1000), mapping("Bq/ml", 2.0, first=1001)]
    assert quantify([make_enhanced([ranges])]).factor == pytest.approx(2.0 * AFTER_ONE_HOUR)


@pytest.mark.parametrize(
    "mappings",
    [
        [],
        [mapping("{counts}", 1.0)],
        [mapping("Bq/ml", 2.0, last=1000), mapping("Bq/ml", 4.0, first=1001)],
        [mapping("Bq/ml", 2.0, intercept=50.0)],
    ],
)
def test_mappings_that_are_no_factor_are_refused(
    make_enhanced: Callable[..., Dataset], mappings: list[Dataset]
) -> None:
    with pytest.raises(Refused) as refusal:
        quantify([make_enhanced([mappings])])
    assert refusal.value.reason is Reason.UNSUPPORTED_UNITS


def test_enhanced_pet_without_attenuation_correction_is_refused(make_enhanced: Callable[..., Dataset]) -> None:
    with pytest.raises(Refused) as refusal:
        quantify([make_enhanced([[mapping("Bq/ml", 2.0)]], AttenuationCorrected="NO")])
    assert refusal.value.reason is Reason.NO_ATTENUATION_CORRECTION


def test_legacy_converted_pet_keeps_its_attributes_among_the_groups(make_series: MakeSeries) -> None:
    (header,) = make_series(Units=None, DecayCorrection=None, CorrectedImage=None, RescaleSlope=None)
    header.SharedFunctionalGroupsSequence = one(
        UnassignedSharedConvertedAttributesSequence=one(
            Units="BQML", DecayCorrection="START", CorrectedImage=["ATTN", "DECY"]
        )
    )
    header.PerFrameFunctionalGroupsSequence = [
        one(UnassignedPerFrameConvertedAttributesSequence=one(AcquisitionTime=clock))[0]
        for clock in ("100000", "100300")
    ]
    assert quantify([header]).factors == pytest.approx([AFTER_ONE_HOUR] * 2, rel=1e-12)


@pytest.mark.parametrize("applies_to", ["stored", "rescaled"])
@pytest.mark.parametrize(("off", "agrees"), [(1.0, True), (1.009, True), (1.011, False)])
def test_a_mapping_object_checks_the_factor(make_series: MakeSeries, applies_to: str, off: float, agrees: bool) -> None:
    headers = make_series(slices=[{"RescaleSlope": "2"}, {"RescaleSlope": "5"}])
    by_stored = {"1.2.3.1": 2 * AFTER_ONE_HOUR * off, "1.2.3.2": 5 * AFTER_ONE_HOUR * off}
    by_rescaled = dict.fromkeys(by_stored, AFTER_ONE_HOUR * off)
    quantification = quantify(headers, [mapping_object(by_stored if applies_to == "stored" else by_rescaled)])
    assert quantification.vendor_factor == pytest.approx(AFTER_ONE_HOUR * off)
    found = {remark.reason for remark in quantification.remarks}
    assert (Reason.VENDOR_FACTOR_DISAGREES not in found) is agrees


def test_a_mapping_object_of_another_series_is_ignored(make_series: MakeSeries) -> None:
    quantification = quantify(make_series(), [mapping_object({"9.9.9": 1.0}), Dataset()])
    assert quantification.vendor_factor is None
    assert quantification.remarks == ()


def test_to_suv_gives_every_slice_its_own_factor_wherever_it_lies(make_series: MakeSeries) -> None:
    headers = make_series(Units="CNTS", slices=[{}, {}])
    for header, scale in zip(headers, ("0.5", "2"), strict=True):
        header.private_block(0x7053, "Philips PET Private Group", create=True).add_new(0x00, "DS", scale)
    volume = Volume(np.full((2, 1, 1), 2, np.float32), np.eye(4), Unit.RESCALED)
    sources = tuple(SourceImage("1.2", uid, None) for uid in ("1.2.3.2", "1.2.3.1"))
    suv = to_suv(Acquisition(volume, sources, tuple(headers), ()), quantify(headers))
    assert suv.values.ravel().tolist() == [4.0, 1.0]
    assert suv.values.dtype == np.float32
    assert suv.unit is Unit.SUVBW


@pytest.mark.real
def test_the_acrin_study_gives_the_factor_of_its_mapping_object() -> None:
    folder = os.environ.get("UPTAKE_TEST_STUDY")
    if folder is None:
        pytest.skip("UPTAKE_TEST_STUDY does not name the folder of the real study")
    pair = choose_pair(group_series(find_instances(Path(folder)).headers))
    quantification = quantify(pair.pet.headers, pair.mappings)
    # 91 kg; 588.802304 MBq at 07:21:00, scan at 09:59:47: 9527 s at 6588 s.
    assert quantification.factor == pytest.approx(91_000 / (588_802_304 * 2 ** (-9527 / 6588)), rel=1e-12)
    assert abs(quantification.factor - 0.00042111) < 1e-8
    assert quantification.vendor_factor == 0.00042111
    assert quantification.tracer is Tracer.FDG
    assert len(quantification.factors) == 135
    found = {remark.reason for remark in quantification.remarks}
    assert found == {Reason.UPTAKE_TIME_UNUSUAL}
