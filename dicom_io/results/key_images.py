"""Key images: a picture of each lesion with its place and figures, for viewers without SEG or SR."""

from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary

from config.finding import Finding
from config.result_kind import ResultKind
from dicom_io.header_values import text
from dicom_io.identity import PRODUCT
from dicom_io.results import codes
from dicom_io.results.axial_views import VIEW_PIXELS, AxialViews
from dicom_io.results.colours import lesion_colour
from dicom_io.results.lettering import AMBER, BLACK, GREY, WHITE, fitting, printable, stamp, wrapped, write
from dicom_io.results.locator import Locator
from dicom_io.results.references import image_references
from dicom_io.results.result import ResultContext
from dicom_io.results.secondary_capture import secondary_capture

MOST_KEY_IMAGES = 50
_MARGIN = 12
_STEP = VIEW_PIXELS + 8
_HEADER = 60
_FOOTER = 44
_LOCATOR = (120, VIEW_PIXELS - 16)
_ROW = 21
_SMALL = 12
WIDTH = 2 * _MARGIN + VIEW_PIXELS + _STEP


def draw_key_images(context: ResultContext) -> Iterator[Image.Image]:
    """RGB pictures of the first fifty lesions in their order, 544 pixels wide and 632 high, 368 without a CT.

    Axial views through the voxel of SUVmax, the patient's right at their left; a projection in which the lesion is
    marked; what was measured; the caption. No patient identity is drawn.
    """
    shown = context.analysis.lesions[:MOST_KEY_IMAGES]
    if not shown:
        return
    views, locator = AxialViews.of(context), Locator.of(context, _LOCATOR)
    for finding in shown:
        yield _draw_key_image(context, finding, views.draw(finding), locator)


def encode_key_images(context: ResultContext) -> tuple[Dataset, ...]:
    """The key images as Secondary Captures of one series; none if there is no lesion.

    Image Comments (0020,4000) holds the whole caption, Source Image Sequence (0008,2112) the slice of SUVmax.
    """
    shown = context.analysis.lesions[:MOST_KEY_IMAGES]
    pictures = zip(shown, draw_key_images(context), strict=True)
    return tuple(_encoded(context, finding, picture, part) for part, (finding, picture) in enumerate(pictures, start=1))


def _encoded(context: ResultContext, finding: Finding, picture: Image.Image, part: int) -> Dataset:
    image = secondary_capture(
        context,
        ResultKind.KEY_IMAGES,
        picture,
        series="AI key images",
        derivation="Axial sections through the voxel of SUVmax with outlines of lesions",
        comments=f"Lesion {finding.number}: {finding.caption}",
        part=part,
    )
    image.SourceImageSequence = [_source(context, finding)]
    return image


def _source(context: ResultContext, finding: Finding) -> Dataset:
    (item,) = image_references([context.pet.sources[finding.measurements.suv_max_index[0]]])
    item.PurposeOfReferenceCodeSequence = [codes.concept(dictionary.DCM.SourceImageForImageProcessingOperation)]
    return item


def _draw_key_image(
    context: ResultContext, finding: Finding, views: tuple[Image.Image, ...], locator: Locator
) -> Image.Image:
    """The views in two columns; the locator and the figures have the place after the last."""
    places = [(_MARGIN + column * _STEP, _HEADER + row * _STEP) for row in (0, 1) for column in (0, 1)]
    left, top = places[len(views)]
    picture = Image.new("RGB", (WIDTH, top + _STEP + _FOOTER), WHITE)
    for view, place in zip(views, places, strict=False):
        picture.paste(view, place)
    draw = ImageDraw.Draw(picture)
    _draw_header(draw, context, finding)
    marked = locator.marked(finding.number, lesion_colour(finding.number))
    write(draw, (left, top), "R", size=_SMALL, fill=GREY)
    write(draw, (left + marked.width, top), "L", size=_SMALL, fill=GREY, anchor="ra")
    picture.paste(marked, (left, top + 16))
    _draw_figures(draw, (left + _LOCATOR[0] + 12, top), finding)
    _draw_notes(draw, (left + _LOCATOR[0] + 12, top + VIEW_PIXELS), context, finding)
    lines, size = _caption_lines(finding)
    for row, line in enumerate(lines):
        write(draw, (_MARGIN, top + _STEP + 19 * row), line, size=size, fill=BLACK)
    return picture


