"""Lean mass, ideal weight and surface area against the reference values of calculate-suv (75 kg, 1.85 m)."""

import pytest

from dicom_io.suv.body import (
    Body,
    Sex,
    ideal_weight_kg,
    lean_mass_james_kg,
    lean_mass_janmahasatian_kg,
    surface_area_m2,
)

MAN, WOMAN = Body(75.0, 1.85, Sex.MALE), Body(75.0, 1.85, Sex.FEMALE)
OTHER = Body(75.0, 1.85, Sex.OTHER)


def test_james() -> None:
    assert lean_mass_james_kg(MAN) == pytest.approx(62.7776, abs=1e-4)
    assert lean_mass_james_kg(WOMAN) == pytest.approx(55.9257, abs=1e-4)


def test_james_with_128() -> None:
    assert lean_mass_james_kg(MAN, 128.0) == pytest.approx(1.10 * 75 - 128 * (75 / 185) ** 2, abs=1e-9)
    assert lean_mass_james_kg(WOMAN, 128.0) == lean_mass_james_kg(WOMAN)


def test_janmahasatian() -> None:
    assert lean_mass_janmahasatian_kg(MAN) == pytest.approx(60.9153, abs=1e-4)
    assert lean_mass_janmahasatian_kg(WOMAN) == pytest.approx(49.2144, abs=1e-4)


def test_surface_area_needs_no_sex() -> None:
    assert surface_area_m2(Body(75.0, 1.85, None)) == pytest.approx(1.98138, abs=1e-5)


def test_ideal_weight() -> None:
    assert ideal_weight_kg(MAN) == pytest.approx(82.98)
    assert ideal_weight_kg(WOMAN) == pytest.approx(75.53)


def test_sex_other_is_the_mean_of_both() -> None:
    assert lean_mass_james_kg(OTHER) == pytest.approx((62.7776 + 55.9257) / 2, abs=1e-4)


@pytest.mark.parametrize("body", [Body(75.0, None, Sex.MALE), Body(75.0, 1.85, None)])
def test_unknown_height_or_sex_gives_none(body: Body) -> None:
    assert lean_mass_james_kg(body) is None
    assert lean_mass_janmahasatian_kg(body) is None


def test_james_outside_its_domain_gives_none() -> None:
    assert lean_mass_james_kg(Body(300.0, 1.20, Sex.FEMALE)) is None
