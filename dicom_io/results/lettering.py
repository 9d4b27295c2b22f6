"""Text on pictures, in Pillow's embedded font, so that a picture is the same on every machine."""

from bisect import bisect_right
from functools import cache

from PIL import ImageDraw, ImageFont

from dicom_io.results.colours import Colour

BLACK: Colour = (20, 20, 20)
GREY: Colour = (110, 110, 110)
WHITE: Colour = (255, 255, 255)
LINE: Colour = (210, 210, 210)
AMBER: Colour = (160, 90, 0)
_RED: Colour = (190, 0, 0)
_STAND_INS = str.maketrans({"×": "x", "–": "-", "—": "-", "≥": ">=", "³": "3", "²": "2", "µ": "u", "é": "e"})


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    loaded = ImageFont.load_default(size)
    if not isinstance(loaded, ImageFont.FreeTypeFont):
        raise TypeError("Pillow has been built without FreeType; install a wheel from PyPI.")
    return loaded


def printable(text: str) -> str:
    """The text in the characters that the font has: ASCII, with stand-ins, ``?`` for the rest."""
    return text.translate(_STAND_INS).encode("ascii", "replace").decode()


def width(text: str, size: int) -> float:
    return float(font(size).getlength(text))


def shortened(text: str, size: int, limit: float) -> str:
    """The text, cut with an ellipsis to a width in pixels."""
    if width(text, size) <= limit:
        return text
    too_long = bisect_right(range(len(text)), limit, key=lambda length: width(f"{text[:length]}...", size))
    return f"{text[: max(0, too_long - 1)].rstrip()}..."


def fitting(text: str, size: int, smallest: int, limit: float) -> tuple[str, int]:
    """The text and the largest size in which it fits a width in pixels; cut at the smallest."""
    for smaller in range(size, smallest - 1, -1):
        if width(text, smaller) <= limit:
            return text, smaller
    return shortened(text, smallest, limit), smallest


def wrapped(text: str, size: int, limit: float, lines: int) -> list[str]:
    """The text in at most so many lines of a width in pixels; what does not fit is cut from the last."""
    result: list[str] = []
    words = text.split()
    while words:
        line = words.pop(0)
        if len(result) == lines - 1:
            return [*result, shortened(" ".join([line, *words]), size, limit)]
        while words and width(f"{line} {words[0]}", size) <= limit:
            line = f"{line} {words.pop(0)}"
        result.append(shortened(line, size, limit))
    return result


def write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    *,
    size: int,
    fill: Colour,
    anchor: str = "la",
    halo: int = 0,
    rim: Colour = WHITE,
) -> None:
    """Text at a place (x, y); ``anchor`` as in Pillow, ``halo`` the width of a rim in the colour ``rim``."""
    draw.text(
        place,
        printable(text),
        font=font(size),
        fill=fill,
        anchor=anchor,
        stroke_width=halo,
        stroke_fill=rim,
    )


def stamp(draw: ImageDraw.ImageDraw, corner: tuple[int, int], label: str, size: int, limit: float) -> float:
    """A label in a red frame with its upper right corner there, cut to a width in pixels; gives its left side."""
    right, top = corner
    label, size = fitting(printable(label), size, size // 2, limit - size)
    left, bottom = right - width(label, size) - size, top + 1.7 * size
    draw.rounded_rectangle((left, top, right, bottom), radius=size // 4, outline=_RED, width=2)
    write(draw, ((left + right) / 2, (top + bottom) / 2), label, size=size, fill=_RED, anchor="mm")
    return left
