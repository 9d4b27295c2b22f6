"""Bone in the patient frame, and the patient's midline along the spine."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.volume import FloatArray
from inference.anatomy.frame import SPACING_MM, Mask

_BONE_HU = 150.0
_MARROW_MOST_MM2 = 900.0
_SPINE_REACH_MM = 45.0
_SPINE_FROM_SKIN_MM = 65.0
_SPINE_LEAST_AREA_MM2 = 250.0

Curve = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spine:
    """For every plane: index of the patient's midline (x), of the spine's depth (y), and whether its bone was seen."""

    x: Curve
    y: Curve
    seen: NDArray[np.bool_]


def find_bone(hounsfield: FloatArray, body: Mask) -> Mask:
    """Bone inside the body with the marrow it encloses.

    The threshold is 150 HU, because a voxel of the PET grid averages cortex with its surroundings.
    """
    bone = (hounsfield > _BONE_HU) & body
    for plane in bone:
        holes, _ = ndimage.label(ndimage.binary_fill_holes(plane) & ~plane)
        areas = np.bincount(holes.ravel()) * SPACING_MM**2
        areas[0] = 0.0
        plane |= (areas > 0.0)[holes] & (areas <= _MARROW_MOST_MM2)[holes]
    return np.asarray(bone)


def find_spine(body: Mask, bone: Mask | None) -> Spine:
    """The spine, by moving a window from the middle of the back onto the bone around it, plane by plane.

    Planes without it take the middle of the trunk or of both legs, joined smoothly to what was seen.
    """
    middle, back = _middle_and_back(body)
    x, y = middle.copy(), back - _SPINE_FROM_SKIN_MM / SPACING_MM
    seen = np.zeros(len(body), dtype=np.bool_)
    if bone is not None:
        thick = ndimage.uniform_filter1d(bone.astype(np.float32), 5, axis=0)
        for plane in np.flatnonzero(body.any(axis=(1, 2)) & ~find_legs(body, bone, middle)):
            found = _window_centre(thick[plane], x[plane], y[plane])
            if found is not None and abs(found[0] - middle[plane]) * SPACING_MM <= _SPINE_REACH_MM:
                x[plane], y[plane], seen[plane] = *found, True
    seen &= _consistent(x, seen)
    return Spine(_smooth(x, seen, middle), _smooth(y, seen, y), seen)


def find_legs(body: Mask, bone: Mask | None, middle: Curve) -> NDArray[np.bool_]:
    """The planes of the legs: the lowest run of planes with two equal parts, or with bone on both sides only."""
    legs = np.zeros(len(body), dtype=np.bool_)
    for plane in np.flatnonzero(body.any(axis=(1, 2))):
        areas = np.sort(np.bincount(ndimage.label(body[plane])[0].ravel())[1:])
        legs[plane] = len(areas) > 1 and areas[-2] > 0.5 * areas[-1]
        if bone is not None and bone[plane].any():
            away = (np.nonzero(bone[plane])[1] - middle[plane]) * SPACING_MM
            sides = (away < -35.0).sum(), (away > 35.0).sum()
            central = (np.abs(away) <= 35.0).sum()
            legs[plane] = (min(sides) >= 8 and central <= 2 and max(sides) < 3 * min(sides)) or (
                legs[plane] and central <= 2 + sum(sides) // 4
            )
    closed = ndimage.binary_closing(legs, np.ones(7, dtype=np.bool_), border_value=0) | legs
    runs, count = ndimage.label(closed)
    filled = np.flatnonzero(body.any(axis=(1, 2)))
    if not count or not len(filled):
        return np.zeros_like(legs)
    lowest = runs == runs[closed][0]
    from_bottom = (np.flatnonzero(lowest)[0] - filled[0]) * SPACING_MM
    long_enough = lowest.sum() * SPACING_MM >= 30.0
    return lowest if from_bottom <= 150.0 and long_enough else np.zeros_like(legs)


def middle_of_body(body: Mask) -> Curve:
    """Index of the middle of the trunk, or between the legs, in every plane."""
    return _middle_and_back(body)[0]


def _middle_and_back(body: Mask) -> tuple[Curve, Curve]:
    """Middle of the trunk, or between the two legs, in every plane, and the skin of the back there."""
    middle = np.full(len(body), (body.shape[2] - 1) / 2.0)
    back = np.full(len(body), body.shape[1] - 1.0)
    for plane, mask in enumerate(body):
        labels, count = ndimage.label(mask)
        if not count:
            continue
        areas = np.bincount(labels.ravel())
        areas[0] = 0
        columns = np.flatnonzero((areas >= 0.6 * areas.max())[labels].any(axis=0))
        middle[plane] = (columns[0] + columns[-1]) / 2.0
        near = mask[:, max(0, round(middle[plane]) - 6) : round(middle[plane]) + 7]
        rows = np.flatnonzero(near.any(axis=1))
        if len(rows):
            back[plane] = rows[-1]
    filled = body.any(axis=(1, 2))
    if filled.any():
        planes = np.arange(len(body))
        middle = np.interp(planes, planes[filled], middle[filled])
        back = np.interp(planes, planes[filled], back[filled])
    return ndimage.median_filter(middle, 9, mode="nearest"), ndimage.median_filter(back, 9, mode="nearest")


def _window_centre(bone: NDArray[np.float32], x: float, y: float) -> tuple[float, float] | None:
    rows, columns = np.ogrid[: bone.shape[0], : bone.shape[1]]
    reach = _SPINE_REACH_MM / SPACING_MM
    for _ in range(6):
        weight = np.where((columns - x) ** 2 + (rows - y) ** 2 <= reach**2, bone, 0.0)
        total = float(weight.sum())
        if total * SPACING_MM**2 < _SPINE_LEAST_AREA_MM2:
            return None
        x, y = float((weight * columns).sum() / total), float((weight * rows).sum() / total)
    return x, y


def _consistent(x: Curve, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Planes whose centre lies near the median of their neighbours."""
    if not seen.any():
        return seen
    planes = np.arange(len(x))
    course = ndimage.median_filter(np.interp(planes, planes[seen], x[seen]), 21, mode="nearest")
    return np.asarray(np.abs(x - course) * SPACING_MM <= 15.0)


def _smooth(course: Curve, seen: NDArray[np.bool_], fallback: Curve) -> Curve:
    planes = np.arange(len(course))
    known = np.interp(planes, planes[seen], course[seen]) if seen.any() else fallback
    away = ndimage.distance_transform_edt(~seen) * SPACING_MM if seen.any() else np.zeros(len(course))
    trust = np.clip(1.0 - away / 150.0, 0.0, 1.0) if seen.any() else np.zeros(len(course))
    return np.asarray(ndimage.gaussian_filter1d(trust * known + (1.0 - trust) * fallback, 3.0, mode="nearest"))
