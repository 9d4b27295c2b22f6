"""Axial views of a lesion at its hottest voxel: CT, PET over CT, and PET, upright whatever the acquisition was."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from config.finding import Finding
from dicom_io.reading.volume import AIR_HU
from dicom_io.results.colours import Colour, lesion_colour
from dicom_io.results.labels import mask_box
from dicom_io.results.lettering import BLACK, LINE, WHITE, write
from dicom_io.results.projection import Mask, paint
from dicom_io.results.result import ResultContext
from dicom_io.results.section import Section
from dicom_io.results.windows import CT_WINDOWS, Pixels, fused, highest_suv, inverse_grey, windowed

VIEW_PIXELS = 256
LEAST_SIDE_MM = 200.0
_ROUND_LESION_MM = 40.0
_BEYOND_PET_MM = 15.0
_ROUNDING = 0.3  # of a voxel, by which outlines are rounded
_PATCH_MARGIN = 6
_BRACKET_DISTANCE, _BRACKET_LENGTH = 6, 6
_SCALE_MM = 50.0


@dataclass(frozen=True, eq=False)
class AxialViews:
    """Views of the lesions of one analysis; ``boxes`` says where each number lies in the label map, from 1."""

    context: ResultContext
    boxes: tuple[tuple[slice, ...], ...]

    @classmethod
    def of(cls, context: ResultContext) -> "AxialViews":
        return cls(context, tuple(ndimage.find_objects(context.analysis.labels)))

    def section(self, finding: Finding) -> Section:
        """The axial square through the voxel of SUVmax round all of the lesion, little of it beyond the PET."""
        suv = self.context.suv
        box = self.boxes[finding.number - 1]
        voxels = np.argwhere(self.context.analysis.labels[box] == finding.number) + [side.start for side in box]
        points = suv.points_mm(voxels)[:, :2]
        lowest, highest = points.min(axis=0), points.max(axis=0)
        side = max(LEAST_SIDE_MM, float((highest - lowest).max()) + 2.0 * _ROUND_LESION_MM)
        corners = suv.points_mm(_corner_indices(suv.shape))[:, :2]
        ends = corners.min(axis=0) - _BEYOND_PET_MM, corners.max(axis=0) + _BEYOND_PET_MM
        across, down = _moved_within((lowest + highest) / 2.0, side / 2.0, *ends)
        height = suv.points_mm(np.array([finding.measurements.suv_max_index]))[0, 2]
        return Section((float(across), float(down), float(height)), side, VIEW_PIXELS)

    def draw(self, finding: Finding) -> tuple[Image.Image, ...]:
        """CT in the window of the location, PET over CT, and PET; the PET alone if there is no CT."""
        context, section = self.context, self.section(finding)
        suv = section.cut(context.suv.values, context.suv.affine, 0.0)
        lesions = self._lesions(finding, section)
        highest = highest_suv(context.analysis.tracer)
        pet = inverse_grey(suv, highest)
        _outline(pet, lesions, WHITE)
        view = _View(Image.fromarray(pet), section, BLACK, WHITE).lettered(f"PET  SUV 0-{highest:g}")
        if context.ct is None:
            return (view,)
        window = finding.location.location.ct_window
        centre, width = CT_WINDOWS[window]
        ct = windowed(section.cut(context.ct.volume.values, context.ct.volume.affine, AIR_HU), window)
        both = fused(ct, suv, highest)
        _outline(both, lesions, BLACK)
        plain = _View(Image.fromarray(ct), section, WHITE, BLACK)
        plain.bracket(lesions[-1][1], lesion_colour(finding.number))
        return (
            plain.lettered(f"CT  {window}  W {width:g} L {centre:g}"),
            _View(Image.fromarray(both), section, WHITE, BLACK).lettered(f"PET/CT  SUV 0-{highest:g}"),
            view,
        )

    def _lesions(self, finding: Finding, section: Section) -> list[tuple[int, Mask]]:
        """The lesions on a section, the finding last."""
        labels = section.cut_labels(self.context.analysis.labels, self.context.suv.affine)
        there = np.bincount(labels.ravel(), minlength=len(self.boxes) + 1) > 0
        numbers = [other.number for other in self.context.analysis.lesions if there[other.number]]
        rounding = _ROUNDING * float(self.context.suv.spacing_mm.min()) * section.pixels_per_mm
        ordered = sorted(numbers, key=lambda number: number == finding.number)
        return [(number, _rounded(labels == number, rounding)) for number in ordered]


@dataclass(frozen=True, eq=False)
class _View:
    """A picture of a section, and the colours of its letters and of their rim."""

    picture: Image.Image
    section: Section
    ink: Colour
    rim: Colour

    def lettered(self, name: str) -> Image.Image:
        """The picture in a frame, with its name, the patient's sides, and a scale of 5 cm."""
        draw = ImageDraw.Draw(self.picture)
        right, bottom = self.picture.size
        draw.rectangle((0, 0, right - 1, bottom - 1), outline=LINE)
        length = _SCALE_MM * self.section.pixels_per_mm
        draw.rectangle((5, bottom - 10, 7 + length, bottom - 6), fill=self.rim)
        draw.rectangle((6, bottom - 9, 6 + length, bottom - 7), fill=self.ink)
        for place, anchor, text, size in (
            ((6, 4), "la", name, 12),
            ((6, bottom / 2), "lm", "R", 14),
            ((right - 6, bottom / 2), "rm", "L", 14),
            ((6 + length / 2, bottom - 12), "mb", "5 cm", 12),
        ):
            write(draw, place, text, size=size, fill=self.ink, anchor=anchor, halo=1, rim=self.rim)
        return self.picture

    def bracket(self, mask: Mask, colour: Colour) -> None:
        """Four corners round a lesion, which leave it to be seen."""
        draw = ImageDraw.Draw(self.picture)
        left, top, right, bottom = mask_box(mask)
        for x, inwards in ((left - _BRACKET_DISTANCE, 1), (right - 1 + _BRACKET_DISTANCE, -1)):
            for y, down in ((top - _BRACKET_DISTANCE, 1), (bottom - 1 + _BRACKET_DISTANCE, -1)):
                arms = [(x + inwards * _BRACKET_LENGTH, y), (x, y), (x, y + down * _BRACKET_LENGTH)]
                draw.line(arms, fill=self.rim, width=4)
                draw.line(arms, fill=colour, width=2)


