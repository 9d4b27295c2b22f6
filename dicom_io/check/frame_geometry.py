"""Where the frames of a segmentation lie in the patient (PS3.3 C.7.6.16.2).

What the images are allowed, frames that lie upon them are allowed too: tolerances are a little wider than those with
which ``reading.geometry`` accepts a series.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dicom_io.check.fault import Fault, Rule
from dicom_io.check.frames import Frame, frames
from dicom_io.check.opened import Node

_LENGTH_TOLERANCE = 0.015
_ANGLE_TOLERANCE = 0.015  # cosine of what should be a right angle
_PARALLEL_TOLERANCE = 2e-3
_STEP_TOLERANCE = 0.12  # of the spacing
_STEP_DRIFT = 0.002  # of the spacing for each slice between, since spacings are rounded
_ASIDE_TOLERANCE_MM = 0.25
_ASIDE_TOLERANCE = 0.3  # of a pixel
_TILT_TOLERANCE = 0.002  # mm for each mm along the normal: 0.1°

_NEEDED = {
    "PixelMeasuresSequence": ("PixelSpacing", "SliceThickness"),
    "PlaneOrientationSequence": ("ImageOrientationPatient",),
    "PlanePositionSequence": ("ImagePositionPatient",),
}


class _Plane(NamedTuple):
    frame: Frame
    position: NDArray[np.float64]
    normal: NDArray[np.float64]


def faults(root: Node) -> Iterator[Fault]:
    """Faults of the places of frames in the patient; frames of slides have none."""
    found = frames(root)
    planes = []
    judged: set[str] = set()
    for frame in found:
        wrong = list(_place(frame, judged))
        yield from wrong
        position = frame.group("PlanePositionSequence").numbers("ImagePositionPatient")
        cosines = frame.group("PlaneOrientationSequence").numbers("ImageOrientationPatient")
        if not wrong and len(position) == 3 and len(cosines) == 6:
            planes.append(_Plane(frame, np.array(position), np.cross(cosines[:3], cosines[3:])))
    if planes and len(planes) == len(found):
        yield from _stack(planes)


def _place(frame: Frame, judged: set[str]) -> Iterator[Fault]:
    """Faults of one frame's place; what frames share is judged once."""
    for keyword, needed in _NEEDED.items():
        group = frame.group(keyword)
        if not frame.has(keyword) or group.where in judged:
            continue
        judged.add(group.where)
        for attribute in needed:
            if attribute not in group:
                yield group.fault(attribute, "Missing: where does the frame lie?", Rule.FRAME_GEOMETRY)
        yield from _numbers(group)


def _numbers(group: Node) -> Iterator[Fault]:
    if "ImagePositionPatient" in group and len(group.numbers("ImagePositionPatient")) != 3:
        yield group.fault("ImagePositionPatient", "Not three numbers.", Rule.FRAME_GEOMETRY)
    if "ImageOrientationPatient" in group and not _are_axes(group.numbers("ImageOrientationPatient")):
        yield group.fault("ImageOrientationPatient", "Not two unit vectors at right angles.", Rule.FRAME_GEOMETRY)
    for keyword, count in (("PixelSpacing", 2), ("SliceThickness", 1), ("SpacingBetweenSlices", 1)):
        values = group.numbers(keyword)
        if keyword in group and (len(values) != count or min(values) <= 0):
            yield group.fault(keyword, f"Not {count} number(s) above zero.", Rule.FRAME_GEOMETRY)


def _are_axes(cosines: tuple[float, ...]) -> bool:
    if len(cosines) != 6:
        return False
    rows, columns = np.reshape(cosines, (2, 3))
    lengths = np.linalg.norm(rows), np.linalg.norm(columns)
    return bool(np.allclose(lengths, 1.0, atol=_LENGTH_TOLERANCE) and abs(rows @ columns) <= _ANGLE_TOLERANCE)


def _stack(planes: list[_Plane]) -> Iterator[Fault]:
    first = planes[0]
    measures = first.frame.group("PixelMeasuresSequence")
    spacing = measures.number("SpacingBetweenSlices") or measures.number("SliceThickness") or 1.0
    pixel = min(measures.numbers("PixelSpacing"), default=0.0)
    seen: dict[tuple[int | None, int], str] = {}
    for plane in planes:
        position = plane.frame.group("PlanePositionSequence")
        if not np.allclose(plane.normal, first.normal, atol=_PARALLEL_TOLERANCE):
            orientation = plane.frame.group("PlaneOrientationSequence")
            yield orientation.fault("ImageOrientationPatient", "Not parallel to the first frame.", Rule.FRAME_STACK)
            continue
        offset = plane.position - first.position
        along = float(offset @ first.normal)
        aside = float(np.linalg.norm(offset - along * first.normal))
        if aside > max(_ASIDE_TOLERANCE_MM, _ASIDE_TOLERANCE * pixel) + _TILT_TOLERANCE * abs(along):
            what = f"{aside:.3g} mm aside of the line through the first frame along the slice normal."
            yield position.fault("ImagePositionPatient", what, Rule.FRAME_STACK)
        steps = along / spacing
        known = "SpacingBetweenSlices" in measures
        if known and abs(steps - round(steps)) > _STEP_TOLERANCE + _STEP_DRIFT * abs(steps):
            what = f"{steps:.3f} times Spacing Between Slices from the first frame; expected a whole number."
            yield position.fault("ImagePositionPatient", what, Rule.FRAME_STACK)
        segment = plane.frame.group("SegmentIdentificationSequence").integer("ReferencedSegmentNumber")
        place = round(along / spacing * 20) if not known else 20 * round(steps)
        other = seen.setdefault((segment, place), plane.frame.own.where)
        if other != plane.frame.own.where:
            what = f"At the place of {other.rstrip('.')}, of the same segment."
            yield position.fault("ImagePositionPatient", what, Rule.FRAME_STACK)
