"""Guidance: what the retrieved location tells the captioner (CGLP and DWS of the location-guided captioning paper)."""

from dataclasses import dataclass

from config.finding import LocationAnswer

SURE = 0.95
MOST_PROMPTS = 3


@dataclass(frozen=True, slots=True)
class Window:
    """A CT window: level and width, HU."""

    level_hu: float
    width_hu: float

    @property
    def lowest_hu(self) -> float:
        return self.level_hu - self.width_hu / 2.0

    @property
    def highest_hu(self) -> float:
        return self.level_hu + self.width_hu / 2.0


WINDOWS = {
    "lung": Window(-600.0, 1500.0),
    "bone": Window(800.0, 2600.0),
    "soft tissue": Window(40.0, 350.0),
}


def location_prompts(answer: LocationAnswer) -> tuple[str, ...]:
    """CGLP: the first location alone if its confidence is above 0.95, otherwise the first three."""
    if answer.confidence > SURE:
        return (answer.location.name,)
    return tuple(location.name for location, _ in answer.top5[:MOST_PROMPTS])


def ct_window(answer: LocationAnswer) -> Window:
    """DWS: the window of the location's region if its confidence is 0.95 or more, otherwise soft tissue."""
    return WINDOWS[answer.location.ct_window if answer.confidence >= SURE else "soft tissue"]
