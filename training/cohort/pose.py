"""Pose: the atlas with its arms laid overhead or beside the trunk, as patients lie in a scanner."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.volume import FloatArray
from training.cohort.atlas import Atlas
from training.cohort.habitus import Habitus
from training.cohort.organs import NUMBERS

_PADDING = ((0, 110), (20, 20), (0, 0))
"""Voxels around the atlas: hands reach above the head."""
_OVERLAP_MM = 9.0


@dataclass(frozen=True, eq=False)
class Posed:
    """Maps as in ``Atlas``, with room for the arms; ``limb`` is where an arm's fat and skin count, not the trunk's."""

    organs: NDArray[np.uint8]
    leaves: NDArray[np.uint16]
    depth_mm: NDArray[np.uint8]
    limb: NDArray[np.bool_]
    origin: tuple[float, float, float]
    """z, y, x of the first voxel, mm."""
    step_mm: float

    def indices(self, z: FloatArray, y: FloatArray, x: FloatArray) -> NDArray[np.int32]:
        """Flat indices of the nearest voxels; points outside give a voxel on the border, which is air."""
        flat = np.zeros(z.shape, dtype=np.int32)
        for points, start, size in zip((z, y, x), self.origin, self.organs.shape, strict=True):
            nearest = points - np.float32(start - self.step_mm / 2.0)
            nearest *= np.float32(1.0 / self.step_mm)
            np.clip(nearest, 0.0, size - 1.0, out=nearest)
            flat *= np.int32(size)
            flat += nearest.astype(np.int32)
        return flat


def pose(atlas: Atlas, habitus: Habitus) -> Posed:
    """Turn the arms at shoulder and elbow."""
    without = ~atlas.arms
    organs = np.pad(atlas.organs * without, _PADDING)
    leaves = np.pad(atlas.leaves * without, _PADDING)
    depth = np.pad(atlas.depth_mm, _PADDING, constant_values=255)
    limb = np.zeros(organs.shape, dtype=bool)
    step = float(abs(atlas.affine[0, 2]))
    origin = tuple(float(atlas.affine[axis, 3]) - step * _PADDING[2 - axis][0] for axis in (2, 1, 0))
    posed = Posed(organs, leaves, depth, limb, (origin[0], origin[1], origin[2]), step)
    for number in (0, 1):
        _lay_arm(posed, atlas, number, habitus)
    return posed


def _lay_arm(posed: Posed, atlas: Atlas, number: int, habitus: Habitus) -> None:
    shoulder, elbow = (np.asarray(joint) for joint in atlas.joints[number])
    sign = -1.0 if number == 0 else 1.0
    hang = np.degrees(np.arctan2(sign * (elbow[0] - shoulder[0]), shoulder[2] - elbow[2]))
    at_shoulder = _about_depth(sign * -(habitus.arm_degrees[number] - hang))
    bend = habitus.elbow_degrees[number]
    at_elbow = _about_depth(sign * -bend) if habitus.arms_up else _about_width(-bend) @ _about_depth(sign * 0.7 * bend)
    along = (elbow - shoulder) / np.linalg.norm(elbow - shoulder)
    upper = (at_shoulder, shoulder, shoulder)
    # the forearm turns about the elbow, then goes with the upper arm
    lower = (at_shoulder @ at_elbow, elbow, at_shoulder @ (elbow - shoulder) + shoulder)
    for (turn, pivot, place), distal in ((upper, False), (lower, True)):
        _lay_part(posed, atlas, sign, turn, pivot, place, (elbow, along, distal))


def _lay_part(
    posed: Posed,
    atlas: Atlas,
    sign: float,
    turn: NDArray[np.float64],
    pivot: NDArray[np.float64],
    place: NDArray[np.float64],
    cut: tuple[NDArray[np.float64], NDArray[np.float64], bool],
) -> None:
    """Copy one part of an arm: a point p of the atlas goes to turn · (p - pivot) + place."""
    elbow, along, distal = cut
    reach_mm = 330.0 if not distal else 480.0
    middle = place + turn @ (along * reach_mm / 2.0)
    low, high = middle - reach_mm / 2.0 - 75.0, middle + reach_mm / 2.0 + 75.0
    parts = []
    for axis, (start, size) in enumerate(zip(posed.origin, posed.organs.shape, strict=True)):
        first = int(np.clip((low[2 - axis] - start) / posed.step_mm, 0, size))
        parts.append(slice(first, int(np.clip((high[2 - axis] - start) / posed.step_mm, first, size))))
    box = (parts[0], parts[1], parts[2])
    axes = [posed.origin[axis] + posed.step_mm * np.arange(box[axis].start, box[axis].stop) for axis in range(3)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    back = turn.T
    points = [
        back[row, 0] * (x - place[0]) + back[row, 1] * (y - place[1]) + back[row, 2] * (z - place[2]) + pivot[row]
        for row in range(3)
    ]
    beyond = sum((points[axis] - elbow[axis]) * along[axis] for axis in range(3))
    indices = [np.rint((points[2 - axis] - atlas.affine[2 - axis, 3]) / posed.step_mm).astype(int) for axis in range(3)]
    known = np.logical_and.reduce([(i >= 0) & (i < n) for i, n in zip(indices, atlas.organs.shape, strict=True)])
    known &= (beyond > -_OVERLAP_MM) if distal else (beyond < _OVERLAP_MM)
    known &= sign * points[0] > 0.0
    source = tuple(np.where(known, index, 0) for index in indices)
    depth = np.where(known, atlas.arm_depth_mm[source], 255)
    solid = known & atlas.arms[source] & (atlas.organs[source] > 0) & (posed.organs[box] == 0)
    posed.organs[box][solid] = atlas.organs[source][solid]
    posed.leaves[box][solid] = atlas.leaves[source][solid]
    nearer = depth < posed.depth_mm[box]
    posed.depth_mm[box][nearer] = depth[nearer]
    posed.limb[box] |= nearer
    joint = (sum((p - e) ** 2 for p, e in zip(points, elbow, strict=True)) < 42.0**2) & (posed.organs[box] == 0)
    posed.organs[box][joint] = NUMBERS["muscle"]


def _about_depth(degrees: float) -> NDArray[np.float64]:
    """A turn about the y axis that carries an arm hanging at the left (+x) outwards and up for negative angles."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[cosine, 0.0, sine], [0.0, 1.0, 0.0], [-sine, 0.0, cosine]])


def _about_width(degrees: float) -> NDArray[np.float64]:
    """A turn about the x axis that carries a hanging forearm to the front for negative angles."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
