"""Body, lungs and airways in the patient frame, from Hounsfield units (or the body from SUV alone)."""

from dataclasses import dataclass

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.volume import FloatArray
from inference.anatomy.frame import SPACING_MM, VOXEL_ML, Mask, PatientFrame, ball, grown

_BODY_HU = -400.0
_AIR_HU = -500.0
_AIRWAY_HU = -850.0
_AIRWAY_GAP_PLANES = 8
_APEX_AREA_MM2 = 400.0
_DOME_MM = 15.0
_LUNG_LEAST_ML = 250.0
_LUNG_LEAST_HEIGHT_MM = 60.0


@dataclass(frozen=True, eq=False)
class Lungs:
    """Right and left lung (either may be empty), the large airways, and the height of the carina if it was found."""

    right: Mask
    left: Mask
    airway: Mask
    carina_mm: float | None

    @property
    def both(self) -> Mask:
        return self.right | self.left


def find_body(suv: FloatArray, hounsfield: FloatArray | None) -> Mask:
    """The patient without the table: HU over −400 that takes up tracer, filled slice by slice.

    Without a CT, everything over a quarter of the usual uptake.
    """
    smooth = ndimage.gaussian_filter(suv, 2.0)
    usual = float(np.median(smooth[smooth > 0.1])) if np.any(smooth > 0.1) else 0.1
    if hounsfield is None:
        warm = np.pad(smooth > max(0.05, 0.25 * usual), 2, mode="edge")
        return _fill(_large_parts(ndimage.binary_closing(warm, ball(10.0))[2:-2, 2:-2, 2:-2]))
    dense = hounsfield > _BODY_HU
    cores = cc3d.connected_components(ndimage.binary_erosion(dense, ball(5.0)), connectivity=6)
    sizes = np.bincount(cores.ravel())
    uptake = ndimage.mean(suv, cores, np.arange(len(sizes)))
    alive = (sizes * VOXEL_ML >= 100.0) & (np.asarray(uptake) >= 0.1 * usual)
    alive[0] = False
    if not alive.any():
        return _fill(_large_parts(dense))
    return _fill(ndimage.binary_dilation(alive[cores], ball(7.5)) & dense)


def find_lungs(hounsfield: FloatArray, body: Mask, midline_index: NDArray[np.float64], frame: PatientFrame) -> Lungs:
    """Lungs, split between right and left, and airways.

    Air inside the body is taken apart by erosion until no piece spans both sides; every air voxel then belongs to the
    side of the piece that is nearest. ``midline_index`` is the patient's midline in x for every plane.
    """
    air = (hounsfield < _AIR_HU) & body
    lung_air = _without_small_parts(air)
    nothing = np.zeros_like(air)
    if not lung_air.any():
        return Lungs(nothing, nothing, nothing, None)
    airway, carina_mm = _find_airway(hounsfield, air, lung_air, midline_index, frame)
    right, left = map(_kept_if_lung, _split(lung_air & ~grown(airway, 7.5), midline_index))
    filled = aerated_planes(right | left, midline_index)
    if len(filled):
        above = filled[-1] + 1 + round(_DOME_MM / SPACING_MM)
        right[above:] = left[above:] = False
    if carina_mm is not None and len(filled):
        below_apex_mm = frame.origin_mm[0] + SPACING_MM * filled[-1] - carina_mm
        carina_mm = carina_mm if 40.0 <= below_apex_mm <= 140.0 else None
    return Lungs(right, left, airway, carina_mm)


def aerated_planes(lungs: Mask, midline_index: NDArray[np.float64]) -> NDArray[np.intp]:
    """Planes from lung base to apex: those with air beside the midline, where the trachea can't be mistaken for lung.

    The longest run of them, as the sinuses of the head are air beside the midline too.
    """
    away = np.abs(np.arange(lungs.shape[2])[None, :] - midline_index[:, None]) * SPACING_MM
    beside = (lungs & (away > 20.0)[:, None, :]).sum(axis=(1, 2)) * SPACING_MM**2
    runs, _ = ndimage.label(beside >= _APEX_AREA_MM2)
    lengths = np.bincount(runs)
    lengths[0] = 0
    return np.flatnonzero(runs == lengths.argmax()) if lengths.any() else np.array([], dtype=np.intp)