def _draw_header(draw: ImageDraw.ImageDraw, context: ResultContext, finding: Finding) -> None:
    right: float = WIDTH - _MARGIN
    if context.provenance.label:
        right = stamp(draw, (WIDTH - _MARGIN, 10), context.provenance.label, 16, 160) - 12
    radius, name_left = 14, _MARGIN + 38
    draw.ellipse((_MARGIN, 8, _MARGIN + 2 * radius, 8 + 2 * radius), fill=lesion_colour(finding.number))
    write(draw, (_MARGIN + radius, 8 + radius), str(finding.number), size=16, fill=WHITE, anchor="mm")
    name = printable(finding.location.location.name)
    name, size = fitting(name[:1].upper() + name[1:], 21, 11, right - name_left)
    write(draw, (name_left, 8 + radius), name, size=size, fill=BLACK, anchor="lm")
    facts = [
        f"Lesion {finding.number} of {len(context.analysis.lesions)}",
        f"location confidence {finding.location.confidence:.0%}",
        _place(context, finding),
    ]
    write(draw, (name_left, 38), "  |  ".join(facts), size=13, fill=GREY)


def _place(context: ResultContext, finding: Finding) -> str:
    """The image of SUVmax as viewers number it, and its height in the patient."""
    slice_index = finding.measurements.suv_max_index[0]
    frame = context.pet.sources[slice_index].frame
    number = text(context.pet.headers[slice_index], "InstanceNumber") if frame is None else str(frame)
    height = float(context.suv.points_mm(np.array([finding.measurements.suv_max_index]))[0, 2])
    return f"PET {'image' if frame is None else 'frame'} {number}, z {height:.0f} mm"


def _draw_figures(draw: ImageDraw.ImageDraw, corner: tuple[int, int], finding: Finding) -> None:
    measured = finding.measurements
    figures = [
        ("SUVmax", f"{measured.suv_max:.1f}"),
        ("SUVpeak", f"{measured.suv_peak:.1f}"),
        ("SUVmean", f"{measured.suv_mean:.1f}"),
        ("MTV", f"{measured.mtv_ml:.1f} ml"),
        ("TLG", f"{measured.tlg:.0f} g"),
        ("Long axis", f"{measured.long_axis_mm / 10.0:.1f} cm"),
        ("Short axis", f"{measured.short_axis_mm / 10.0:.1f} cm"),
    ]
    if finding.grade is not None:
        figures.append((finding.grade.scale, str(finding.grade.score)))
    for row, (name, value) in enumerate(figures):
        write(draw, (corner[0], corner[1] + _ROW * row), name, size=14, fill=GREY)
        write(draw, (WIDTH - _MARGIN, corner[1] + _ROW * row), value, size=14, fill=BLACK, anchor="ra")


def _draw_notes(draw: ImageDraw.ImageDraw, corner: tuple[int, int], context: ResultContext, finding: Finding) -> None:
    """Upwards from the lower left corner: what made the picture, and on the last one how many lesions have none."""
    lines = [(f"revision {context.provenance.revision}", GREY), (f"{PRODUCT} {context.provenance.version}", GREY)]
    lesions = context.analysis.lesions
    if len(lesions) > MOST_KEY_IMAGES and finding is lesions[MOST_KEY_IMAGES - 1]:
        rest = f"! {len(lesions) - MOST_KEY_IMAGES} more lesions have no key image; see the report."
        lines += [(line, AMBER) for line in reversed(wrapped(rest, _SMALL, WIDTH - _MARGIN - corner[0], 4))]
    for row, (line, colour) in enumerate(lines):
        write(draw, (corner[0], corner[1] - 16 * row), line, size=_SMALL, fill=colour, anchor="ld")


def _caption_lines(finding: Finding) -> tuple[list[str], int]:
    """The caption in one line or two, as large as it fits; cut at the smallest."""
    caption, room = printable(finding.caption), WIDTH - 2 * _MARGIN
    for size, lines in ((14, 1), (13, 1), (14, 2), (13, 2)):
        if len(wrapped(caption, size, room, lines + 1)) <= lines:
            return wrapped(caption, size, room, lines), size
    return wrapped(caption, _SMALL, room, 2), _SMALL
