"""Sources: where a run's patients come from, as its configuration says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo

from training.recipe import STRICT
from training.sample import Samples


def _placed(path: Path, where: ValidationInfo) -> Path:
    """Relative to the folder of the file that names it."""
    base: Path = (where.context or {}).get("base", Path())
    return base / path


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"there is no folder {path}")
    return path


def _file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


Place = Annotated[Path, AfterValidator(_placed)]
Folder = Annotated[Place, AfterValidator(_folder)]
File = Annotated[Place, AfterValidator(_file)]


@dataclass(frozen=True, slots=True)
class CohortSource:
    """Digital patients, made from the voxelised anatomy in ``anatomy``; ``atlas`` keeps what is derived from it."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(**STRICT, validate_default=True)

    kind: Literal["cohort"]
    anatomy: Folder
    count: Annotated[int, Field(ge=1)]
    split: Literal["train", "validation", "test"] = "train"
    seed: Annotated[int, Field(ge=0)] = 0
    atlas: Place = Path("atlas")


@dataclass(frozen=True, slots=True)
class NiftiSource:
    """Patients as ``NiftiPatients`` reads them."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    kind: Literal["nifti"]
    folder: Folder


@dataclass(frozen=True, slots=True)
class AutopetSource:
    """Patients as ``AutopetPatients`` reads them."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    kind: Literal["autopet"]
    folder: Folder
    reports: File | None = None


Source = Annotated[CohortSource | NiftiSource | AutopetSource, Field(discriminator="kind")]


def open_source(source: Source) -> Samples:
    """The patients of a source; ``UnusableData`` if there are none."""
    match source:
        case CohortSource():
            from training.cohort.atlas import load_atlases
            from training.cohort.cohort import Cohort, Split

            atlases = load_atlases(source.anatomy, source.atlas)
            return Cohort(atlases, Split[source.split.upper()], source.count, source.seed)
        case NiftiSource():
            from training.data.nifti import NiftiPatients

            return NiftiPatients.below(source.folder)
        case AutopetSource():
            from training.data.autopet import AutopetPatients

            return AutopetPatients.below(source.folder, source.reports)
