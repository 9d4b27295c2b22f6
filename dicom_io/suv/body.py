"""Lean body mass, ideal weight and body surface area from weight, height and sex.

Sources: James 1976 as Morgan and Sugawara use it (DICOM's "LBM"), and with the multiplier 128 (LBMJAMES128);
Janmahasatian et al., Clin Pharmacokinet 2005;44:1051 (LBMJANMA); DuBois and DuBois 1916; PS3.16 CID 85.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Sex(StrEnum):
    """Patient's Sex (0010,0040)."""

    MALE = "M"
    FEMALE = "F"
    OTHER = "O"


@dataclass(frozen=True, slots=True)
class Body:
    """A patient's weight, and the height and sex where they are known."""

    weight_kg: float
    height_m: float | None
    sex: Sex | None

    @property
    def height_cm(self) -> float | None:
        return None if self.height_m is None else self.height_m * 100.0


def lean_mass_james_kg(body: Body, multiplier_male: float = 120.0) -> float | None:
    """James: 1.10 W − 120 (W/H)² for men, 1.07 W − 148 (W/H)² for women; 128 instead of 120 for LBMJAMES128.

    None where height or sex is unknown, and where the formula leaves its domain (not positive).
    """
    weight = body.weight_kg

    def men(height_cm: float) -> float:
        return 1.10 * weight - multiplier_male * (weight / height_cm) ** 2

    def women(height_cm: float) -> float:
        return 1.07 * weight - 148.0 * (weight / height_cm) ** 2

    return _by_sex(body, men, women)


def lean_mass_janmahasatian_kg(body: Body) -> float | None:
    """Janmahasatian: 9270 W / (6680 + 216 BMI) for men, 9270 W / (8780 + 244 BMI) for women; None if unknown."""
    weight = body.weight_kg

    def men(height_cm: float) -> float:
        return 9270.0 * weight / (6680.0 + 216.0 * weight / (height_cm / 100.0) ** 2)

    def women(height_cm: float) -> float:
        return 9270.0 * weight / (8780.0 + 244.0 * weight / (height_cm / 100.0) ** 2)

    return _by_sex(body, men, women)


def ideal_weight_kg(body: Body) -> float | None:
    """48.0 + 1.06 (H − 152) for men, 45.5 + 0.91 (H − 152) for women, H in cm; None if unknown or not positive."""
    return _by_sex(body, lambda h: 48.0 + 1.06 * (h - 152.0), lambda h: 45.5 + 0.91 * (h - 152.0))


def surface_area_m2(body: Body) -> float | None:
    """DuBois: 0.007184 H^0.725 W^0.425, H in cm; None where the height is unknown."""
    return None if body.height_cm is None else float(0.007184 * body.height_cm**0.725 * body.weight_kg**0.425)


def _by_sex(body: Body, men: Callable[[float], float], women: Callable[[float], float]) -> float | None:
    """The mean of both for sex O, as in IBSI's digital reference object 2."""
    if body.height_cm is None or body.sex is None:
        return None
    formulas = {Sex.MALE: (men,), Sex.FEMALE: (women,), Sex.OTHER: (men, women)}[body.sex]
    mass = sum(formula(body.height_cm) for formula in formulas) / len(formulas)
    return mass if mass > 0 else None
