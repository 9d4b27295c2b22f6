"""PET of a cohort patient: SUV with physiologic uptake as it varies, lesions, breathing, point spread and noise."""

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from config.tracers import Tracer
from config.volume import FloatArray, Unit, Volume
from training.cohort.atlas import LEAVES
from training.cohort.field import Field, axes_of
from training.cohort.lesion import Lesion
from training.cohort.organs import NUMBERS, ORGANS
from training.cohort.placing import box_of, lesion_in_box
from training.cohort.tissue import TissueMap

_DIAPHRAGM_MM = 1215.0
_PATCHY = ("small bowel", "duodenum", "colon wall", "stomach wall", "ureter", "urine", "myocardium", "tonsil", "tongue")


def draw_uptakes(random: np.random.Generator, tracer: Tracer) -> FloatArray:
    """SUVbw of each organ in one patient, shape (organs,): lognormal, with what patients show now and then."""
    common = random.normal(0.0, 0.1)
    values = np.asarray(
        [organ.suv(tracer) * np.exp(common + organ.spread * random.normal()) for organ in ORGANS], dtype=np.float32
    )

    def scale(low: float, high: float, *names: str) -> None:
        values[[NUMBERS[name] for name in names]] *= random.uniform(low, high)

    if random.random() < 0.07:  # metformin
        scale(1.8, 4.0, "colon wall", "small bowel", "rectum")
    if random.random() < 0.07:  # growth factors
        scale(1.8, 3.5, "marrow", "spleen")
    if random.random() < 0.08:  # insulin, exercise
        scale(2.0, 4.5, "muscle")
    if random.random() < 0.06:  # thyroiditis
        scale(2.0, 6.0, "thyroid")
    if random.random() < 0.35:  # fasting
        values[NUMBERS["myocardium"]] = values[NUMBERS["blood"]] * random.uniform(0.9, 1.3)
    if random.random() < 0.2:  # empty bladder
        scale(0.1, 0.4, "bladder urine")
    if tracer is Tracer.PSMA and random.random() < 0.35:  # a ligand that the liver excretes
        scale(1.7, 2.8, "liver")
        scale(5.0, 15.0, "bile")
        scale(0.05, 0.3, "urine", "bladder urine", "ureter")
    return values


def make_pet(
    random: np.random.Generator, tissue: TissueMap, field: Field, uptakes: FloatArray, lesions: list[Lesion]
) -> Volume:
    """SUVbw on the PET's grid, never negative."""
    values = uptakes[tissue.organs]
    values *= np.exp(np.float32(0.1) * tissue.smooth_noise(random, 14.0))
    patchy = np.zeros(len(ORGANS), dtype=np.float32)
    patchy[[NUMBERS[name] for name in _PATCHY]] = random.uniform(0.15, 0.55)
    values *= np.exp(patchy[tissue.organs] * tissue.smooth_noise(random, 24.0))
    _add_regional(random, values, tissue)
    for lesion in lesions:
        box = box_of(tissue.grid, lesion)
        share = lesion_in_box(tissue, lesion, box)
        depth = lesion.depth(
            *(axis[part].reshape(s) for axis, part, s in zip(axes_of(tissue.grid), box, _OPEN, strict=True))
        )
        hot = lesion.suv * (lesion.rim + (1.0 - lesion.rim) * np.minimum(depth, 1.0) ** 2)
        values[box] += share * np.maximum(hot - values[box], 0.0)
    _breathe(values, tissue, field)
    sigma = field.point_spread_mm / 2.355 / tissue.spacing_mm
    gaussian_filter(values, sigma, output=values, truncate=3.0)
    noise = random.standard_normal(values.shape, dtype=np.float32)
    gaussian_filter(noise, 0.8 * sigma, output=noise, truncate=3.0)
    noise *= np.float32(field.pet_noise / max(float(noise[::7].std()), 1e-6))
    values += noise * np.sqrt(values + np.float32(0.04))
    np.maximum(values, 0.0, out=values)
    return Volume(values, tissue.grid.affine, Unit.SUVBW)


_OPEN = ((-1, 1, 1), (1, -1, 1), (1, 1, -1))


def _add_regional(random: np.random.Generator, values: FloatArray, tissue: TissueMap) -> None:
    """Uptake of parts of the body that is no lesion: brown fat, muscles of one region, vocal cords, joints."""
    habits = (
        (0.05, ("right supraclavicular node", "left supraclavicular node"), (3.0, 14.0)),
        (0.06, ("right paraspinal muscles", "left paraspinal muscles"), (1.8, 4.0)),
        (0.08, ("right neck muscle", "left neck muscle"), (1.8, 5.0)),
        (0.06, ("right masticator space", "left masticator space"), (1.8, 5.0)),
        (0.15, ("glottis",), (1.5, 4.0)),
        (0.08, ("right shoulder joint and girdle muscles", "left shoulder joint and girdle muscles"), (1.5, 3.5)),
        (0.05, ("right thigh muscles", "left thigh muscles"), (1.5, 3.5)),
        (0.06, ("anterior mediastinum and thymus",), (1.8, 4.0)),
    )
    pattern = None
    for chance, names, (low, high) in habits:
        if random.random() >= chance:
            continue
        pattern = tissue.smooth_noise(random, 40.0) if pattern is None else pattern
        chosen = names if random.random() < 0.8 else (str(random.choice(names)),)
        for name in chosen:
            part = tissue.leaves == LEAVES.index(name) + 1
            values[part] *= np.float32(random.uniform(low, high)) * np.clip(0.6 + 0.4 * pattern[part], 0.3, 1.6)


def _breathe(values: FloatArray, tissue: TissueMap, field: Field) -> None:
    """Blur along the body's length, strongest at the diaphragm."""
    near = np.exp(-(((tissue.heights - _DIAPHRAGM_MM) / 95.0) ** 2)).astype(np.float32)
    moved = np.flatnonzero(near > 0.03)
    sigma = field.breathing_mm / 3.0 / float(tissue.spacing_mm[0])
    if not len(moved) or sigma < 0.2:
        return
    part = slice(int(moved[0]), int(moved[-1]) + 1)
    blurred = gaussian_filter1d(values[part], sigma, axis=0, mode="nearest")
    share = near[part][:, None, None]
    values[part] = values[part] * (1.0 - share) + blurred * share
