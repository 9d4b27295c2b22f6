"""The locator: a small projection of the whole PET in which one lesion is marked."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from dicom_io.results.colours import Colour
from dicom_io.results.labels import mask_box
from dicom_io.results.projection import Mask, View, masks, paint, projected, upright_body, upright_spacing_mm
from dicom_io.results.result import ResultContext
from dicom_io.results.windows import Pixels, highest_suv, inverse_grey

_CROSS_GAP = 7


@dataclass(frozen=True, eq=False)
class Locator:
    """A coronal projection, and the shadow of every finding on it."""

    pixels: Pixels
    shadows: dict[int, Mask]

    @classmethod
    def of(cls, context: ResultContext, box: tuple[int, int]) -> "Locator":
        """The locator as large as fits a box of (width, height) pixels."""
        suv, labels = upright_body(context.suv, context.analysis.labels)
        height_mm, _, width_mm = (
            count * spacing for count, spacing in zip(suv.shape, upright_spacing_mm(context.suv.affine), strict=True)
        )
        scale = min(box[0] / width_mm, box[1] / height_mm)
        size = max(1, int(width_mm * scale)), max(1, int(height_mm * scale))
        suv_projected = projected(suv, View.CORONAL, size)
        grey = inverse_grey(suv_projected, highest_suv(context.analysis.tracer))
        return cls(grey, masks(labels, View.CORONAL, size))

    def marked(self, number: int, colour: Colour) -> Image.Image:
        """The locator with one finding outlined, in cross hairs that end short of it."""
        pixels = self.pixels.copy()
        shadow = self.shadows[number]
        left, top, right, bottom = (round(side) for side in mask_box(shadow))
        row, column = (top + bottom) // 2, (left + right) // 2
        rows, columns = np.arange(pixels.shape[0]), np.arange(pixels.shape[1])
        pixels[np.clip(row, 0, rows[-1]), (columns < left - _CROSS_GAP) | (columns >= right + _CROSS_GAP)] = colour
        pixels[(rows < top - _CROSS_GAP) | (rows >= bottom + _CROSS_GAP), np.clip(column, 0, columns[-1])] = colour
        paint(pixels, shadow, colour, 1)
        return Image.fromarray(pixels)
