"""Geometry: slices put in order along their normal, and everything that forbids to call them a volume.

Positions, orientations and spacings are those of PS3.3 Section C.7.6.2.1.1, in LPS millimetres.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from config.reasons import Reason, Refused, Remark
from config.volume import Matrix
from dicom_io.header_values import text, texts
from dicom_io.reading.frames import Frame, frames_of
from dicom_io.reading.identifiers import has_derived_series
from dicom_io.reading.kinds import Series
from dicom_io.reading.pixels import PixelReader

MINIMUM_SLICES = 5

_SAME_PLACE_MM = 0.01
_GAP_TOLERANCE_MM = 0.1
_GAP_TOLERANCE = 0.02  # of the spacing
_GRID_TOLERANCE = 0.1  # of the spacing, for a slice's distance from where an even spacing puts it
_SIDEWAYS_TOLERANCE_MM = 0.2
_TILT_TOLERANCE_DEGREES = 0.1
_DIRECTION_TOLERANCE = 1e-3
_PERPENDICULAR_TOLERANCE = 1e-2
_BELONG_TOGETHER = ("PatientID", "StudyInstanceUID", "FrameOfReferenceUID", "SOPClassUID")

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices in array order and the grid that they form.

    Parameters
    ----------
    frames
        In ascending order along the slice normal, the cross product of row and column direction.
    affine
        Array index (slice, row, column) to LPS millimetres; see ``config.volume.Volume``.
    """

    frames: tuple[Frame, ...]
    affine: Matrix
    remarks: tuple[Remark, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.frames), self.frames[0].rows, self.frames[0].columns

    @property
    def headers(self) -> tuple[Dataset, ...]:
        """The distinct instances in array order."""
        return tuple({id(frame.header): frame.header for frame in self.frames}.values())

    @property
    def slice_spacing_mm(self) -> float:
        return float(np.linalg.norm(self.affine[:3, 0]))

    @property
    def axial_extent_mm(self) -> float:
        """From the outer face of the first slice to that of the last."""
        return len(self.frames) * self.slice_spacing_mm


def stack(series: Series) -> Stack:
    """The ordered slices of a series. Reads headers, and pixels only to compare slices at one position.

    Raises
    ------
    Refused
        NO_GEOMETRY, MIXED_ACQUISITIONS, MIXED_MATRIX, MIXED_ORIENTATION, DYNAMIC_ACQUISITION, DUPLICATE_POSITION,
        TOO_FEW_SLICES, GANTRY_TILT or SLICE_GAP, with what was found where.
    """
    frames = frames_of(series.headers)
    _require_common(frames)
    rows_direction, columns_direction = _directions(frames)
    normal = np.cross(columns_direction, rows_direction)
    frames, remarks = _without_duplicates(_sorted_along(frames, normal), normal)
    if len(frames) < MINIMUM_SLICES:
        raise Refused(Reason.TOO_FEW_SLICES, f"{len(frames)} slices; expected at least {MINIMUM_SLICES}.")
    shear = _shear(frames, normal)
    spacing = _even_spacing(frames, normal)
    affine = np.eye(4)
    affine[:3, 0] = (normal + shear) * spacing
    affine[:3, 1] = rows_direction * frames[0].pixel_spacing[0]
    affine[:3, 2] = columns_direction * frames[0].pixel_spacing[1]
    affine[:3, 3] = frames[0].position
    if has_derived_series(frames[0].header):
        detail = (
            f"{series.name} has no Series Instance UID; instances that agree in the rest were taken for one series."
        )
        remarks = (*remarks, Remark(Reason.IDENTIFIERS_COMPLETED, detail))
    return Stack(frames, affine, remarks)


def span_mm(series: Series) -> float:
    """How far a series reaches along its first slice's normal, whatever else is wrong with it.

    Raises ``Refused(NO_GEOMETRY)``.
    """
    frames = frames_of(series.headers)
    rows_direction, columns_direction = _directions(frames)
    return float(np.ptp(_projections(frames, np.cross(columns_direction, rows_direction))))


