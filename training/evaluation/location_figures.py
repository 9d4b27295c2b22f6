"""Figures of location: how often the first answer, one of five, or the coarse location is right, and how it errs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from config.vocabulary import Location
from training.evaluation.neighbours import is_one_off, is_rib, is_vertebra
from training.evaluation.sides import has_side, is_side_error
from training.location.calibration import expected_calibration_error


@dataclass(frozen=True, slots=True)
class Answered:
    """A lesion's true leaf and what was answered, likeliest first with confidences; nothing if not localised."""

    truth: Location
    answers: tuple[tuple[Location, float], ...]

    @property
    def first(self) -> Location | None:
        return self.answers[0][0] if self.answers else None

    @property
    def confidence(self) -> float:
        return self.answers[0][1] if self.answers else 0.0

    @property
    def is_right(self) -> bool:
        return self.first is not None and self.first.id == self.truth.id


@dataclass(frozen=True, slots=True)
class LocationFigures:
    """Shares in [0, 1]; None where no lesion counts. What was not localised is wrong in all of them.

    ``side_errors``: of lesions on a side, answered on the other. ``vertebra_one_off``, ``rib_one_off``: of lesions of
    vertebrae (ribs), answered one above or below. ``calibration_error``: ECE of the first answer's confidence.
    """

    lesions: int
    not_localised: float | None
    top_1: float | None
    top_5: float | None
    coarse: float | None
    side_errors: float | None
    vertebra_one_off: float | None
    rib_one_off: float | None
    calibration_error: float | None


def location_figures(lesions: Sequence[Answered]) -> LocationFigures:
    return LocationFigures(
        lesions=len(lesions),
        not_localised=share(lesions, lambda each: each.first is None),
        top_1=share(lesions, lambda each: each.is_right),
        top_5=share(lesions, lambda each: each.truth.id in [answer.id for answer, _ in each.answers[:5]]),
        coarse=share(lesions, lambda each: each.first is not None and each.first.coarse == each.truth.coarse),
        side_errors=share([each for each in lesions if has_side(each.truth)], _wrong_side),
        vertebra_one_off=share([each for each in lesions if is_vertebra(each.truth)], _one_off),
        rib_one_off=share([each for each in lesions if is_rib(each.truth)], _one_off),
        calibration_error=_calibration_error(lesions),
    )


def by_region(lesions: Sequence[Answered]) -> dict[str, LocationFigures]:
    """The same for each region of the body that has lesions, by its name."""
    regions = sorted({each.truth.region for each in lesions})
    return {region: location_figures([each for each in lesions if each.truth.region == region]) for region in regions}


def share(lesions: Sequence[Answered], counts: Callable[[Answered], bool]) -> float | None:
    """The share that counts; None of nothing."""
    return sum(map(counts, lesions)) / len(lesions) if lesions else None


def _wrong_side(lesion: Answered) -> bool:
    return lesion.first is not None and is_side_error(lesion.truth, lesion.first)


def _one_off(lesion: Answered) -> bool:
    return lesion.first is not None and is_one_off(lesion.truth, lesion.first)


def _calibration_error(lesions: Sequence[Answered]) -> float | None:
    if not lesions:
        return None
    confidence = np.asarray([each.confidence for each in lesions])
    return expected_calibration_error(confidence, np.asarray([each.is_right for each in lesions]))
