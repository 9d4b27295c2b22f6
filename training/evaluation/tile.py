"""Tile: one lesion, or one patient, with words below; the patient's right is on the left."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from config.finding import LabelMap
from config.volume import FloatArray, Matrix, Unit, Volume
from inference.retrieval.body import HU, SPACING_MM, SUV, Body, lesion_voxels
from training.evaluation.case import Case
from training.evaluation.lesion_f1 import Labels

WIDTH, HEIGHT = 384, 366
GREEN, RED = (0, 190, 60), (230, 40, 40)

_PICTURE_HEIGHT = 268
_AXIAL_MM = 320.0
_MOST_MOVED_MM = 110.0
_HU = (-160.0, 260.0)
_MOST_SUV = 8.0
_FONT_SIZE = 15

Colour = tuple[int, int, int]
Mask = NDArray[np.bool_]
Rgb = NDArray[np.uint8]


def lesion_tile(case: Case, number: int, lines: Sequence[tuple[str, Colour]]) -> Image.Image:
    """PET on CT through the middle of the lesion, outlined in green, and where it lies in the projected PET."""
    lesion = case.lesions[number]
    centre = lesion.points_mm.mean(axis=0)
    suv, ct, labels = _volumes(case)
    axial = _axial(suv, ct, labels == lesion.truth.label, _toward_the_middle(centre, case.body))
    projection, pixel_mm = _projection(case.body, WIDTH - _PICTURE_HEIGHT - 6)
    place = (centre - case.body.affine[:3, 3])[[0, 2]] + SPACING_MM / 2.0
    across, up = place / pixel_mm
    picture = ImageDraw.Draw(projection)
    picture.ellipse(
        (across - 9, projection.height - up - 9, across + 9, projection.height - up + 9), outline=GREEN, width=2
    )
    return _tile([axial, projection], lines)


def patient_tile(case: Case, predicted: Labels, lines: Sequence[tuple[str, Colour]]) -> Image.Image:
    """The projected PET twice: true lesions in green, predicted ones in red."""
    assert case.sample is not None
    views = []
    for labels, colour in ((case.sample.labels, GREEN), (predicted, RED)):
        projection, _ = _projection(case.body, WIDTH // 2 - 3)
        flat = Image.fromarray(_on_body(labels > 0, case).max(axis=1)[::-1]).resize(projection.size)
        views.append(_outlined(np.array(projection), np.asarray(flat), colour))
    return _tile(views, lines)


def _tile(views: Sequence[Image.Image], lines: Sequence[tuple[str, Colour]]) -> Image.Image:
    tile = Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255))
    left = 0
    for view in views:
        tile.paste(view, (left, 0))
        left += view.width + 6
    draw = ImageDraw.Draw(tile)
    font = ImageFont.load_default(size=_FONT_SIZE)
    top = _PICTURE_HEIGHT + 6
    for line, colour in lines:
        for part in _wrapped(line, font):
            draw.text((2, top), part, font=font, fill=colour)
            top += _FONT_SIZE + 3
    return tile


def _wrapped(line: str, font: "ImageFont.FreeTypeFont | ImageFont.ImageFont") -> list[str]:
    """A line in as many as it needs, at most two."""
    if font.getlength(line) <= WIDTH - 4:
        return [line]
    words = line.split()
    fits = max(n for n in range(1, len(words) + 1) if n == 1 or font.getlength(" ".join(words[:n])) <= WIDTH - 4)
    return [" ".join(words[:fits]), "   " + " ".join(words[fits:])]


def _volumes(case: Case) -> tuple[Volume, Volume, LabelMap]:
    """SUV, HU, and labels on the grid of SUV; from the body where there is no more."""
    if case.sample is not None:
        return case.sample.suv, case.sample.ct, case.sample.labels
    labels = np.zeros(case.body.fine.shape[1:], dtype=np.uint16)
    for lesion in case.lesions:
        labels[tuple(lesion.voxels.T)] = lesion.truth.label
    suv, ct = (case.body.fine[channel].astype(np.float32) for channel in (SUV, HU))
    return Volume(suv, case.body.affine, Unit.SUVBW), Volume(ct, case.body.affine, Unit.HOUNSFIELD), labels


def _toward_the_middle(lesion_mm: Matrix, body: Body) -> Matrix:
    """The middle of a picture that shows a lesion and as much of the body as it can."""
    slices, rows, columns = body.fine.shape[1:]
    middle = body.affine[:3, 3] + np.asarray([columns, rows, slices]) * SPACING_MM / 2.0
    moved: Matrix = lesion_mm + np.clip(middle - lesion_mm, -_MOST_MOVED_MM, _MOST_MOVED_MM) * (1.0, 1.0, 0.0)
    return moved


def _axial(suv: Volume, ct: Volume, lesion: Mask, centre: Matrix) -> Image.Image:
    size = _PICTURE_HEIGHT
    offsets = (np.arange(size) - (size - 1) / 2.0) * _AXIAL_MM / size
    y, x = np.meshgrid(offsets, offsets, indexing="ij")
    points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3) + centre
    density = _sampled(ct.values, ct.indices(points), 1, -1000.0).reshape(size, size)
    uptake = _sampled(suv.values, suv.indices(points), 1, 0.0).reshape(size, size)
    outline = _sampled(lesion, suv.indices(points), 0, 0).reshape(size, size) > 0
    grey = np.clip((density - _HU[0]) / (_HU[1] - _HU[0]), 0.0, 1.0)
    hot = np.clip(uptake / _MOST_SUV, 0.0, 1.0)
    colour = np.stack([np.ones_like(hot), hot**1.5, np.zeros_like(hot)], axis=-1)
    share = 0.75 * np.clip(1.6 * hot, 0.0, 1.0)[..., None]
    fused = (255.0 * ((1.0 - share) * grey[..., None] + share * colour)).astype(np.uint8)
    return _outlined(fused, outline, GREEN)


def _sampled(values: NDArray[Any], indices: Matrix, order: Literal[0, 1], outside: float) -> FloatArray:
    found = ndimage.map_coordinates(values, indices.T, np.float32, order, mode="constant", cval=outside)
    return np.asarray(found)


def _projection(body: Body, room: int) -> tuple[Image.Image, float]:
    """The PET from the front, at most ``room`` pixels wide, and millimetres per pixel."""
    coronal = body.fine[SUV].max(axis=1)[::-1].astype(np.float32)
    pixel_mm = SPACING_MM * max(coronal.shape[0] / _PICTURE_HEIGHT, coronal.shape[1] / room)
    size = (round(coronal.shape[1] * SPACING_MM / pixel_mm), round(coronal.shape[0] * SPACING_MM / pixel_mm))
    grey = (255.0 * (1.0 - np.clip(coronal / _MOST_SUV, 0.0, 1.0))).astype(np.uint8)
    return Image.fromarray(grey).resize(size, Image.Resampling.BILINEAR).convert("RGB"), pixel_mm


def _outlined(picture: Rgb, mask: Mask, colour: Colour) -> Image.Image:
    drawn = np.array(picture)
    drawn[ndimage.binary_dilation(mask, iterations=2) & ~ndimage.binary_dilation(mask)] = colour
    return Image.fromarray(drawn)


def _on_body(mask: Mask, case: Case) -> Mask:
    assert case.sample is not None
    found = np.zeros(case.body.fine.shape[1:], dtype=np.bool_)
    indices = np.argwhere(mask)
    if len(indices):
        voxels = lesion_voxels(case.body, case.sample.suv.points_mm(indices), case.step_mm)
        found[tuple(voxels.T)] = True
    return found