def _require_common(frames: Sequence[Frame]) -> None:
    for keyword in _BELONG_TOGETHER:
        found = {text(frame.header, keyword) for frame in frames}
        if len(found) > 1:
            raise Refused(Reason.MIXED_ACQUISITIONS, f"Slices differ in {keyword}: {len(found)} values, expected one.")
    _require_same(frames, Reason.MIXED_MATRIX, "rows and columns", lambda frame: (frame.rows, frame.columns), 0.0)
    _require_same(frames, Reason.MIXED_MATRIX, "pixel spacing", lambda frame: frame.pixel_spacing, _DIRECTION_TOLERANCE)
    _require_same(
        frames, Reason.MIXED_ORIENTATION, "orientation", lambda frame: frame.orientation, _DIRECTION_TOLERANCE
    )


def _require_same(
    frames: Sequence[Frame], reason: Reason, what: str, value: Callable[[Frame], Sequence[float]], tolerance: float
) -> None:
    first = np.array(value(frames[0]))
    for frame in frames[1:]:
        found = np.array(value(frame))
        if np.abs(found - first).max() > tolerance:
            raise Refused(
                reason,
                f"The {what} of {frame.name} are {found.tolist()}, those of {frames[0].name} {first.tolist()}."
                if what != "orientation"
                else f"The orientation of {frame.name} is {found.tolist()}, that of {frames[0].name} {first.tolist()}.",
            )


def _directions(frames: Sequence[Frame]) -> tuple[Vector, Vector]:
    """Unit vectors of increasing row index and of increasing column index."""
    along_columns, along_rows = np.array(frames[0].orientation).reshape(2, 3)
    lengths = np.linalg.norm([along_columns, along_rows], axis=1)
    if (
        np.abs(lengths - 1.0).max() > _PERPENDICULAR_TOLERANCE
        or abs(along_columns @ along_rows) > _PERPENDICULAR_TOLERANCE
    ):
        raise Refused(
            Reason.NO_GEOMETRY, f"Image Orientation {frames[0].orientation} is not two perpendicular unit vectors."
        )
    along_columns = along_columns / lengths[0]
    along_rows = along_rows - (along_rows @ along_columns) * along_columns
    return along_rows / np.linalg.norm(along_rows), along_columns


def _projections(frames: Sequence[Frame], normal: Vector) -> Vector:
    return np.array([frame.position for frame in frames]) @ normal


def _sorted_along(frames: Sequence[Frame], normal: Vector) -> list[Frame]:
    along = _projections(frames, normal)
    names = [(text(frame.header, "SOPInstanceUID"), frame.number or 0) for frame in frames]
    return [frames[index] for index in sorted(range(len(frames)), key=lambda index: (along[index], names[index]))]


def _without_duplicates(frames: Sequence[Frame], normal: Vector) -> tuple[tuple[Frame, ...], tuple[Remark, ...]]:
    along = _projections(frames, normal)
    kept, dropped = [frames[0]], 0
    for index in range(1, len(frames)):
        if along[index] - along[index - 1] > _SAME_PLACE_MM:
            kept.append(frames[index])
            continue
        if _is_dynamic(frames):
            _refuse_dynamic(frames, along)
        if not _same_content(kept[-1], frames[index]):
            raise Refused(
                _reason_of_overlap(frames, normal, Reason.DUPLICATE_POSITION),
                f"{kept[-1].name} and {frames[index].name} lie at {along[index]:.2f} mm along the normal and differ.",
            )
        dropped += 1
    if not dropped:
        return tuple(kept), ()
    return tuple(kept), (Remark(Reason.DUPLICATES_DROPPED, f"{dropped} identical slices at positions taken already."),)


def _is_dynamic(frames: Sequence[Frame]) -> bool:
    gated = any(texts(frame.header, "SeriesType")[:1] in (("DYNAMIC",), ("GATED",)) for frame in frames)
    return gated or len({frame.temporal_position for frame in frames}) > 1


def _refuse_dynamic(frames: Sequence[Frame], along: Vector) -> None:
    positions = 1 + int(np.count_nonzero(np.diff(along) > _SAME_PLACE_MM))
    raise Refused(
        Reason.DYNAMIC_ACQUISITION,
        f"{len(frames)} slices at {positions} positions; Series Type is {texts(frames[0].header, 'SeriesType')}.",
    )


def _same_content(first: Frame, second: Frame) -> bool:
    if first.rescale != second.rescale:
        return False
    values, others = (PixelReader(frame.header).stored_values(frame) for frame in (first, second))
    return np.array_equal(values, others)


