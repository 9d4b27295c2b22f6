"""The digital scanner: writes CT and true SUV as a DICOM study in a vendor's habits, for the demo and for tests.

How SUV becomes stored values is written down in ``physics``, apart from the code that reads it back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path

from config.volume import Volume
from dicom_io.scanner.distractors import (
    write_diagnostic_ct,
    write_projections,
    write_scout,
    write_uncorrected_pet,
)
from dicom_io.scanner.enhanced_ct import write_enhanced_ct
from dicom_io.scanner.enhanced_pet import write_enhanced_pet
from dicom_io.scanner.examination import USUAL_EXAMINATION, Examination, PatientIdentity
from dicom_io.scanner.headers import StudyContext
from dicom_io.scanner.mapping import write_real_world_values
from dicom_io.scanner.series import CT_NOTE, FLAWLESS, PET_NOTE, Flaws, write_ct_series, write_pet_series
from dicom_io.scanner.vendors import VendorHabits


class Distractor(Enum):
    """What else a study may hold, and an analysis must not mistake for its pair."""

    SCOUT = "SCOUT"
    UNCORRECTED_PET = "NAC"
    PROJECTIONS = "MIP"
    DIAGNOSTIC_CT = "CTDIAG"
    REAL_WORLD_VALUES = "RWV"


class Storage(Enum):
    """One instance per slice, or one multi-frame instance per series (Enhanced CT and Enhanced PET)."""

    CLASSIC = "classic"
    ENHANCED = "enhanced"


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What a study holds beyond its pair, what is wrong with it, and what its UIDs are derived from.

    ``pet_frame_of_reference`` other than empty gives the PET a frame of reference of its own.
    """

    seed: str = "0"
    storage: Storage = Storage.CLASSIC
    distractors: frozenset[Distractor] = frozenset()
    ct_flaws: Flaws = FLAWLESS
    pet_flaws: Flaws = FLAWLESS
    pet_frame_of_reference: str = ""


PLAIN_STUDY = StudyPlan()


@dataclass(frozen=True, slots=True)
class WrittenStudy:
    """A study on disk. ``other_files`` are those of the distractors."""

    folder: Path
    study_uid: str
    frame_of_reference_uid: str
    ct_series_uid: str
    pet_series_uid: str
    ct_files: tuple[Path, ...]
    pet_files: tuple[Path, ...]
    other_files: tuple[Path, ...]

    @property
    def files(self) -> tuple[Path, ...]:
        return (*self.other_files, *self.ct_files, *self.pet_files)


def write_study(
    folder: Path,
    identity: PatientIdentity,
    ct: Volume | None,
    suv: Volume | None,
    habits: VendorHabits,
    *,
    examination: Examination = USUAL_EXAMINATION,
    plan: StudyPlan = PLAIN_STUDY,
) -> WrittenStudy:
    """Write a study below ``folder``, a subfolder for each series.

    Parameters
    ----------
    ct
        HU, or None for a study without CT.
    suv
        True SUVbw (g/ml), or None for a study without PET.

    The same arguments give the same bytes. Distractors that need a volume which is None are left out.
    """
    context = StudyContext(identity, examination, habits, plan.seed)
    frame = plan.pet_frame_of_reference
    pet_context = StudyContext(identity, examination, habits, plan.seed, frame)
    enhanced = plan.storage is Storage.ENHANCED
    ct_files: tuple[Path, ...] = ()
    pet_files: tuple[Path, ...] = ()
    other: list[Path] = []
    if ct is not None:
        if enhanced:
            ct_files = write_enhanced_ct(folder / CT_NOTE.key, context, ct)
        else:
            ct_files = write_ct_series(folder / CT_NOTE.key, context, ct, flaws=plan.ct_flaws)
    if suv is not None:
        if enhanced:
            pet_files = write_enhanced_pet(folder / PET_NOTE.key, pet_context, suv)
        else:
            pet_files = write_pet_series(folder / PET_NOTE.key, pet_context, suv, flaws=plan.pet_flaws)
    for distractor in Distractor:
        if distractor in plan.distractors:
            for write in _writers(distractor, context, pet_context, ct, suv):
                other += write(folder / distractor.value)
    return WrittenStudy(
        folder,
        context.study_uid,
        context.frame_of_reference_uid,
        context.uid("series", CT_NOTE.key),
        context.uid("series", PET_NOTE.key),
        ct_files,
        pet_files,
        tuple(other),
    )


def _writers(
    distractor: Distractor, context: StudyContext, pet_context: StudyContext, ct: Volume | None, suv: Volume | None
) -> list[Callable[[Path], tuple[Path, ...]]]:
    if distractor in (Distractor.SCOUT, Distractor.DIAGNOSTIC_CT):
        if ct is None:
            return []
        write_ct = write_scout if distractor is Distractor.SCOUT else write_diagnostic_ct
        return [partial(write_ct, context=context, ct=ct)]
    if suv is None:
        return []
    write_pet = {
        Distractor.UNCORRECTED_PET: write_uncorrected_pet,
        Distractor.PROJECTIONS: write_projections,
        Distractor.REAL_WORLD_VALUES: write_real_world_values,
    }[distractor]
    return [partial(write_pet, context=pet_context, suv=suv)]
