"""Liver, heart and blood pool in the patient frame, from uptake, Hounsfield units and where they must lie."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.volume import FloatArray, Volume
from inference.anatomy.frame import SPACING_MM, VOXEL_ML, Mask, PatientFrame, closed, grown, largest, shrunk
from inference.anatomy.levels import Levels, level_of
from inference.anatomy.lungs import Lungs
from inference.anatomy.skeleton import Spine

_SOFT_HU = (0.0, 250.0)
_LIVER_LEAST_ML = 200.0
_HEART_BELOW_CARINA_MM = (30.0, 150.0)


def find_liver(
    uptake: FloatArray,
    hounsfield: FloatArray | None,
    body: Mask,
    spine: Spine,
    levels: Levels,
    lungs: Lungs,
    frame: PatientFrame,
) -> Mask:
    """The largest piece of right upper abdominal soft tissue of even uptake; empty if none is large enough."""
    nothing = np.zeros_like(body)
    if not levels.known:
        return nothing
    level = np.array([levels.level(z) for z in frame.heights_mm()])
    planes = (level >= level_of("T7")) & (level <= level_of("L4"))
    left_mm = (np.arange(body.shape[2])[None, :] - spine.x[:, None]) * SPACING_MM
    smooth = ndimage.gaussian_filter(uptake, 1.6)
    tissue = body if hounsfield is None else body & (hounsfield > -20.0) & (hounsfield < _SOFT_HU[1]) & ~lungs.both
    box = tissue & planes[:, None, None] & ((left_mm < 20.0) & (left_mm > -180.0))[:, None, :]
    if not box.any():
        return nothing
    warm = box & (smooth > 1.3 * float(np.median(smooth[tissue])))
    core = largest(shrunk(warm, 10.0))
    if not core.any():
        return nothing
    usual = float(np.median(smooth[core]))
    even = warm & (smooth > 0.65 * usual) & (smooth < 1.4 * usual)
    core = largest(shrunk(even, 15.0))
    liver = grown(core, 17.5) & even
    if liver.sum() * VOXEL_ML < _LIVER_LEAST_ML:
        return nothing
    filled = closed(liver, 20.0) & tissue
    for plane in filled:
        plane[:] = ndimage.binary_fill_holes(plane)
    return _reaching(filled, left_mm < -40.0)


def find_heart(hounsfield: FloatArray, lungs: Lungs, spine: Spine, frame: PatientFrame) -> Mask:
    """Heart and pericardium: soft tissue between the lungs, in front of the spine, below the hila.

    Where the carina was not found it is taken to lie a third of the lungs' height below their apex.
    """
    heart = np.zeros_like(lungs.right)
    planes = np.flatnonzero(lungs.right.any(axis=(1, 2)) & lungs.left.any(axis=(1, 2)))
    if not len(planes):
        return heart
    carina = lungs.carina_mm
    if carina is None:
        carina = float(np.interp(0.67, [0.0, 1.0], frame.heights_mm()[[planes[0], planes[-1]]]))
    soft = (hounsfield > -50.0) & (hounsfield < 500.0)
    for plane in planes:
        below = carina - frame.heights_mm()[plane]
        if not _HEART_BELOW_CARINA_MM[0] <= below <= _HEART_BELOW_CARINA_MM[1]:
            continue
        rows = slice(0, max(0, round(spine.y[plane] - 30.0 / SPACING_MM)))
        heart[plane, rows] = _between(lungs.right[plane, rows], lungs.left[plane, rows]) & soft[plane, rows]
    return largest(grown(shrunk(heart, 7.5), 7.5) & heart)


def find_blood_pool(
    hounsfield: FloatArray, lungs: Lungs, spine: Spine, levels: Levels, frame: PatientFrame
) -> Mask | None:
    """Voxels deepest inside the descending thoracic aorta: the round soft tissue left of and before T6 to T9."""
    if not levels.known or not lungs.left.any():
        return None
    soft = (hounsfield > 0.0) & (hounsfield < 600.0)
    soft &= ndimage.uniform_filter(hounsfield, 3) < 150.0
    best: list[tuple[int, int, int]] = []
    for plane, height in enumerate(frame.heights_mm()):
        if not level_of("T6") <= levels.level(height) <= level_of("T9"):
            continue
        inside = ndimage.distance_transform_edt(soft[plane]) * SPACING_MM
        columns = np.arange(soft.shape[2])[None, :] - spine.x[plane]
        rows = np.arange(soft.shape[1])[:, None] - spine.y[plane]
        window = (columns >= 1) & (columns * SPACING_MM <= 45.0) & (rows * SPACING_MM >= -60.0) & (rows <= -1)
        near_lung = ndimage.distance_transform_edt(~lungs.left[plane]) * SPACING_MM <= 25.0
        inside = np.where(window & near_lung, inside, 0.0)
        if 8.0 <= inside.max() <= 25.0:
            row, column = np.unravel_index(int(inside.argmax()), inside.shape)
            best.append((plane, int(row), int(column)))
    if len(best) < 4:
        return None
    pool = np.zeros_like(soft)
    pool[tuple(np.array(best).T)] = True
    return pool


def sphere_values(volume: Volume, frame: PatientFrame, mask: Mask, radius_mm: float) -> NDArray[np.float32]:
    """Values of a volume's own voxels around the deepest point of a mask, or around every point of a thin one."""
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    depth = ndimage.distance_transform_edt(np.pad(mask[box], 1))[1:-1, 1:-1, 1:-1]
    deepest = float(depth.max())
    points = np.argwhere(depth == deepest) + [side.start for side in box]
    if deepest > 1.0:
        points = points[[int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmin())]]
    centres = volume.indices(points @ frame.affine[:3, :3].T + frame.affine[:3, 3])
    reach = np.ceil(radius_mm / volume.spacing_mm).astype(int)
    chosen = np.zeros(volume.shape, dtype=np.bool_)
    for centre in centres:
        low = np.clip(np.floor(centre).astype(int) - reach, 0, np.array(volume.shape) - 1)
        high = np.clip(np.ceil(centre).astype(int) + reach + 1, 1, volume.shape)
        grid = np.moveaxis(np.indices(high - low), 0, -1) + low
        away = np.linalg.norm((grid - centre) @ volume.affine[:3, :3].T, axis=-1)
        around = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        chosen[around] |= away <= radius_mm
    return np.asarray(volume.values[chosen])


