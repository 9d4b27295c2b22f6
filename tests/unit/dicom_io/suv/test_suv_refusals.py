"""What can't be quantified gets its reason; what was written in the wrong unit is said."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from config.reasons import Reason, Refused
from config.tracers import Tracer
from dicom_io.suv.quantify import quantify

MakeSeries = Callable[..., list[Dataset]]


def refusal(headers: list[Dataset]) -> Reason:
    with pytest.raises(Refused) as refused:
        quantify(headers)
    return refused.value.reason


def reasons(headers: list[Dataset]) -> list[Reason]:
    return [remark.reason for remark in quantify(headers).remarks]


def set_nuclide(headers: list[Dataset], value: str, scheme: str, meaning: str, name: str = "") -> list[Dataset]:
    for header in headers:
        given_dose = header.RadiopharmaceuticalInformationSequence[0]
        code = given_dose.RadionuclideCodeSequence[0]
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
        given_dose.Radiopharmaceutical = name
    return headers


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Modality": "CT"}, Reason.NO_PET),
        ({"Modality": None}, Reason.NO_PET),
        ({"SeriesType": ["WHOLE BODY", "REPROJECTION"]}, Reason.NO_PET),
        ({"CorrectedImage": ["DECY", "SCAT"]}, Reason.NO_ATTENUATION_CORRECTION),
        ({"CorrectedImage": None}, Reason.NO_ATTENUATION_CORRECTION),
        ({"PatientWeight": None}, Reason.NO_PATIENT_WEIGHT),
        ({"PatientWeight": "0"}, Reason.NO_PATIENT_WEIGHT),
        ({"PatientWeight": "-70"}, Reason.NO_PATIENT_WEIGHT),
        ({"RadionuclideTotalDose": None}, Reason.NO_DOSE),
        ({"RadionuclideTotalDose": "0"}, Reason.NO_DOSE),
        ({"RadionuclideTotalDose": "1e30"}, Reason.NO_DOSE),
        ({"RadiopharmaceuticalStartTime": None}, Reason.NO_ADMINISTRATION_TIME),
        ({"AcquisitionTime": None, "SeriesTime": None}, Reason.NO_ACQUISITION_TIME),
        ({"AcquisitionTime": None}, Reason.NO_ACQUISITION_TIME),
        (
            {"DecayCorrection": "NONE", "CorrectedImage": ["ATTN"], "ActualFrameDuration": None},
            Reason.NO_ACQUISITION_TIME,
        ),
        ({"DecayCorrection": "PERHAPS"}, Reason.NO_DECAY_CORRECTION_INFORMATION),
        ({"Units": None}, Reason.UNSUPPORTED_UNITS),
        ({"Units": "PROPCNTS"}, Reason.UNSUPPORTED_UNITS),
        ({"Units": "CPS"}, Reason.UNSUPPORTED_UNITS),
        ({"Units": "1CM"}, Reason.UNSUPPORTED_UNITS),
        ({"Units": "GML", "SUVType": "BSA"}, Reason.UNSUPPORTED_UNITS),
        ({"Units": "CNTS"}, Reason.NO_VENDOR_FACTOR),
        ({"Units": "GML", "SUVType": "LBM", "PatientSize": None}, Reason.NO_PATIENT_SIZE),
        ({"Units": "GML", "SUVType": "LBM", "PatientWeight": None}, Reason.NO_PATIENT_WEIGHT),
        ({"slices": [{"PatientWeight": "70"}, {"PatientWeight": "71"}]}, Reason.MIXED_ACQUISITIONS),
        ({"slices": [{"Units": "BQML"}, {"Units": "GML"}]}, Reason.MIXED_ACQUISITIONS),
    ],
)
def test_what_is_missing_or_contradictory_is_refused(
    make_series: MakeSeries, changes: dict[str, Any], expected: Reason
) -> None:
    assert refusal(make_series(**changes)) is expected


def test_no_headers_are_no_pet() -> None:
    assert refusal([]) is Reason.NO_PET


def test_no_radiopharmaceutical_at_all_has_no_dose(make_series: MakeSeries) -> None:
    headers = make_series()
    del headers[0].RadiopharmaceuticalInformationSequence
    assert refusal(headers) is Reason.NO_DOSE


def test_two_radiopharmaceuticals_are_refused(make_series: MakeSeries) -> None:
    headers, other = make_series(), make_series(RadionuclideTotalDose="1000000")
    headers[0].RadiopharmaceuticalInformationSequence.append(other[0].RadiopharmaceuticalInformationSequence[0])
    assert refusal(headers) is Reason.NO_DOSE


def test_an_unknown_radionuclide_without_half_life_is_refused(make_series: MakeSeries) -> None:
    headers = set_nuclide(make_series(RadionuclideHalfLife=None), "X1", "99LOCAL", "Isotope", "Tracer X")
    assert refusal(headers) is Reason.NO_HALF_LIFE


@pytest.mark.parametrize(
    ("value", "scheme", "meaning", "name"),
    [
        ("444923006", "SCT", "^177^Lutetium", ""),
        ("C-163A8", "SRT", "whatever", ""),
        ("", "", "", "177Lu-PSMA-617"),
        ("X", "99LOCAL", "Tc-99m", "MDP"),
    ],
)
def test_spect_stored_under_the_pet_class_is_refused(
    make_series: MakeSeries, value: str, scheme: str, meaning: str, name: str
) -> None:
    assert refusal(set_nuclide(make_series(), value, scheme, meaning, name)) is Reason.NOT_A_POSITRON_EMITTER


@pytest.mark.parametrize(
    ("value", "found"), [(b"abc", "'abc'"), (b"nan", "'nan'"), (b"0", "'0'"), (b"-70", "'-70'"), (b"", "missing")]
)
def test_a_refusal_says_which_weight_was_found(make_series: MakeSeries, value: bytes, found: str) -> None:
    headers = make_series()
    tag = Tag("PatientWeight")
    headers[0][tag] = RawDataElement(tag, "DS", len(value), value, 0, False, True)
    with pytest.raises(Refused, match=rf"Patient Weight \(0010,1030\) is {found}; expected kilograms") as refused:
        quantify(headers)
    assert refused.value.reason is Reason.NO_PATIENT_WEIGHT


def test_a_refusal_says_which_dose_was_found(make_series: MakeSeries) -> None:
    with pytest.raises(Refused, match=r"\(0018,1074\) is '1e30'; expected becquerels"):
        quantify(make_series(RadionuclideTotalDose="1e30"))


def test_the_half_life_of_lutetium_alone_gives_it_away(make_series: MakeSeries) -> None:
    headers = set_nuclide(make_series(RadionuclideHalfLife="574300"), "", "", "", "PSMA")
    assert refusal(headers) is Reason.NOT_A_POSITRON_EMITTER


def test_a_dose_in_mbq_is_taken_as_such_and_said(make_series: MakeSeries) -> None:
    right, headers = make_series(), make_series(RadionuclideTotalDose="350")
    assert quantify(headers).factor == pytest.approx(quantify(right).factor, rel=1e-12)
    assert reasons(headers) == [Reason.DOSE_IN_MBQ]


def test_a_weight_in_grams_is_taken_as_such_and_said(make_series: MakeSeries) -> None:
    headers = make_series(PatientWeight="70000")
    assert quantify(headers).weight_kg == 70.0
    assert reasons(headers) == [Reason.WEIGHT_IN_GRAMS]


@pytest.mark.parametrize("size", [None, "0", "175", "-1.7"])
def test_without_height_there_is_suvbw_but_no_other(make_series: MakeSeries, size: str | None) -> None:
    headers = make_series(PatientSize=size)
    normalisations = quantify(headers).normalisations
    assert (normalisations.sul_james, normalisations.sul_janma, normalisations.suvbsa) == (None, None, None)
    assert reasons(headers) == [Reason.NO_PATIENT_SIZE]


def test_without_sex_there_is_suvbsa_but_no_sul(make_series: MakeSeries) -> None:
    headers = make_series(PatientSex=None)
    normalisations = quantify(headers).normalisations
    assert normalisations.sul_james is None
    assert normalisations.suvbsa is not None
    assert reasons(headers) == [Reason.NO_PATIENT_SIZE]


def test_a_half_life_off_by_over_two_percent_is_used_and_said(make_series: MakeSeries) -> None:
    headers = make_series(RadionuclideHalfLife="6700")
    assert reasons(make_series(RadionuclideHalfLife="6700")) == []
    headers = make_series(RadionuclideHalfLife="6750")
    expected = 70_000 / (350e6 * math.exp(-math.log(2) * 3600 / 6750))
    assert quantify(headers).factor == pytest.approx(expected, rel=1e-12)
    assert reasons(headers) == [Reason.HALF_LIFE_DISAGREES]


def test_a_half_life_in_minutes_is_recognised(make_series: MakeSeries) -> None:
    headers = make_series(RadionuclideHalfLife="109.8")
    assert quantify(headers).half_life_s == pytest.approx(6588)
    assert reasons(headers) == [Reason.HALF_LIFE_DISAGREES]


def test_a_missing_half_life_comes_from_the_radionuclide(make_series: MakeSeries) -> None:
    headers = make_series(RadionuclideHalfLife=None)
    assert quantify(headers).half_life_s == 6586.2
    assert reasons(headers) == [Reason.HALF_LIFE_ASSUMED]


def test_an_intercept_is_said(make_series: MakeSeries) -> None:
    assert reasons(make_series(RescaleIntercept="-1024")) == [Reason.RESCALE_INTERCEPT]


@pytest.mark.parametrize(
    ("name", "tracer", "nuclide"),
    [
        ("FDG -- fluorodeoxyglucose", Tracer.FDG, "F-18"),
        ("68Ga-PSMA-11", Tracer.PSMA, "Ga-68"),
        ("Ga-68 DOTATATE", Tracer.DOTATATE, "Ga-68"),
        ("Axumin", Tracer.FLUCICLOVINE, "F-18"),
        ("Solution", Tracer.OTHER, "F-18"),
    ],
)
def test_tracer_and_radionuclide_from_the_name_alone(
    make_series: MakeSeries, name: str, tracer: Tracer, nuclide: str
) -> None:
    quantification = quantify(set_nuclide(make_series(), "", "", "", name))
    assert (quantification.tracer, quantification.radionuclide) == (tracer, nuclide)


@settings(max_examples=40, deadline=None)
@given(weight=st.floats(1, 500), dose=st.floats(1e6, 1e11))
def test_the_factor_goes_with_weight_and_against_dose(weight: float, dose: float, make_series: MakeSeries) -> None:
    headers = make_series(PatientWeight=f"{weight:.10g}", RadionuclideTotalDose=f"{dose:.10g}")
    expected = quantify(make_series()).factor * (weight / 70) / (dose / 350e6)
    assert quantify(headers).factor == pytest.approx(expected, rel=1e-8)
