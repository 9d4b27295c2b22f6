"""Cases: the patients of a data set, or of a cache, one at a time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from training.cache import CachedPatient, read_patients
from training.data.problem import UnusableData
from training.data.sources import Source, open_source
from training.evaluation.case import Case, cached_case, sample_case
from training.sample import Samples


class Cases(Protocol):
    def __len__(self) -> int: ...

    def identifier(self, number: int) -> str:
        """Of the patient, without making it."""

    def __getitem__(self, number: int) -> Case: ...


@dataclass(frozen=True)
class SampleCases:
    """Whole patients."""

    samples: Samples

    def __len__(self) -> int:
        return len(self.samples)

    def identifier(self, number: int) -> str:
        return self.samples.identifier(number)

    def __getitem__(self, number: int) -> Case:
        return sample_case(self.samples[number])


@dataclass(frozen=True)
class CachedCases:
    """Bodies and patches of a cache: enough for location and caption by models, in a fraction of the time."""

    patients: tuple[CachedPatient, ...]

    def __len__(self) -> int:
        return len(self.patients)

    def identifier(self, number: int) -> str:
        return self.patients[number].folder.name

    def __getitem__(self, number: int) -> Case:
        return cached_case(self.patients[number])


def open_cases(data: Source | Path) -> Cases:
    """The patients of a source, or of the cache in a folder; ``UnusableData`` if there are none."""
    if not isinstance(data, Path):
        return SampleCases(open_source(data))
    patients = read_patients(data)
    if not patients:
        raise UnusableData(f"{data} holds no cached patient.")
    return CachedCases(patients)
