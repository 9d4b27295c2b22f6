"""Where a region of uptake lies, in numbers: level, side, depth, tissue, neighbours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.volume import Matrix, Volume
from inference.anatomy.describe import Anatomy
from inference.anatomy.frame import SPACING_MM, Indices, Mask, ball
from inference.anatomy.landmarks import Part

_FAT_HU = -30.0
_GAS_HU = -400.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A region's place in the patient. Shares are of its voxels on the patient frame and lie in [0, 1].

    ``level_mm`` is its level below the top of C1 on the standard scale of the viscera, ``vertebral_mm`` on that of the
    spine, ``left_mm`` its distance from the patient's midline (left positive), ``forward_mm`` its distance before the
    centre of the spine. ``bone`` to ``soft`` add up to 1 and are 0 without a CT; ``lung_around`` and ``gas_around``
    are the shares of aerated lung and of other gas within 10 mm outside the region. ``extent_mm`` is its size along
    head–foot, front–back and right–left.
    """

    centre_mm: tuple[float, float, float]
    level_mm: float
    level_uncertainty_mm: float
    vertebral_mm: float
    left_mm: float
    forward_mm: float
    depth_mm: float
    part: Part
    has_ct: bool
    bone: float
    lung: float
    gas: float
    fat: float
    soft: float
    lung_around: float
    gas_around: float
    brain: float
    heart: float
    liver: float
    extent_mm: tuple[float, float, float]


def look_around(voxels: NDArray[np.intp], suv: Volume, anatomy: Anatomy) -> Surroundings:
    """Surroundings of the voxels (N, 3) of one region, weighted by nothing but their number.

    The centre is the centroid, or the region's voxel nearest to it where the centroid lies outside the region.
    """
    points = suv.points_mm(voxels)
    centre = _centre(points, float(suv.spacing_mm.max()))
    frame = anatomy.frame
    cells = np.unique(frame.indices(points), axis=0)
    plane, row, column = (int(i) for i in frame.indices(centre[None])[0])
    at = tuple(cells.T)
    bone, lung = anatomy.bone[at], anatomy.lungs.both[at]
    lung_around = gas_around = gas = fat = soft = 0.0
    if anatomy.hounsfield is not None:
        hounsfield = anatomy.hounsfield[at]
        neither = ~bone & ~lung
        gas = float((neither & (hounsfield < _GAS_HU)).mean())
        fat = float((neither & (hounsfield >= _GAS_HU) & (hounsfield < _FAT_HU)).mean())
        soft = float((neither & (hounsfield >= _FAT_HU)).mean())
        box, shell = _shell(cells, anatomy.patient)
        aerated = anatomy.lungs.both[box]
        lung_around = float(aerated[shell].mean()) if shell.any() else 0.0
        gas_around = float(((anatomy.hounsfield[box] < _GAS_HU) & ~aerated)[shell].mean()) if shell.any() else 0.0
    extent = np.ptp(points, axis=0)[::-1] + float(suv.spacing_mm.mean())
    part = Part(int(anatomy.parts[plane, row, column]))
    return Surroundings(
        centre_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        level_mm=anatomy.levels.level(float(centre[2])),
        level_uncertainty_mm=anatomy.levels.uncertainty_mm(float(centre[2])),
        vertebral_mm=anatomy.vertebral_levels.level(float(centre[2])),
        left_mm=float(centre[0] - frame.x_mm(anatomy.spine.x[plane])),
        forward_mm=float(frame.y_mm(anatomy.spine.y[plane]) - centre[1]),
        depth_mm=float(anatomy.depth_mm[plane, row, column]),
        part=Part.TRUNK if part is Part.OUTSIDE else part,
        has_ct=anatomy.hounsfield is not None,
        bone=float(bone.mean()),
        lung=float(lung.mean()),
        gas=gas,
        fat=fat,
        soft=soft,
        lung_around=lung_around,
        gas_around=gas_around,
        brain=float(anatomy.brain[at].mean()),
        heart=float(anatomy.heart[at].mean()),
        liver=float(anatomy.liver[at].mean()),
        extent_mm=(float(extent[0]), float(extent[1]), float(extent[2])),
    )


def _centre(points: Matrix, spacing_mm: float) -> Matrix:
    centroid = points.mean(axis=0)
    away = np.linalg.norm(points - centroid, axis=1)
    if away.min() <= spacing_mm:
        return np.asarray(centroid)
    nearest = points[away <= away.min() + 1e-3]
    return np.asarray(nearest[np.lexsort(np.round(nearest, 3).T)[0]])


def _shell(cells: Indices, patient: Mask) -> tuple[tuple[slice, ...], Mask]:
    """The box around a region and, in it, the patient's voxels within 10 mm outside the region."""
    reach = round(10.0 / SPACING_MM)
    low = np.maximum(cells.min(axis=0) - reach, 0)
    high = np.minimum(cells.max(axis=0) + reach + 1, patient.shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    region = np.zeros(high - low, dtype=np.bool_)
    region[tuple((cells - low).T)] = True
    return box, np.asarray(ndimage.binary_dilation(region, ball(10.0)) & ~region & patient[box])
