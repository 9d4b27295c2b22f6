"""CT of a cohort patient: HU with texture, contrast, gas, implants, couch, clothing, blur and noise."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from config.volume import FloatArray, Unit, Volume
from training.cohort.atlas import LEAVES
from training.cohort.field import Field, axes_of
from training.cohort.lesion import Lesion
from training.cohort.organs import NUMBERS, ORGANS
from training.cohort.placing import box_of, lesion_in_box
from training.cohort.tissue import TissueMap

_METAL_HU = 2600.0


def draw_densities(random: np.random.Generator, enhancement: float) -> FloatArray:
    """HU of each organ in one patient, shape (organs,)."""
    phase = enhancement * random.uniform(0.7, 1.2, size=len(ORGANS))
    values = [o.hu + o.hu_spread * random.normal() + o.enhancement * p for o, p in zip(ORGANS, phase, strict=True)]
    fatty_liver = random.random() < 0.15
    values[NUMBERS["liver"]] -= random.uniform(15.0, 50.0) if fatty_liver else 0.0
    porous = random.uniform(0.45, 1.15)
    for bone in ("cortical bone", "marrow"):
        values[NUMBERS[bone]] *= porous
    return np.asarray(values, dtype=np.float32)


def make_ct(
    random: np.random.Generator, tissue: TissueMap, field: Field, densities: FloatArray, lesions: list[Lesion]
) -> Volume:
    """HU on the CT's grid."""
    values = densities[tissue.organs]
    grain = np.asarray([organ.grain for organ in ORGANS], dtype=np.float32)
    values += grain[tissue.organs] * tissue.smooth_noise(random, 7.0)
    _add_gas(random, values, tissue)
    for lesion in lesions:
        _add_lesion(random, values, tissue, lesion)
    _add_implants(random, values, tissue)
    _add_couch(random, values, tissue)
    _add_clothing(random, values, tissue)
    gaussian_filter(values, field.ct_blur_mm / 2.355 / tissue.spacing_mm, output=values, truncate=3.0)
    _add_noise(random, values, tissue, field)
    np.clip(values, -1024.0, 3071.0, out=values)
    return Volume(values, tissue.grid.affine, Unit.HOUNSFIELD)


def _add_gas(random: np.random.Generator, values: FloatArray, tissue: TissueMap) -> None:
    """Gas in stomach and bowel, and content mixed with it."""
    pattern = tissue.smooth_noise(random, 22.0)
    for organ, usual in (("faeces", 0.3), ("stomach content", 0.7), ("small bowel", 1.6)):
        gas = (tissue.organs == NUMBERS[organ]) & (pattern > random.normal(usual, 0.6))
        values[gas] = random.uniform(-970.0, -850.0)


def _add_lesion(random: np.random.Generator, values: FloatArray, tissue: TissueMap, lesion: Lesion) -> None:
    box = box_of(tissue.grid, lesion)
    share = lesion_in_box(tissue, lesion, box)
    if lesion.ct_finding == "no CT correlate" or not share.any():
        return
    inside = np.full(share.shape, lesion.hu, dtype=np.float32)
    inside += random.normal(0.0, 9.0, size=share.shape).astype(np.float32)
    depth = lesion.depth(*(axis.reshape(shape) for axis, shape in _open_axes(tissue, box)))
    if lesion.ct_finding == "mixed lytic-sclerotic":
        inside = np.where(gaussian_filter(random.standard_normal(share.shape), 1.3) > 0.0, inside, np.float32(45.0))
    elif lesion.ct_finding == "cavity":
        inside[depth < 0.62] = -930.0
    elif lesion.ct_finding == "consolidation":
        inside = np.where(gaussian_filter(random.standard_normal(share.shape), 0.8) > 0.45, np.float32(-500.0), inside)
    if lesion.rim < 1.0 and lesion.hu > 0.0:
        inside[depth < 0.6] -= 22.0
    values[box] = values[box] * (1.0 - share) + inside * share


def _open_axes(tissue: TissueMap, box: tuple[slice, ...]) -> list[tuple[FloatArray, tuple[int, ...]]]:
    axes = [axis[part] for axis, part in zip(axes_of(tissue.grid), box, strict=True)]
    return [(axis, tuple(-1 if i == n else 1 for i in range(3))) for n, axis in enumerate(axes)]


