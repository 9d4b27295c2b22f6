"""Sample: one patient to learn from, whoever made it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from config.finding import LabelMap
from config.tracers import Tracer
from config.volume import Volume


@dataclass(frozen=True, slots=True)
class LesionTruth:
    """What is known of one lesion: its value in the label map, its leaf (``L083``) and its CT finding in words.

    None where a data set doesn't tell; such a lesion teaches only what it can.
    """

    label: int
    leaf: str | None
    ct_finding: str | None = None


@dataclass(frozen=True, eq=False)
class Sample:
    """One patient.

    Parameters
    ----------
    identifier
        Unique in a data set; also the name of the cached files.
    suv, ct
        SUVbw and HU, each on a grid of its own in one frame of reference.
    valid
        Shape of ``ct``: where the CT measured something.
    labels
        Shape of ``suv``: lesions, 0 for none.
    remarks
        What was left out of it and why, for people.
    sex
        M, F or not known.
    leaves
        Shape of ``suv``: 1 + the number of each voxel's leaf in the vocabulary, 0 outside all; None if not known.
    """

    identifier: str
    suv: Volume
    ct: Volume
    valid: NDArray[np.bool_]
    labels: LabelMap
    lesions: tuple[LesionTruth, ...]
    remarks: tuple[str, ...] = ()
    tracer: Tracer = Tracer.OTHER
    sex: str | None = None
    leaves: LabelMap | None = None


class Samples(Protocol):
    """A data set, made or read one patient at a time."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What of the data set as a whole is of no use and why, for people."""

    def __len__(self) -> int: ...

    def identifier(self, number: int) -> str:
        """Of the sample, without making it."""

    def fingerprint(self, number: int) -> str:
        """Changes whenever that which the sample is made from does; empty if the identifier says it all."""

    def __getitem__(self, number: int) -> Sample: ...
