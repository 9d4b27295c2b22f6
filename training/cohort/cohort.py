"""Cohort: as many patients as asked for, in splits that share none, as samples to learn from."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from training.cohort.atlas import Atlas
from training.cohort.patient import Patient, make_patient
from training.cohort.pelvis import Build
from training.sample import LesionTruth, Sample


class Split(IntEnum):
    """Each a space of seeds of its own."""

    TRAIN = 1
    VALIDATION = 2
    TEST = 3


@dataclass(frozen=True, eq=False)
class Cohort:
    """A data set of digital patients, made one at a time; the same ``seed`` always makes the same ones."""

    atlases: Mapping[Build, Atlas]
    split: Split
    count: int
    seed: int = 0

    @property
    def remarks(self) -> tuple[str, ...]:
        return ()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Sample:
        """``IndexError`` beyond the last."""
        if not 0 <= number < self.count:
            raise IndexError(number)
        return as_sample(self.patient(number), self.identifier(number))

    def identifier(self, number: int) -> str:
        return f"{self.split.name.lower()}-{self.seed}-{number:05d}"

    def fingerprint(self, number: int) -> str:
        return ""

    def patient(self, number: int) -> Patient:
        """A patient with all that is known about him."""
        return make_patient(self.atlases, self.entropy(number))

    def entropy(self, number: int) -> tuple[int, int, int]:
        """What a patient's random generator starts from; no other patient of any split or seed has the same."""
        return int(self.split), self.seed, number


def as_sample(patient: Patient, identifier: str) -> Sample:
    """What a data set of real patients would tell of one."""
    lesions = tuple(
        LesionTruth(n, lesion.leaf.id, lesion.ct_finding) for n, lesion in enumerate(patient.lesions, start=1)
    )
    return Sample(
        identifier,
        patient.suv,
        patient.ct,
        patient.valid,
        patient.labels,
        lesions,
        tracer=patient.tracer,
        sex=patient.habitus.build.sex,
        leaves=patient.tissue.leaves,
    )
