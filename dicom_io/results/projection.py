"""Maximum intensity projections and outlines of findings, upright, in square pixels."""

from dataclasses import dataclass
from enum import IntEnum
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from config.volume import FloatArray, Matrix, Volume
from dicom_io.results.colours import Colour

OUTLINE_PIXELS = 2
_PADDING_VOXELS = 3
_BODY_SUV = 0.2
_MARGIN_MM = 20.0


class View(IntEnum):
    """The axis of an upright array along which is projected."""

    CORONAL = 1
    SAGITTAL = 2


@dataclass(frozen=True, eq=False)
class Mask:
    """A boolean patch of a picture with its first row and column there."""

    pixels: NDArray[np.bool_]
    top: int
    left: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom; the latter two outside."""
        rows, columns = self.pixels.shape
        return self.left, self.top, self.left + columns, self.top + rows


def upright(array: NDArray[Any], affine: Matrix) -> NDArray[Any]:
    """A view of the array with axes from head to foot, from front to back, and from the patient's right to left.

    Oblique axes count as the patient axis that they are closest to.
    """
    order, backwards = _orientation(affine)
    return np.flip(np.transpose(array, order), axis=backwards)


def upright_spacing_mm(affine: Matrix) -> tuple[float, float, float]:
    """Voxel spacing along the axes of ``upright``, mm."""
    order, _ = _orientation(affine)
    first, second, third = (float(np.linalg.norm(affine[:3, axis])) for axis in order)
    return first, second, third


def upright_body(suv: Volume, labels: NDArray[np.uint16]) -> tuple[FloatArray, NDArray[np.uint16]]:
    """Upright SUV and labels without the air at front, back and sides; no label is cut off."""
    values, numbers = upright(suv.values, suv.affine), upright(labels, suv.affine)
    spacing = upright_spacing_mm(suv.affine)
    body = (values.max(axis=0) > _BODY_SUV) | (numbers.max(axis=0) > 0)
    ranges = [slice(None)]
    for axis in (1, 2):
        inside = np.flatnonzero(body.any(axis=2 - axis))
        margin = round(_MARGIN_MM / spacing[axis])
        first, last = (inside[0], inside[-1]) if inside.size else (0, values.shape[axis] - 1)
        ranges.append(slice(max(0, int(first) - margin), int(last) + margin + 1))
    return values[tuple(ranges)], numbers[tuple(ranges)]


def projected(values: NDArray[np.float32], view: View, size: tuple[int, int]) -> NDArray[np.float32]:
    """Maximum of an upright array along a view's axis, resampled to (width, height) pixels."""
    maximum = np.ascontiguousarray(values.max(axis=view), dtype=np.float32)
    return np.asarray(Image.fromarray(maximum).resize(size, Image.Resampling.BICUBIC))


def masks(labels: NDArray[np.uint16], view: View, size: tuple[int, int]) -> dict[int, Mask]:
    """The shadow of every label of an upright label map, in pixels of a picture of (width, height)."""
    rows, columns = (length for axis, length in enumerate(labels.shape) if axis != view)
    scale = size[1] / rows, size[0] / columns
    found: dict[int, Mask] = {}
    for number, slices in enumerate(ndimage.find_objects(labels), start=1):
        if slices is not None:
            shadow = (labels[slices] == number).any(axis=view)
            first_row, first_column = (part.start for axis, part in enumerate(slices) if axis != view)
            found[number] = _enlarged(shadow, first_row, first_column, scale)
    return found


def outline(mask: Mask, thickness: int = OUTLINE_PIXELS) -> NDArray[np.bool_]:
    """The rim just outside a mask, so many pixels thick, on the mask's patch."""
    grown = ndimage.binary_dilation(mask.pixels, iterations=thickness)
    return np.asarray(grown & ~mask.pixels)


def paint(pixels: NDArray[np.uint8], mask: Mask, colour: Colour, thickness: int = OUTLINE_PIXELS) -> None:
    """Draws the outline of a mask into a picture of shape (rows, columns, 3); what lies outside is left out."""
    rows, columns = np.nonzero(outline(mask, thickness))
    rows, columns = rows + mask.top, columns + mask.left
    inside = (rows >= 0) & (columns >= 0) & (rows < pixels.shape[0]) & (columns < pixels.shape[1])
    pixels[rows[inside], columns[inside]] = colour


def _orientation(affine: Matrix) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Array axes in upright order, and which of the upright axes run backwards in the array."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    towards = np.array([(0.0, 0.0, -1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]) @ directions
    order = max(permutations(range(3)), key=lambda axes: sum(abs(towards[i, axis]) for i, axis in enumerate(axes)))
    return order, tuple(i for i, axis in enumerate(order) if towards[i, axis] < 0)


def _enlarged(shadow: NDArray[np.bool_], first_row: int, first_column: int, scale: tuple[float, float]) -> Mask:
    padded = np.pad(shadow, _PADDING_VOXELS).astype(np.uint8) * np.uint8(255)
    top, left = round((first_row - _PADDING_VOXELS) * scale[0]), round((first_column - _PADDING_VOXELS) * scale[1])
    bottom = round((first_row - _PADDING_VOXELS + padded.shape[0]) * scale[0])
    right = round((first_column - _PADDING_VOXELS + padded.shape[1]) * scale[1])
    large = Image.fromarray(padded).resize((right - left, bottom - top), Image.Resampling.BICUBIC)
    pixels = np.asarray(large) > 127
    if not pixels.any():
        pixels = np.asarray(large) == np.asarray(large).max()
    return Mask(pixels, top, left)
