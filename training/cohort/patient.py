"""Patient: one digital PET/CT examination with all that is known about it; the same seed gives the same voxels."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.finding import LabelMap
from config.tracers import Tracer
from config.volume import Volume
from training.cohort.atlas import Atlas
from training.cohort.ct import draw_densities, make_ct
from training.cohort.field import Field, draw_field, measured
from training.cohort.habitus import Habitus, draw_habitus
from training.cohort.lesion import Lesion
from training.cohort.pelvis import Build
from training.cohort.pet import draw_uptakes, make_pet
from training.cohort.placing import draw_lesions
from training.cohort.pose import pose
from training.cohort.tissue import TissueMap, map_tissue

_MOST_LESIONS = 70


@dataclass(frozen=True, eq=False)
class Patient:
    """One examination.

    Parameters
    ----------
    suv, ct
        SUVbw and HU, each on its own grid in one frame of reference.
    valid
        Shape of ``ct``: where the CT measured.
    labels
        Shape of ``suv``: 1 + index in ``lesions``, 0 for none.
    tissue
        Organs and leaves on the PET's grid.
    """

    tracer: Tracer
    habitus: Habitus
    field: Field
    suv: Volume
    ct: Volume
    valid: NDArray[np.bool_]
    labels: LabelMap
    lesions: tuple[Lesion, ...]
    tissue: TissueMap


def make_patient(atlases: Mapping[Build, Atlas], seed: tuple[int, ...]) -> Patient:
    """The patient of a seed: a body, a scan of it, and up to 70 lesions in what the scan shows; a few seconds."""
    random = np.random.default_rng(seed)
    tracer = Tracer.PSMA if random.random() < 0.3 else Tracer.FDG
    habitus = draw_habitus(random, _draw_build(random, tracer))
    field = draw_field(random, habitus)
    posed = pose(atlases[habitus.build], habitus)
    on_pet, on_ct = (map_tissue(posed, habitus, grid) for grid in (field.pet, field.ct))
    densities, uptakes = draw_densities(random, field.enhancement), draw_uptakes(random, tracer)
    count = int(np.clip(random.lognormal(np.log(20.0), 0.8), 0, _MOST_LESIONS)) if random.random() > 0.04 else 0
    valid = measured(field)
    lesions, labels = draw_lesions(random, on_pet, _seen(field), (densities, uptakes), tracer, count)
    suv = make_pet(random, on_pet, field, uptakes, lesions)
    ct = make_ct(random, on_ct, field, densities, lesions)
    ct.values[~valid] = -1024.0
    return Patient(tracer, habitus, field, suv, ct, valid, labels, tuple(lesions), on_pet)


def _draw_build(random: np.random.Generator, tracer: Tracer) -> Build:
    chances = (0.0, 0.6, 0.4) if tracer is Tracer.PSMA else (0.5, 0.42, 0.08)
    return (Build.FEMALE, Build.MALE, Build.PROSTATECTOMY)[int(random.choice(3, p=chances))]


def _seen(field: Field) -> NDArray[np.bool_]:
    """Shape of the PET: where the CT measured too."""
    slices, rows, columns = np.indices(field.pet.shape, sparse=True)
    step, origin = field.pet.affine[:3, :3], field.pet.affine[:3, 3]
    middle = field.ct.affine[:3, :3] @ (np.asarray(field.ct.shape) - 1) / 2.0 + field.ct.affine[:3, 3]
    x, y = origin[0] + step[0, 2] * columns, origin[1] + step[1, 1] * rows
    circle = (x - middle[0]) ** 2 + (y - middle[1]) ** 2 <= (field.ct_radius_mm - 5.0) ** 2
    return np.broadcast_to(circle, (len(slices), *circle.shape[1:])).copy()
