"""Placing: which leaves a scan shows, where in them lesions grow, and which voxels a lesion takes."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from config.finding import LabelMap
from config.tracers import Tracer
from config.vocabulary import vocabulary
from config.volume import FloatArray
from inference.patient.patient import Grid
from training.cohort.field import axes_of
from training.cohort.lesion import Lesion, draw_lesion
from training.cohort.organs import NUMBERS
from training.cohort.tissue import TissueMap

Box = tuple[slice, slice, slice]

_LEAST_VOLUME_MM3 = 250.0
_CONTENT = [NUMBERS[name] for name in ("air", "airway", "urine", "bladder urine", "faeces", "stomach content", "bile")]
_THIN = ("hollow viscus", "pleura", "peritoneum", "vessel")


def draw_lesions(
    random: np.random.Generator,
    tissue: TissueMap,
    seen: NDArray[np.bool_],
    lookups: tuple[FloatArray, FloatArray],
    tracer: Tracer,
    count: int,
) -> tuple[list[Lesion], LabelMap]:
    """Lesions in leaves that the scan shows, evenly over leaves, with neighbours now and then; and their voxels.

    Parameters
    ----------
    tissue
        On the PET's grid.
    seen
        Same shape: where lesions may be centred.
    lookups
        HU and SUVbw of each organ in this patient.
    """
    voxels = _by_leaf(np.where(seen, tissue.leaves, 0))
    voxel_mm3 = float(np.prod(tissue.spacing_mm))
    shown = [number for number, found in voxels.items() if len(found) * voxel_mm3 >= _LEAST_VOLUME_MM3]
    labels: LabelMap = np.zeros(tissue.grid.shape, dtype=np.uint16)
    lesions: list[Lesion] = []
    leaves = vocabulary().leaves
    for _ in range(3 * count):
        if len(lesions) == count or not shown:
            break
        number = int(random.choice(shown))
        if lesions and random.random() < 0.2:
            near = [n for n in shown if leaves[n - 1].coarse == lesions[-1].leaf.coarse]
            number = int(random.choice(near)) if near else number
        lesion = _in_leaf(random, tissue, voxels[number], number, lookups, tracer)
        box = box_of(tissue.grid, lesion)
        taken = lesion_in_box(tissue, lesion, box) >= 0.5
        if not taken.any():
            taken = _nearest_voxel(tissue, lesion, box)
        around = binary_dilation(taken)
        if not taken.any() or labels[box][around].any() or not seen[box][taken].any():
            continue
        lesions.append(lesion)
        labels[box][taken] = len(lesions)
    return lesions, labels


def box_of(grid: Grid, lesion: Lesion) -> Box:
    """The part of a grid that may hold a lesion."""
    parts = []
    for axis, (points, centre) in enumerate(zip(axes_of(grid), lesion.centre_mm[::-1], strict=True)):
        reach = lesion.reach_mm + abs(grid.affine[2 - axis, axis])
        inside = np.flatnonzero(abs(points - centre) <= reach)
        parts.append(slice(int(inside[0]), int(inside[-1]) + 1) if len(inside) else slice(0, 0))
    return parts[0], parts[1], parts[2]


def lesion_in_box(tissue: TissueMap, lesion: Lesion, box: Box) -> FloatArray:
    """How much of each voxel a lesion takes, 0 to 1; a confined one stays in its region."""
    z, y, x = (axis[part] for axis, part in zip(axes_of(tissue.grid), box, strict=True))
    depth = lesion.depth(z[:, None, None], y[None, :, None], x[None, None, :])
    sharpness = np.float32(min(lesion.radii_mm) / float(tissue.spacing_mm.mean()))
    share = np.clip((1.0 - depth) * sharpness + 0.5, 0.0, 1.0)
    if lesion.confined:
        region = tissue.leaves[box] == vocabulary().leaves.index(lesion.leaf) + 1
        share *= binary_dilation(region) if lesion.leaf.tissue in _THIN else region
    return np.asarray(share, dtype=np.float32)


def _in_leaf(
    random: np.random.Generator,
    tissue: TissueMap,
    voxels: NDArray[np.intp],
    number: int,
    lookups: tuple[FloatArray, FloatArray],
    tracer: Tracer,
) -> Lesion:
    leaf = vocabulary().leaves[number - 1]
    organs = tissue.organs.reshape(-1)[voxels]
    solid = voxels[~np.isin(organs, _CONTENT)]
    chosen = int(random.choice(solid if len(solid) else voxels))
    index = np.unravel_index(chosen, tissue.grid.shape)
    place = tissue.grid.affine[:3, :3] @ np.asarray(index) + tissue.grid.affine[:3, 3]
    room_mm = float((3.0 * len(voxels) * np.prod(tissue.spacing_mm) / (4.0 * np.pi)) ** (1.0 / 3.0))
    organ = tissue.organs.reshape(-1)[chosen]
    background = (float(lookups[0][organ]), float(lookups[1][organ]))
    return draw_lesion(random, leaf, (float(place[0]), float(place[1]), float(place[2])), room_mm, background, tracer)


def _nearest_voxel(tissue: TissueMap, lesion: Lesion, box: Box) -> NDArray[np.bool_]:
    z, y, x = (axis[part] for axis, part in zip(axes_of(tissue.grid), box, strict=True))
    depth = lesion.depth(z[:, None, None], y[None, :, None], x[None, None, :])
    return np.asarray(depth == depth.min()) if depth.size else np.zeros(depth.shape, dtype=bool)


def _by_leaf(leaves: NDArray[np.uint16]) -> dict[int, NDArray[np.intp]]:
    flat = leaves.reshape(-1)
    occupied = np.flatnonzero(flat)
    order = occupied[np.argsort(flat[occupied], kind="stable")]
    numbers, starts = np.unique(flat[order], return_index=True)
    return dict(zip((int(n) for n in numbers), np.split(order, starts[1:]), strict=True)) if len(numbers) else {}
