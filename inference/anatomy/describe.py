"""Anatomy without weights: what can be told about a patient from Hounsfield units, shape and uptake alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from config.volume import FloatArray, Volume
from inference.anatomy.frame import Mask, PatientFrame
from inference.anatomy.landmarks import distance_from_skin_mm, find_landmarks, find_parts, find_skull_inside
from inference.anatomy.levels import Levels, fit_levels, without_carina
from inference.anatomy.lungs import Lungs, find_body, find_lungs
from inference.anatomy.organs import find_blood_pool, find_heart, find_liver, sphere_values
from inference.anatomy.skeleton import Spine, find_bone, find_legs, find_spine, middle_of_body


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Masks and landmarks of one patient.

    ``body`` lies on the PET grid. Everything else lies on ``frame``, a 5 mm grid along the patient's own axes
    (inferior→superior, anterior→posterior, right→left), whatever the orientation of the input. ``levels`` follow the
    carina, as viscera do; ``vertebral_levels`` do not, because it lies anywhere from T4 to T6. ``hounsfield`` is None
    without a CT, and the masks that need one are empty then. ``references`` holds ``liver_mean``, ``liver_sd`` and
    ``blood_pool_mean`` (SUVbw), each only if its organ was found.
    """

    body: Mask
    references: Mapping[str, float]
    frame: PatientFrame
    suv: FloatArray
    hounsfield: FloatArray | None
    patient: Mask
    parts: NDArray[np.uint8]
    bone: Mask
    lungs: Lungs
    spine: Spine
    levels: Levels
    vertebral_levels: Levels
    brain: Mask
    heart: Mask
    liver: Mask
    depth_mm: FloatArray

    @property
    def landmarks(self) -> Mapping[str, float]:
        """z (LPS, mm) of the landmarks that were found and agree with each other."""
        return self.levels.landmarks


def describe(suv: Volume, ct: Volume | None) -> Anatomy:
    """The anatomy of a patient.

    Parameters
    ----------
    suv
        SUVbw.
    ct
        Mean HU of every PET voxel on the same grid, −1024 outside the CT; None for a PET alone.
    """
    frame = PatientFrame.around(suv)
    uptake = frame.sample(suv, 0.0)
    hounsfield = None if ct is None else frame.sample(ct, -1024.0)
    patient = find_body(uptake, hounsfield)
    frame, box = frame.cropped(patient)
    uptake, patient = uptake[box].copy(), patient[box].copy()
    hounsfield = None if hounsfield is None else hounsfield[box].copy()
    bone = np.zeros_like(patient) if hounsfield is None else find_bone(hounsfield, patient)
    visible_bone = None if hounsfield is None else bone
    legs = find_legs(patient, visible_bone, middle_of_body(patient))
    spine = find_spine(patient, visible_bone)
    nothing = np.zeros_like(patient)
    lungs, skull = Lungs(nothing, nothing, nothing, None), nothing
    if hounsfield is not None:
        lungs = find_lungs(hounsfield, patient, spine.x, frame)
        skull = find_skull_inside(hounsfield, patient, lungs, spine)
    landmarks = find_landmarks(patient, visible_bone, lungs, spine, legs, skull, frame)
    levels = fit_levels(landmarks)
    liver = find_liver(uptake, hounsfield, patient, spine, levels, lungs, frame)
    references: dict[str, float] = {}
    if liver.any():
        values = sphere_values(suv, frame, liver, 15.0)
        references |= {"liver_mean": float(values.mean()), "liver_sd": float(values.std())}
    pool = None if hounsfield is None else find_blood_pool(hounsfield, lungs, spine, levels, frame)
    if pool is not None:
        references["blood_pool_mean"] = float(sphere_values(suv, frame, pool, 6.0).mean())
    return Anatomy(
        body=frame.on_grid(patient, suv),
        references=references,
        frame=frame,
        suv=uptake,
        hounsfield=hounsfield,
        patient=patient,
        parts=find_parts(patient, spine, legs),
        bone=bone,
        lungs=lungs,
        spine=spine,
        levels=levels,
        vertebral_levels=fit_levels(without_carina(landmarks)),
        brain=skull,
        heart=nothing if hounsfield is None else find_heart(hounsfield, lungs, spine, frame) & ~liver,
        liver=liver,
        depth_mm=distance_from_skin_mm(patient),
    )
