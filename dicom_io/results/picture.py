"""The picture: projections of the PET with the lesions outlined and numbered, for viewers without SEG or SR."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from config.finding import FindingKind
from config.result_kind import ResultKind
from config.tracers import Tracer
from dicom_io.identity import PRODUCT
from dicom_io.results.colours import PHYSIOLOGIC, lesion_colour
from dicom_io.results.labels import LABEL_SIZE, Box, mask_box, place_labels
from dicom_io.results.legend import draw_legend, legend_height
from dicom_io.results.lettering import BLACK, GREY, LINE, WHITE, stamp, write
from dicom_io.results.projection import Mask, View, masks, paint, projected, upright_body, upright_spacing_mm
from dicom_io.results.result import ResultContext
from dicom_io.results.secondary_capture import secondary_capture
from dicom_io.results.windows import highest_suv, inverse_grey

WIDTH = 1400
HEIGHTS = (560, 1000)
_VIEWS_BOX = (24, 110, 850, 950)
_LEGEND = (890, 1376)
_GAP = 36
_MOST_NUMBERED = 30  # about as many as the legend lists


def draw_picture(context: ResultContext) -> Image.Image:
    """RGB picture, 1400 pixels wide and 560 to 1000 high.

    Coronal and sagittal projection, white at 0 g/ml to black, and a legend. Head up; the patient's right at the left
    of the coronal view, the front at the left of the sagittal one. No patient identity is drawn.
    """
    suv, labels = upright_body(context.suv, context.analysis.labels)
    scale = _pixels_per_mm(suv.shape, upright_spacing_mm(context.suv.affine))
    views = [_draw_view(context, suv, labels, view, scale) for view in View]
    picture = Image.new("RGB", (WIDTH, _height(context, views[0].height)), WHITE)
    draw = ImageDraw.Draw(picture)
    _draw_header(draw, context)
    left, top = _VIEWS_BOX[:2]
    for view, (first_side, last_side) in zip(views, (("R", "L"), ("A", "P")), strict=True):
        picture.paste(view, (left, top))
        write(draw, (left, top - 22), first_side, size=15, fill=GREY)
        write(draw, (left + view.width, top - 22), last_side, size=15, fill=GREY, anchor="ra")
        left += view.width + _GAP
    _draw_scales(draw, context, scale, top + views[0].height + 24)
    draw_legend(draw, (_LEGEND[0], 104, _LEGEND[1], picture.height - 24), context.analysis, context.remarks)
    return picture


def encode_picture(context: ResultContext) -> Dataset:
    """The picture as a Secondary Capture."""
    return secondary_capture(
        context,
        ResultKind.PICTURE,
        draw_picture(context),
        series="AI lesion picture",
        derivation="Maximum intensity projections of SUVbw with outlines of findings",
    )


def _height(context: ResultContext, view_height: int) -> int:
    legend = legend_height(_LEGEND[1] - _LEGEND[0], context.analysis, context.remarks)
    return min(max(_VIEWS_BOX[1] + view_height + 50, 104 + legend + 24, HEIGHTS[0]), HEIGHTS[1])


def _draw_header(draw: ImageDraw.ImageDraw, context: ResultContext) -> None:
    quantification, provenance = context.quantification, context.provenance
    date = context.moment
    tracer = "PET" if context.analysis.tracer is Tracer.OTHER else f"{context.analysis.tracer} PET"
    write(draw, (24, 18), f"{tracer}, {date:%Y-%m-%d}", size=26, fill=BLACK)
    details = [f"SUVbw factor {quantification.factor:.6g}"]
    if quantification.decay_reference is not None:
        details.append(f"decay reference {quantification.decay_reference:%Y-%m-%d %H:%M:%S}")
    details.append(f"{PRODUCT} {provenance.version}, revision {provenance.revision}")
    write(draw, (24, 54), "  |  ".join(details), size=15, fill=GREY)
    if provenance.label:
        stamp(draw, (WIDTH - 24, 16), provenance.label, 22, 400)
    draw.line([(24, 80), (WIDTH - 24, 80)], fill=LINE)


def _pixels_per_mm(shape: tuple[int, ...], spacing_mm: tuple[float, float, float]) -> float:
    height, depth, breadth = (length * spacing for length, spacing in zip(shape, spacing_mm, strict=True))
    left, top, right, bottom = _VIEWS_BOX
    return min((bottom - top) / height, (right - left - _GAP) / (depth + breadth))


def _draw_view(
    context: ResultContext, suv: NDArray[np.float32], labels: NDArray[np.uint16], view: View, scale: float
) -> Image.Image:
    spacing = upright_spacing_mm(context.suv.affine)
    across = 2 if view is View.CORONAL else 1
    size = max(1, round(suv.shape[across] * spacing[across] * scale)), max(1, round(suv.shape[0] * spacing[0] * scale))
    pixels = inverse_grey(projected(suv, view, size), highest_suv(context.analysis.tracer))
    found = masks(labels, view, size)
    for finding in reversed(context.analysis.findings):
        if finding.number in found:
            lesion = finding.kind is FindingKind.LESION
            paint(pixels, found[finding.number], lesion_colour(finding.number) if lesion else PHYSIOLOGIC)
    drawn = Image.fromarray(pixels)
    first = {finding.number for finding in context.analysis.lesions[:_MOST_NUMBERED]}
    numbered = {number: mask for number, mask in found.items() if number in first}
    _draw_numbers(ImageDraw.Draw(drawn), numbered, place_labels(numbered, size))
    return drawn


def _draw_numbers(draw: ImageDraw.ImageDraw, found: dict[int, Mask], boxes: dict[int, Box]) -> None:
    for number, box in boxes.items():
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        left, top, right, bottom = mask_box(found[number])
        nearest = min(max(middle[0], left), right), min(max(middle[1], top), bottom)
        if max(abs(middle[0] - nearest[0]), abs(middle[1] - nearest[1])) > LABEL_SIZE:
            draw.line([nearest, middle], fill=lesion_colour(number))
    for number, box in boxes.items():
        middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        write(draw, middle, str(number), size=LABEL_SIZE, fill=lesion_colour(number), anchor="mm", halo=3)


def _draw_scales(draw: ImageDraw.ImageDraw, context: ResultContext, scale: float, baseline: int) -> None:
    """A length of 10 cm, and the grey scale."""
    left, right = _VIEWS_BOX[0], _VIEWS_BOX[0] + 100 * scale
    draw.line([(left, baseline), (right, baseline)], fill=BLACK, width=3)
    write(draw, (right + 8, baseline), "10 cm", size=14, fill=BLACK, anchor="lm")
    black = highest_suv(context.analysis.tracer)
    start, length = _VIEWS_BOX[2] - 300, 160
    for step in range(length):
        shade = round(255 * (1 - step / (length - 1)))
        draw.line([(start + step, baseline - 7), (start + step, baseline + 7)], fill=(shade, shade, shade))
    draw.rectangle((start - 1, baseline - 8, start + length, baseline + 8), outline=GREY)
    write(draw, (start - 8, baseline), "0", size=14, fill=BLACK, anchor="rm")
    write(draw, (start + length + 8, baseline), f"{black:g} g/ml SUVbw", size=14, fill=BLACK, anchor="lm")