def _reaching(mask: Mask, columns: Mask) -> Mask:
    """In every plane the pieces of a mask that reach into given columns (planes, columns)."""
    kept = np.zeros_like(mask)
    for plane in np.flatnonzero(mask.any(axis=(1, 2))):
        labels, _ = ndimage.label(mask[plane])
        kept[plane] = np.isin(labels, np.unique(labels[:, columns[plane]])) & mask[plane]
    return kept


def _between(right: Mask, left: Mask) -> Mask:
    """Columns between the inner edges of both lungs in a plane; rows without a lung take the edge of the nearest."""
    between = np.zeros_like(right)
    right_rows, left_rows = np.flatnonzero(right.any(axis=1)), np.flatnonzero(left.any(axis=1))
    if not len(right_rows) or not len(left_rows):
        return between
    rows = np.arange(min(right_rows[0], left_rows[0]), max(right_rows[-1], left_rows[-1]) + 1)
    width = right.shape[1]
    right_edge = np.interp(rows, right_rows, width - 1 - right[right_rows, ::-1].argmax(axis=1))
    left_edge = np.interp(rows, left_rows, left[left_rows].argmax(axis=1))
    columns = np.arange(width)[None, :]
    between[rows] = (columns > right_edge[:, None]) & (columns < left_edge[:, None])
    return between
