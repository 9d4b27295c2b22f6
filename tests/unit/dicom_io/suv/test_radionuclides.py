"""Radionuclides recognised from codes and texts of any age."""

import pytest

from config.reasons import Reason, Refused
from config.tracers import Tracer
from dicom_io.suv.radionuclides import (
    RADIONUCLIDES,
    checked_half_life_s,
    from_text,
    identify,
    require_positron_emitter,
)


@pytest.mark.parametrize(
    "text", ["18F", "F-18", "F18", "f 18", "Fluorine-18", "^18^Fluorine", "F^18^", "[18F]FDG", "FDG (18F)", "18-F"]
)
def test_fluorine_18_in_many_spellings(text: str) -> None:
    assert from_text(text) is RADIONUCLIDES["F-18"]


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("Ga68 DOTATATE", "Ga-68"),
        ("PSMA-1007 F^18^", "F-18"),
        ("177Lu-PSMA-617", "Lu-177"),
        ("Tc-99m MDP", "Tc-99m"),
        ("99mTc", "Tc-99m"),
        ("^89^Zr Trastuzumab", "Zr-89"),
        ("^82^Rubidium chloride", "Rb-82"),
    ],
)
def test_others_by_text(text: str, symbol: str) -> None:
    assert from_text(text) is RADIONUCLIDES[symbol]


@pytest.mark.parametrize("text", ["", "FDG", "PSMA-11", "Fluorodeoxyglucose", "F-19", "in vivo 111", "18"])
def test_what_names_no_radionuclide(text: str) -> None:
    assert from_text(text) is None


@pytest.mark.parametrize(
    ("code", "symbol"),
    [
        (("77004003", "SCT"), "F-18"),
        (("C-111A1", "SRT"), "F-18"),
        (("C-111A1", "99SDM"), "F-18"),
        (("C-111A1", "SNM3"), "F-18"),
        (("C-131A3", "SRT"), "Ga-68"),
        (("C-105A1", "SRT"), "C-11"),
        (("126600", "DCM"), "Sc-44"),
    ],
)
def test_codes_of_every_scheme(code: tuple[str, str], symbol: str) -> None:
    assert identify(code=code, names=(), tracer=Tracer.OTHER, half_life_s=None) is RADIONUCLIDES[symbol]


def test_a_code_counts_more_than_a_name() -> None:
    found = identify(code=("C-131A3", "SRT"), names=("18F",), tracer=Tracer.FDG, half_life_s=6588.0)
    assert found is RADIONUCLIDES["Ga-68"]


def test_fdg_is_fluorine_18() -> None:
    assert identify(code=("", ""), names=("FDG",), tracer=Tracer.FDG, half_life_s=None) is RADIONUCLIDES["F-18"]


def test_a_half_life_decides_last_and_only_where_one_radionuclide_has_it() -> None:
    arguments = {"code": ("", ""), "names": (), "tracer": Tracer.OTHER}
    assert identify(**arguments, half_life_s=1223.0) is RADIONUCLIDES["C-11"]
    assert identify(**arguments, half_life_s=282000.0) is None  # Zr-89 and Ga-67
    assert identify(**arguments, half_life_s=None) is None


@pytest.mark.parametrize("header_s", [6586.2, 6588.0, 6584.4, 6460.0])
def test_a_half_life_within_two_percent_is_the_headers(header_s: float) -> None:
    assert checked_half_life_s(header_s, RADIONUCLIDES["F-18"]) == (header_s, ())


@pytest.mark.parametrize("header_s", [None, 0.0, -6588.0, 1e300])
def test_no_usable_half_life_comes_from_the_radionuclide_or_is_none(header_s: float | None) -> None:
    half_life_s, (remark,) = checked_half_life_s(header_s, RADIONUCLIDES["Ga-68"])
    assert half_life_s == 4062.6
    assert remark.reason is Reason.HALF_LIFE_ASSUMED
    assert checked_half_life_s(header_s, None) == (None, ())


def test_positron_emitters_pass_and_others_do_not() -> None:
    require_positron_emitter(RADIONUCLIDES["Y-90"])
    require_positron_emitter(None)
    with pytest.raises(Refused):
        require_positron_emitter(RADIONUCLIDES["Lu-177"])
