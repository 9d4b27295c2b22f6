"""Landmarks along the body (z in LPS), the inside of the skull, and what is trunk, arm and leg."""

from enum import IntEnum

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.volume import FloatArray
from inference.anatomy.frame import SPACING_MM, VOXEL_ML, Mask, PatientFrame, closed, largest
from inference.anatomy.lungs import Lungs, aerated_planes
from inference.anatomy.skeleton import Spine

_PLANE_MM2 = SPACING_MM**2
_MIDLINE_MM = 30.0


class Part(IntEnum):
    """What a voxel of the frame belongs to; head and neck count as trunk."""

    OUTSIDE = 0
    TRUNK = 1
    ARM = 2
    LEG = 3


def find_landmarks(
    body: Mask, bone: Mask | None, lungs: Lungs, spine: Spine, legs: NDArray[np.bool_], skull: Mask, frame: PatientFrame
) -> dict[str, float]:
    """Name (as in ``inference.anatomy.levels.ANCHORS``) → z of every landmark in the field of view."""
    heights = frame.heights_mm()
    last = len(heights) - 1
    if bone is None:
        return _without_ct(body, spine, heights)
    found: dict[str, float] = {}
    aerated = aerated_planes(lungs.both, spine.x)
    if len(aerated):
        if aerated[-1] < last - 1:
            found["lung apex"] = float(heights[aerated[-1]])
        if aerated[0] > 1:
            found["lung base"] = float(heights[aerated[0]])
    if lungs.carina_mm is not None:
        found["carina"] = lungs.carina_mm
    ringed = np.flatnonzero(skull.any(axis=(1, 2)))
    if len(ringed):
        if ringed[-1] < last - 1:
            found["vertex"] = float(heights[ringed[-1]]) + 10.0
        if ringed[0] > 1:
            found["skull base"] = float(heights[ringed[0]])
    lower = np.flatnonzero(legs)
    if len(lower):
        if lower[-1] < last - 1:
            found["pelvic floor"] = float(heights[lower[-1]])
        lowest = int(np.flatnonzero(body.any(axis=(1, 2)))[0])
        if lowest > 1:
            found["sole"] = float(heights[lowest])
        found |= _knee(bone, lower, heights)
    if len(aerated):
        bone = bone.copy()
        bone[max(0, int(aerated[0]) - round(60.0 / SPACING_MM)) :] = False
    return found | _iliac_crest(bone, spine, legs, heights)


def find_skull_inside(hounsfield: FloatArray, body: Mask, lungs: Lungs, spine: Spine) -> Mask:
    """What a closed ring of bone encloses in the head: brain, from the foramen magnum to the vertex."""
    inside = np.zeros_like(body)
    aerated = aerated_planes(lungs.both, spine.x)
    for plane in range(int(aerated[-1]) + 12 if len(aerated) else 0, len(body)):
        shell = ndimage.binary_closing(np.pad((hounsfield[plane] > 120.0) & body[plane], 3), iterations=2)
        ring = shell[3:-3, 3:-3]
        labels, count = ndimage.label(ndimage.binary_fill_holes(ring) & ~ring)
        if not count:
            continue
        areas = np.bincount(labels.ravel())
        areas[0] = 0
        enclosed = labels == int(areas.argmax())
        around = ndimage.label(body[plane])[0]
        head = np.count_nonzero(around == around[tuple(np.argwhere(enclosed)[0])])
        if 40.0 <= areas.max() * _PLANE_MM2 / 100.0 <= 260.0 and areas.max() >= 0.4 * head:
            inside[plane] = enclosed
    inside &= (hounsfield > -30.0) & (hounsfield < 120.0)
    brain = largest(inside)
    return brain if brain.sum() * VOXEL_ML >= 100.0 else np.zeros_like(body)


