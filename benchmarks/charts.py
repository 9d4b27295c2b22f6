"""Charts of the benchmarks as PNG, drawn as the node draws its picture: with Pillow and its embedded font."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from dicom_io.results.lettering import width, write

WIDTH = 1200
_SCALE = 3
_BLACK, _GREY, _RULE, _CHORD = (25, 25, 25), (105, 105, 105), (226, 226, 226), (214, 214, 214)
_COLOURS = (
    (150, 160, 172),
    (70, 130, 180),
    (120, 185, 215),
    (85, 165, 120),
    (205, 70, 60),
    (235, 165, 70),
    (150, 100, 175),
    (95, 100, 165),
    (160, 125, 95),
)
_READABLE = 26
Point = tuple[float, float]


@dataclass(frozen=True)
class Bar:
    """A title and the parts that make up its length, in order."""

    title: str
    parts: Mapping[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())


@dataclass(frozen=True)
class Panel:
    """Lines over one axis: for each name its points (x, seconds)."""

    title: str
    axis: str
    lines: Mapping[str, Sequence[Point]]


class _Canvas:
    """Drawn large and brought down to size, so that slanted lines are smooth."""

    def __init__(self, height: int, title: str, note: str) -> None:
        self._image = Image.new("RGB", (WIDTH * _SCALE, height * _SCALE), (255, 255, 255))
        self._draw = ImageDraw.Draw(self._image)
        self.text((30, 20), title, size=24)
        self.text((30, 52), note, size=14, fill=_GREY)

    def text(self, place: Point, words: str, *, size: int, fill: tuple = _BLACK, anchor: str = "la") -> None:
        at = place[0] * _SCALE, place[1] * _SCALE
        write(self._draw, at, words, size=size * _SCALE, fill=fill, anchor=anchor)

    def box(self, left: float, top: float, right: float, bottom: float, fill: tuple) -> None:
        self._draw.rectangle([round(side * _SCALE) for side in (left, top, right, bottom)], fill=fill)

    def line(self, points: Sequence[Point], fill: tuple, thickness: float = 1.0) -> None:
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._draw.line(scaled, fill=fill, width=round(thickness * _SCALE), joint="curve")

    def dot(self, centre: Point, radius: float, fill: tuple) -> None:
        self._draw.ellipse([(axis + side * radius) * _SCALE for side in (-1, 1) for axis in centre], fill=fill)

    def save(self, path: Path) -> None:
        size = WIDTH, self._image.height // _SCALE
        self._image.resize(size, Image.Resampling.LANCZOS).save(path, optimize=True)


def draw_bars(path: Path, title: str, note: str, bars: Sequence[Bar]) -> None:
    """A bar of equal length for each case, divided as its time is; its seconds stand at its end."""
    parts = list(dict.fromkeys(part for bar in bars for part in bar.parts))
    colours = dict(zip(parts, _COLOURS, strict=False))
    canvas = _Canvas(150 + 84 * len(bars), title, note)
    right = WIDTH - 130
    _draw_keys(canvas, colours, right=WIDTH - 30)
    for number, bar in enumerate(bars):
        top = 150 + 84 * number
        canvas.text((30, top), bar.title, size=16)
        left = 30.0
        for part, seconds in bar.parts.items():
            reach = (right - 30) * seconds / bar.total
            canvas.box(left, top + 26, left + reach, top + 60, colours[part])
            label = f"{seconds:.1f}"
            if reach > _READABLE:
                canvas.text((left + reach / 2, top + 43), label, size=14, fill=(255, 255, 255), anchor="mm")
            left += reach
        canvas.text((right + 14, top + 43), f"{bar.total:.1f} s", size=20, anchor="lm")
    canvas.save(path)


def draw_lines(path: Path, title: str, note: str, panels: Sequence[Panel]) -> None:
    """Panels side by side, seconds upwards, each line with its name at its end, the first beside its chord."""
    canvas = _Canvas(560, title, note)
    each = (WIDTH - 60) / len(panels)
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    colours = {name: _BLACK if number == 0 else _COLOURS[number] for number, name in enumerate(names)}
    for number, panel in enumerate(panels):
        _draw_panel(canvas, panel, colours, left=30 + each * number, reach=each - 20)
    canvas.save(path)


def _draw_keys(canvas: _Canvas, colours: Mapping[str, tuple], right: float) -> None:
    left, top = 30.0, 88.0
    for part, colour in colours.items():
        length = 20 + width(part, 15) + 20
        if left + length > right:
            left, top = 30.0, top + 24
        canvas.box(left, top, left + 14, top + 14, colour)
        canvas.text((left + 20, top + 7), part, size=15, anchor="lm")
        left += length


def _draw_panel(canvas: _Canvas, panel: Panel, colours: Mapping[str, tuple], *, left: float, reach: float) -> None:
    top, bottom = 130.0, 500.0
    start, end = left + 40, left + reach - 130
    largest_x = max(x for points in panel.lines.values() for x, _ in points)
    largest_y = max(y for points in panel.lines.values() for _, y in points) * 1.04

    def at(point: Point) -> Point:
        return start + point[0] / largest_x * (end - start), bottom - point[1] / largest_y * (bottom - top)

    canvas.text((start, 92), panel.title, size=17)
    step = _round_step(largest_y / 5)
    for tick in range(int(largest_y / step) + 1):
        height = at((0.0, tick * step))[1]
        canvas.line([(start, height), (end, height)], _RULE)
        canvas.text((start - 8, height), f"{tick * step:g}", size=14, fill=_GREY, anchor="rm")
    canvas.text((start - 8, top - 6), "s", size=14, fill=_GREY, anchor="rm")
    ticks: list[float] = []
    for x in sorted({x for points in panel.lines.values() for x, _ in points}):
        if not ticks or at((x, 0.0))[0] - at((ticks[-1], 0.0))[0] > 28:
            ticks.append(x)
            canvas.text((at((x, 0.0))[0], bottom + 8), f"{x:.3g}", size=14, fill=_GREY, anchor="ma")
    canvas.text(((start + end) / 2, bottom + 30), panel.axis, size=14, fill=_GREY, anchor="ma")
    first = next(iter(panel.lines.values()))
    canvas.line([at(first[0]), at(first[-1])], _CHORD, 6.0)
    for name, points in panel.lines.items():
        canvas.line([at(point) for point in points], colours[name], 2.2)
        for point in points:
            canvas.dot(at(point), 3.6, colours[name])
    ends = {name: at(points[-1])[1] for name, points in panel.lines.items()}
    for name, height in _spread(ends, 18.0, bottom).items():
        canvas.text((end + 10, height), name, size=15, fill=colours[name], anchor="lm")


def _spread(heights: Mapping[str, float], apart: float, lowest: float) -> dict[str, float]:
    """Heights of labels moved upwards until none covers another."""
    placed: dict[str, float] = {}
    limit = lowest
    for name, height in sorted(heights.items(), key=lambda item: -item[1]):
        placed[name] = min(height, limit)
        limit = placed[name] - apart
    return placed


def _round_step(least: float) -> float:
    """1, 2 or 5 times a power of ten, not below ``least``."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least)
