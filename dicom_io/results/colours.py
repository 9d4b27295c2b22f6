"""Colours of findings: distinct, readable on black and on white, and the same for a number in every result."""

import colorsys

import highdicom

Colour = tuple[int, int, int]

PHYSIOLOGIC: Colour = (140, 140, 140)

# Mid-lightness hues far from one another, for the first and most important lesions.
_FIRST: tuple[Colour, ...] = (
    (228, 26, 28),
    (0, 114, 210),
    (30, 150, 60),
    (235, 115, 0),
    (150, 50, 190),
    (0, 150, 160),
    (225, 40, 150),
    (150, 95, 40),
    (110, 130, 0),
    (85, 90, 230),
)
_GOLDEN_ANGLE = 0.618033988749895
_LUMINANCE = (0.2126, 0.7152, 0.0722)
_BRIGHTEST = 0.5


def lesion_colour(number: int) -> Colour:
    """RGB of the lesion with that number, from 1; a golden-angle walk round the hues after the first ten."""
    if number <= len(_FIRST):
        return _FIRST[number - 1]
    step = number - len(_FIRST)
    mixed = colorsys.hls_to_rgb((step * _GOLDEN_ANGLE) % 1.0, (0.40, 0.52, 0.33)[step % 3], 0.75)
    luminance = sum(weight * part for weight, part in zip(_LUMINANCE, mixed, strict=True))
    dimming = min(1.0, _BRIGHTEST / luminance)
    red, green, blue = (round(255 * dimming * part) for part in mixed)
    return red, green, blue


def cielab(colour: Colour) -> highdicom.color.CIELabColor:
    """Recommended Display CIELab Value (0062,000D) of a colour."""
    return highdicom.color.CIELabColor.from_rgb(*colour)