def find_parts(body: Mask, spine: Spine, legs: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """``Part`` of every voxel: pieces beside the one at the midline are arms, but legs below the pelvic floor."""
    parts = np.where(body, np.uint8(Part.TRUNK), np.uint8(Part.OUTSIDE))
    columns = np.arange(body.shape[2])
    for plane in np.flatnonzero(body.any(axis=(1, 2))):
        cores, count = ndimage.label(ndimage.binary_erosion(body[plane], iterations=2))
        if count < 2:
            parts[plane][body[plane]] = Part.LEG if legs[plane] else Part.TRUNK
            continue
        areas = np.bincount(cores.ravel())[1:]
        centres = np.array([columns[(cores == label).any(axis=0)].mean() for label in range(1, count + 1)])
        away = np.abs(centres - spine.x[plane]) * SPACING_MM
        if legs[plane]:
            kinds = np.where((areas >= 0.35 * areas.max()) | (away <= 130.0), Part.LEG, Part.ARM)
        else:
            main = int(np.argmin(away - areas * _PLANE_MM2 / 200.0))
            kinds = np.where((np.arange(count) == main) | (away <= 70.0), Part.TRUNK, Part.ARM)
        nearest = ndimage.distance_transform_edt(cores == 0, return_distances=False, return_indices=True)
        kind_of = np.concatenate([[Part.OUTSIDE], kinds]).astype(np.uint8)
        parts[plane] = np.where(body[plane], kind_of[cores][tuple(nearest)], Part.OUTSIDE)
    return parts


def _without_ct(body: Mask, spine: Spine, heights: NDArray[np.float64]) -> dict[str, float]:
    """The ends of the body at its midline, where raised arms are not taken for the head, if they are in view."""
    away = np.abs(np.arange(body.shape[2])[None, :] - spine.x[:, None]) * SPACING_MM
    planes = np.flatnonzero((body & (away <= _MIDLINE_MM)[:, None, :]).any(axis=(1, 2)))
    found = {}
    if len(planes) and planes[-1] < len(heights) - 2:
        found["vertex"] = float(heights[planes[-1]])
    lowest = np.flatnonzero(body.any(axis=(1, 2)))
    if len(lowest) and lowest[0] > 1:
        found["sole"] = float(heights[lowest[0]])
    return found


def _knee(bone: Mask, planes: NDArray[np.intp], heights: NDArray[np.float64]) -> dict[str, float]:
    """The thickest bone along the legs, if it is well inside them and much thicker than the shafts."""
    area = ndimage.gaussian_filter1d(bone.sum(axis=(1, 2)).astype(np.float64), 3.0, mode="nearest")[planes]
    margin = round(150.0 / SPACING_MM)
    if len(area) <= 2 * margin + 2:
        return {}
    middle = area[margin:-margin]
    best = margin + int(middle.argmax())
    shaft = float(np.median(area))
    peak = margin < best < len(area) - margin - 1
    return {"knee": float(heights[planes[best]])} if peak and area[best] > 1.6 * shaft else {}


def _iliac_crest(bone: Mask, spine: Spine, legs: NDArray[np.bool_], heights: NDArray[np.float64]) -> dict[str, float]:
    """The top of the hip bones: large bones beside the lower spine."""
    away = (np.arange(bone.shape[2])[None, :] - spine.x[:, None]) * SPACING_MM
    beside = bone & (np.abs(away) > 40.0)[:, None, :] & (np.abs(away) < 170.0)[:, None, :] & ~legs[:, None, None]
    labels = cc3d.connected_components(closed(beside, 5.0), connectivity=26)
    tops: dict[bool, int] = {}
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        piece = labels[box] == label
        middle = (box[2].start + box[2].stop - 1) / 2.0
        top = box[0].stop - 1
        columns = np.flatnonzero(piece.any(axis=(0, 1))) + box[2].start
        nearest = np.abs(columns - spine.x[(box[0].start + top) // 2]).min() * SPACING_MM
        tall = piece.shape[0] * SPACING_MM >= 60.0
        flared = np.abs(columns - spine.x[top]).max() * SPACING_MM >= 90.0
        if (
            flared
            and piece.sum() * VOXEL_ML >= 60.0
            and tall
            and spine.seen[top]
            and nearest <= 75.0
            and top < len(heights) - 2
        ):
            side = bool(middle > spine.x[top])
            tops[side] = max(top, tops.get(side, 0))
    return {"iliac crest": float(np.mean([heights[top] for top in tops.values()]))} if tops else {}


def distance_from_skin_mm(body: Mask) -> FloatArray:
    """Depth of every voxel under the skin, in its own plane, mm."""
    return np.stack([ndimage.distance_transform_edt(plane) for plane in body]).astype(np.float32) * np.float32(
        SPACING_MM
    )