def _outline(pixels: Pixels, lesions: Sequence[tuple[int, Mask]], rim: Colour) -> None:
    """Outlines of lesions, thin but for the last, which has a rim."""
    *others, (number, mask) = lesions
    for other, its_mask in others:
        paint(pixels, its_mask, lesion_colour(other), 1)
    paint(pixels, mask, rim, 3)
    paint(pixels, mask, lesion_colour(number), 2)


def _rounded(pixels: NDArray[np.bool_], radius: float) -> Mask:
    """What is set in a picture, its corners rounded, with room for an outline."""
    rows, columns = (np.flatnonzero(pixels.any(axis=axis)) for axis in (1, 0))
    patch = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    padded = np.pad(patch, _PATCH_MARGIN)
    smooth = ndimage.gaussian_filter(padded.astype(np.float32), radius) > 0.5
    top, left = int(rows[0]) - _PATCH_MARGIN, int(columns[0]) - _PATCH_MARGIN
    return Mask(smooth if smooth.any() else padded, top, left)


def _corner_indices(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Array indices of a volume's eight outer corners, half a voxel past the outermost centres."""
    return np.stack(np.meshgrid(*((-0.5, length - 0.5) for length in shape)), axis=-1).reshape(-1, 3)


def _moved_within(
    centre: NDArray[np.float64], half: float, lowest: NDArray[np.float64], highest: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The centre of a square, moved so that it lies within a box; that of the box where the square is larger."""
    fits = highest - lowest >= 2.0 * half
    return np.asarray(np.where(fits, np.clip(centre, lowest + half, highest - half), (lowest + highest) / 2.0))