def _fill(mask: Mask) -> Mask:
    return np.stack([ndimage.binary_fill_holes(plane) for plane in mask])


def _large_parts(mask: Mask) -> Mask:
    labels = cc3d.connected_components(mask, connectivity=6)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= 0.02 * max(1, sizes.max()))[labels] & mask)


def _without_small_parts(air: Mask) -> Mask:
    labels = cc3d.connected_components(air, connectivity=6)
    sizes = np.bincount(labels.ravel())
    boxes = ndimage.find_objects(labels)
    keep = np.zeros(len(sizes), dtype=np.bool_)
    for label, box in enumerate(boxes, start=1):
        height = (box[0].stop - box[0].start) * SPACING_MM
        keep[label] = sizes[label] * VOXEL_ML >= _LUNG_LEAST_ML and height >= _LUNG_LEAST_HEIGHT_MM
    return np.asarray(keep[labels])


def _kept_if_lung(side: Mask) -> Mask:
    labels = cc3d.connected_components(side, connectivity=6)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray((sizes * VOXEL_ML >= max(_LUNG_LEAST_ML / 2, 0.1 * sizes.max() * VOXEL_ML))[labels])


def _split(air: Mask, midline_index: NDArray[np.float64]) -> tuple[Mask, Mask]:
    columns = np.arange(air.shape[2])[None, None, :]
    is_left = np.broadcast_to(columns > midline_index[:, None, None], air.shape)
    core = air
    for _ in range(4):
        labels = cc3d.connected_components(core, connectivity=6)
        sizes = np.bincount(labels.ravel())
        share_left = np.bincount(labels.ravel(), weights=is_left.ravel()) / np.maximum(sizes, 1)
        sizes[0] = 0
        large = sizes * VOXEL_ML >= _LUNG_LEAST_ML / 4
        if not np.any(large & (share_left > 0.15) & (share_left < 0.85)):
            break
        core = ndimage.binary_erosion(core, ball(5.0))
    else:
        return air & ~is_left, air & is_left
    if not large.any():
        return air & ~is_left, air & is_left
    box = ndimage.find_objects(air.astype(np.uint8))[0]
    cores = labels[box]
    nearest = ndimage.distance_transform_edt(~large[cores], return_distances=False, return_indices=True)
    side_left = np.zeros_like(air)
    side_left[box] = (share_left > 0.5)[cores][tuple(nearest)]
    return air & ~side_left, air & side_left


def _find_airway(
    hounsfield: FloatArray, air: Mask, lung_air: Mask, midline_index: NDArray[np.float64], frame: PatientFrame
) -> tuple[Mask, float | None]:
    """The trachea: a small, dark, central piece of air, followed downwards plane by plane until it leaves its line."""
    dark = air & (hounsfield < _AIRWAY_HU)
    airway = np.zeros_like(air)
    planes = aerated_planes(lung_air, midline_index)
    if not len(planes):
        return airway, None
    course: list[tuple[float, float]] = []
    last = top = int(planes[-1])
    for plane in range(min(top + 10, len(air) - 1), int(planes[0]), -1):
        if course and last - plane > _AIRWAY_GAP_PLANES:
            break
        labels, count = ndimage.label(dark[plane])
        if not count:
            continue
        areas = np.bincount(labels.ravel())[1:] * SPACING_MM**2
        centres = np.asarray(ndimage.center_of_mass(labels > 0, labels, np.arange(1, count + 1)))
        usual = np.median(course[-6:], axis=0) if course else np.array([np.nan, midline_index[plane]])
        away_x = np.abs(centres[:, 1] - usual[1]) * SPACING_MM
        away_y = np.abs(centres[:, 0] - course[-1][0]) * SPACING_MM if course else np.zeros(count)
        fits = (areas >= 50.0) & (areas <= 600.0) & (away_x <= (10.0 if course else 25.0)) & (away_y <= 12.0)
        if not fits.any():
            continue
        best = int(np.argmin(np.where(fits, away_x + away_y, np.inf)))
        airway[plane] |= labels == best + 1
        course.append((float(centres[best, 0]), float(centres[best, 1])))
        last = plane
    if len(course) * SPACING_MM < 40.0:
        return np.zeros_like(air), None
    return airway, frame.origin_mm[0] + SPACING_MM * last