def _add_implants(random: np.random.Generator, values: FloatArray, tissue: TissueMap) -> None:
    """Now and then a hip, fillings in the teeth, or a port below a clavicle."""
    metal = np.zeros(values.shape, dtype=bool)
    if random.random() < 0.07:
        side = str(random.choice(["right", "left"]))
        head = tissue.leaves == LEAVES.index(f"{side} proximal femur") + 1
        metal |= head & (tissue.organs != NUMBERS["cortical bone"])
    if random.random() < 0.3:
        metal |= (tissue.organs == NUMBERS["tooth"]) & (tissue.smooth_noise(random, 9.0) > 1.0)
    if random.random() < 0.12:
        metal |= _port(random, tissue)
    values[metal] = _METAL_HU
    for index in np.flatnonzero(metal.any(axis=(1, 2))):
        strength = min(1.0, float(metal[index].sum()) / 40.0)
        streaks = gaussian_filter(random.standard_normal(values.shape[1:], dtype=np.float32), (0.7, 6.0))
        values[index] += np.float32(900.0 * strength) * streaks * (values[index] > -900.0)


def _port(random: np.random.Generator, tissue: TissueMap) -> NDArray[np.bool_]:
    side = str(random.choice(["right", "left"], p=[0.8, 0.2]))
    place = np.argwhere(tissue.leaves == LEAVES.index(f"{side} chest wall subcutaneous tissue") + 1)
    place = place[place[:, 1] < np.median(place[:, 1])] if len(place) else place
    port = np.zeros(tissue.organs.shape, dtype=bool)
    if len(place):
        centre = place[np.argsort(place[:, 0])[int(0.85 * len(place))]]
        reach = np.maximum(1, np.rint(np.array([9.0, 5.0, 9.0]) / tissue.spacing_mm)).astype(int)
        port[tuple(slice(max(0, c - r), c + r + 1) for c, r in zip(centre, reach, strict=True))] = True
    return port


def _add_couch(random: np.random.Generator, values: FloatArray, tissue: TissueMap) -> None:
    """A couch below the back, flat or hollow, with a foam core."""
    _, y, x = axes_of(tissue.grid)
    body = tissue.outside_mm == 0.0
    middle = body & (abs(x)[None, None, :] < 160.0)
    rows = np.flatnonzero(middle.any(axis=(0, 2)))
    if not len(rows) or random.random() < 0.03:
        return
    hollow = random.uniform(0.0, 0.0012)
    top = y[rows[-1]] + random.uniform(1.0, 8.0) - hollow * x[None, :] ** 2
    thick, half = random.uniform(14.0, 60.0), random.uniform(190.0, 235.0)
    below = y[:, None] - top
    couch = (below > 0.0) & (below < thick) & (abs(x)[None, :] < half)
    edge = couch & ((below < 3.5) | (below > thick - 3.5) | (abs(x)[None, :] > half - 4.0))
    plane = np.where(edge, random.uniform(-500.0, 120.0), random.uniform(-960.0, -850.0)).astype(np.float32)
    lying = couch[None] & ~body
    values[lying] = np.broadcast_to(plane, values.shape)[lying]


def _add_clothing(random: np.random.Generator, values: FloatArray, tissue: TissueMap) -> None:
    """Cloth near the skin, and sometimes a blanket or a head rest."""
    thick = random.uniform(0.0, 9.0)
    gap = random.uniform(0.0, 10.0)
    cloth = (tissue.outside_mm > gap) & (tissue.outside_mm < gap + thick) & (values < -900.0)
    cloth &= tissue.smooth_noise(random, 60.0) > random.uniform(-1.0, 1.5)
    values[cloth] = random.uniform(-960.0, -500.0)


def _add_noise(random: np.random.Generator, values: FloatArray, tissue: TissueMap, field: Field) -> None:
    """Correlated within a slice; stronger where the body is wide and arms lie beside it."""
    widths = (tissue.outside_mm == 0.0).mean(axis=(1, 2))
    scale = field.ct_noise_hu * np.clip(widths / max(float(np.median(widths)), 1e-3), 0.4, 1.8)
    depth = min(12, len(values))
    tile = random.standard_normal((depth, *values.shape[1:]), dtype=np.float32)
    gaussian_filter(tile, (0.3, 0.8, 0.8), output=tile, mode="wrap")
    tile /= float(tile.std())
    for index, image in enumerate(values):
        shift = random.integers(0, values.shape[1], size=2)
        image += np.float32(scale[index]) * np.roll(tile[index % depth], shift, axis=(0, 1))
