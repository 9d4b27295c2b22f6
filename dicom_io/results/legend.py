"""The legend of the picture: lesions with place and figures, totals, physiologic uptake, remarks."""

from collections import Counter

from PIL import ImageDraw

from config.finding import Analysis, Finding, FindingKind
from config.reasons import Remark
from dicom_io.results.colours import Colour, lesion_colour
from dicom_io.results.lettering import AMBER, BLACK, GREY, LINE, WHITE, fitting, printable, wrapped, write

_ROW_HEIGHTS = (34, 30, 27, 24)
_SMALL = 14
_SMALLEST = 11
_SMALL_LINE = 18
_HEADING = 36
_TOTALS = 44


def draw_legend(
    draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], analysis: Analysis, remarks: tuple[Remark, ...]
) -> None:
    """Draws into a box (left, top, right, bottom); what does not fit is counted, never squeezed."""
    left, top, right, bottom = box
    bottom = _draw_notes(draw, (left, bottom), _notes(analysis, remarks, right - left))
    _draw_heading(draw, (left, top, right), len(analysis.lesions))
    if analysis.lesions:
        _draw_lesions(draw, (left, top + _HEADING, right, bottom - _TOTALS), analysis.lesions)
        _draw_totals(draw, (left, bottom - 34, right), analysis)


def legend_height(width: int, analysis: Analysis, remarks: tuple[Remark, ...]) -> int:
    """The height in which everything has room."""
    notes = len(_notes(analysis, remarks, width)) * _SMALL_LINE
    lesions = len(analysis.lesions) * _ROW_HEIGHTS[0] + _TOTALS if analysis.lesions else 0
    return _HEADING + lesions + notes + 10


def _draw_heading(draw: ImageDraw.ImageDraw, line: tuple[int, int, int], count: int) -> None:
    left, top, right = line
    heading = "No lesion found" if count == 0 else f"{count} lesion{'s' if count > 1 else ''}"
    write(draw, (left, top), heading, size=22, fill=BLACK)
    if count:
        write(draw, (right - 78, top + 8), "SUVmax", size=_SMALL, fill=GREY, anchor="ra")
        write(draw, (right, top + 8), "MTV ml", size=_SMALL, fill=GREY, anchor="ra")
    draw.line([(left, top + 30), (right, top + 30)], fill=LINE)


def _draw_lesions(draw: ImageDraw.ImageDraw, box: tuple[int, int, int, int], lesions: tuple[Finding, ...]) -> None:
    left, top, right, bottom = box
    room = bottom - top
    height = next((row for row in _ROW_HEIGHTS if row * len(lesions) <= room), _ROW_HEIGHTS[-1])
    rows = room // height
    shown = lesions if len(lesions) <= rows else lesions[: rows - 1]
    size = min(18, height - 9)
    for row, finding in enumerate(shown):
        middle = top + row * height + height // 2
        radius = min(13, height // 2 - 1)
        draw.ellipse((left, middle - radius, left + 2 * radius, middle + radius), fill=lesion_colour(finding.number))
        write(draw, (left + radius, middle), str(finding.number), size=radius + 2, fill=WHITE, anchor="mm")
        room_for_name = right - left - 2 * radius - 10 - 148
        name, name_size = fitting(printable(finding.location.location.name), size, _SMALLEST, room_for_name)
        write(draw, (left + 2 * radius + 10, middle), name, size=name_size, fill=BLACK, anchor="lm")
        write(draw, (right - 78, middle), f"{finding.measurements.suv_max:.1f}", size=size, fill=BLACK, anchor="rm")
        write(draw, (right, middle), f"{finding.measurements.mtv_ml:.1f}", size=size, fill=BLACK, anchor="rm")
    if len(shown) < len(lesions):
        rest = f"and {len(lesions) - len(shown)} more, in the report"
        write(draw, (left, top + len(shown) * height + height // 2), rest, size=size, fill=GREY, anchor="lm")


def _draw_totals(draw: ImageDraw.ImageDraw, line: tuple[int, int, int], analysis: Analysis) -> None:
    left, top, right = line
    totals = analysis.totals
    draw.line([(left, top - 6), (right, top - 6)], fill=LINE)
    text = f"TMTV {totals.tmtv_ml:.1f} ml     TLG {totals.tlg:.0f} g"
    if totals.dmax_mm is not None:
        text += f"     Dmax {totals.dmax_mm / 10:.1f} cm"
    write(draw, (left, top), text, size=18, fill=BLACK)


def _notes(analysis: Analysis, remarks: tuple[Remark, ...], width: int) -> list[tuple[str, Colour]]:
    notes = []
    if names := _physiologic_names(analysis):
        notes += [(text, GREY) for text in wrapped(f"Physiologic (grey): {names}", _SMALL, width, 3)]
    meanings = dict.fromkeys(printable(remark.reason.meaning) for remark in remarks)
    for meaning in list(meanings)[:4]:
        notes += [(text, AMBER) for text in wrapped(f"! {meaning}", _SMALL, width, 2)]
    if len(meanings) > 4:
        notes.append((f"! and {len(meanings) - 4} more remarks, in the report", AMBER))
    return notes


def _draw_notes(draw: ImageDraw.ImageDraw, corner: tuple[int, int], notes: list[tuple[str, Colour]]) -> int:
    """Notes upwards from the lower left corner; gives the row above them."""
    top = corner[1] - len(notes) * _SMALL_LINE
    for row, (text, colour) in enumerate(notes):
        write(draw, (corner[0], top + row * _SMALL_LINE), text, size=_SMALL, fill=colour)
    return top


def _physiologic_names(analysis: Analysis) -> str:
    names = Counter(
        printable(finding.location.location.name)
        for finding in analysis.findings
        if finding.kind is FindingKind.PHYSIOLOGIC
    )
    return ", ".join(name if count == 1 else f"{name} ({count})" for name, count in names.items())