def _reason_of_overlap(frames: Sequence[Frame], normal: Vector, otherwise: Reason) -> Reason:
    """MIXED_ACQUISITIONS where slices of differing Acquisition Number lie between each other."""
    acquisitions = {text(frame.header, "AcquisitionNumber") for frame in frames}
    ranges = []
    for acquisition in acquisitions:
        along = _projections([f for f in frames if text(f.header, "AcquisitionNumber") == acquisition], normal)
        ranges.append((float(along.min()), float(along.max())))
    ranges.sort()
    overlapping = any(later[0] <= earlier[1] for earlier, later in pairwise(ranges))
    return Reason.MIXED_ACQUISITIONS if overlapping else otherwise


def _shear(frames: Sequence[Frame], normal: Vector) -> Vector:
    """How far slices move sideways per millimetre along the normal; zero where that is within tolerance.

    Raises ``Refused``: GANTRY_TILT if they move evenly, MIXED_ACQUISITIONS if they jump.
    """
    positions = np.array([frame.position for frame in frames])
    along = positions @ normal
    sideways = positions - np.outer(along, normal)
    along = along - along.mean()
    sideways = sideways - sideways.mean(axis=0)
    shear: Vector = along @ sideways / (along @ along)
    angle = float(np.degrees(np.arctan(np.linalg.norm(shear))))
    moved = float(np.linalg.norm(shear) * np.ptp(along))
    residual = np.linalg.norm(sideways - np.outer(along, shear), axis=1)
    worst = int(residual.argmax())
    if residual[worst] > max(_SIDEWAYS_TOLERANCE_MM, 0.25 * min(frames[0].pixel_spacing)):
        raise Refused(
            Reason.MIXED_ACQUISITIONS,
            f"{frames[worst].name} lies {residual[worst]:.2f} mm beside the line on which the others lie.",
        )
    if moved <= _SIDEWAYS_TOLERANCE_MM:
        return np.zeros(3)
    if angle > _TILT_TOLERANCE_DEGREES:
        declared = text(frames[0].header, "GantryDetectorTilt")
        raise Refused(
            Reason.GANTRY_TILT,
            f"The stacking direction is {angle:.2f}° off the slice normal, {moved:.1f} mm sideways over the stack; "
            f"Gantry/Detector Tilt (0018,1120) says {declared or 'nothing'}.",
        )
    return shear


def _even_spacing(frames: Sequence[Frame], normal: Vector) -> float:
    along = _projections(frames, normal)
    gaps = np.diff(along)
    usual = _usual(gaps)
    odd = np.flatnonzero(np.abs(gaps - usual) > max(_GAP_TOLERANCE_MM, _GAP_TOLERANCE * usual) + 1e-6)
    if odd.size:
        places = "; ".join(_describe(along[index], along[index + 1], usual) for index in odd[:3])
        more = f"; {odd.size - 3} more" if odd.size > 3 else ""
        raise Refused(
            _reason_of_overlap(frames, normal, Reason.SLICE_GAP),
            f"Slices are {usual:.3f} mm apart, but {places}{more}.",
        )
    spacing = float((along[-1] - along[0]) / (len(along) - 1))
    strays = np.abs(along - along[0] - spacing * np.arange(len(along)))
    if strays.max() > max(_SIDEWAYS_TOLERANCE_MM, _GRID_TOLERANCE * spacing):
        raise Refused(
            Reason.SLICE_GAP,
            f"{frames[int(strays.argmax())].name} lies {strays.max():.2f} mm off an even spacing of {spacing:.3f} mm.",
        )
    return spacing


def _usual(gaps: Vector) -> float:
    """The gap that occurs most, to the tolerance; the smallest of these."""
    steps = np.round(gaps / _GAP_TOLERANCE_MM)
    values, counts = np.unique(steps, return_counts=True)
    return float(np.median(gaps[np.abs(steps - values[counts.argmax()]) <= 1.0]))


def _describe(before: float, behind: float, usual: float) -> str:
    missing = round((behind - before) / usual) - 1
    count = f" ({missing} missing)" if missing > 0 else ""
    return f"{behind - before:.3f} mm between {before:.2f} and {behind:.2f} mm along the normal{count}"
