"""Case: one patient as the models are shown it, from a sample or from the cache of bodies."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from config.tracers import Tracer
from config.volume import Matrix
from inference.captioning.patch import MARGIN, HalfPatch, cut_patch
from inference.retrieval.body import SPACING_MM, Body, Voxels, lesion_voxels, make_body
from training.cache import CachedPatient
from training.sample import LesionTruth, Sample


@dataclass(frozen=True, eq=False)
class CaseLesion:
    """A lesion with its true outline.

    ``indices`` (N, 3) on the grid of the PET, None from a cache; ``points_mm`` (N, 3) their centres; ``voxels`` those
    of the body; ``patch_s`` what cutting the ``patch`` took, None from a cache.
    """

    truth: LesionTruth
    indices: NDArray[np.int64] | None
    points_mm: Matrix
    voxels: Voxels
    patch: HalfPatch
    patch_s: float | None


@dataclass(frozen=True, eq=False)
class Case:
    """``step_mm``: edges of a voxel of the grid of the points. ``sample``: None from a cache, where only location and
    caption can be judged. ``body_s``: seconds that making the body took.
    """

    identifier: str
    body: Body
    lesions: tuple[CaseLesion, ...]
    step_mm: Matrix
    sample: Sample | None = None
    body_s: float | None = None

    @property
    def tracer(self) -> Tracer:
        return Tracer.OTHER if self.sample is None else self.sample.tracer

    @property
    def sex(self) -> str | None:
        return None if self.sample is None else self.sample.sex


def sample_case(sample: Sample) -> Case:
    """The case of a whole patient; lesions that the label map doesn't have are left out."""
    start = perf_counter()
    body = make_body(sample.suv, sample.ct, sample.valid)
    body_s = perf_counter() - start
    step_mm = sample.suv.affine[:3, :3]
    boxes = ndimage.find_objects(sample.labels)
    lesions = []
    for truth in sample.lesions:
        box = boxes[truth.label - 1] if truth.label <= len(boxes) else None
        if box is None:
            continue
        indices = np.argwhere(sample.labels[box] == truth.label) + [side.start for side in box]
        points = sample.suv.points_mm(indices)
        start = perf_counter()
        patch = cut_patch(sample.suv, sample.ct, indices)
        seconds = perf_counter() - start
        lesions.append(CaseLesion(truth, indices, points, lesion_voxels(body, points, step_mm), patch, seconds))
    return Case(sample.identifier, body, tuple(lesions), step_mm, sample, body_s)


def cached_case(patient: CachedPatient) -> Case:
    """The case of a patient in the cache."""
    body = patient.body
    inner = (slice(None), *[slice(MARGIN, -MARGIN)] * 3)
    lesions = tuple(
        CaseLesion(truth, None, _points_mm(body, voxels), voxels, np.array(patient.patch(number)[inner]), None)
        for number, (truth, voxels) in enumerate(zip(patient.lesions, patient.voxels, strict=True))
    )
    return Case(patient.folder.name, body, lesions, np.eye(3) * SPACING_MM)


def _points_mm(body: Body, voxels: Voxels) -> Matrix:
    return np.asarray(voxels.astype(np.float64) @ body.affine[:3, :3].T + body.affine[:3, 3])
