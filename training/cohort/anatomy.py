"""The voxelised anatomy that patients are made from: named structures in one label volume, read from a folder.

It is Z-Anatomy (CC BY-SA 4.0), made on BodyParts3D (CC BY-SA 2.1 JP), voxelised at 3 mm. It is never shipped.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from config.volume import Matrix

LABELS = "zanatomy_labels_3mm.nii.gz"
NAMES = "zanatomy_labels.json"

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Structures of one body.

    Parameters
    ----------
    labels
        uint16, shape (slices, rows, columns); slices go up, rows to the back, columns to the patient's left.
    affine
        Array index to LPS millimetres, as in ``Volume``.
    numbers
        The label of each structure's name.
    systems
        The organ system of each label: muscle, bone, viscera, cardio or lymph.
    """

    labels: NDArray[np.uint16]
    affine: Matrix
    numbers: dict[str, int]
    systems: dict[int, str]

    def structure(self, *names: str) -> Mask:
        """Where the named structures are. ``KeyError`` for a name that the anatomy does not have."""
        chosen = np.zeros(int(self.labels.max()) + 1, dtype=bool)
        chosen[[self.numbers[name] for name in names]] = True
        return np.asarray(chosen[self.labels])

    def names(self, part: str) -> list[str]:
        """The names that contain ``part``."""
        return [name for name in self.numbers if part in name]


def load_anatomy(folder: Path) -> Anatomy:
    """Read the label volume (NIfTI, any axis order) and its names (JSON: id, name, system) from ``folder``."""
    image = nibabel.load(folder / LABELS)
    orientations = nibabel.orientations
    turn = orientations.ornt_transform(orientations.io_orientation(image.affine), orientations.axcodes2ornt("LPS"))
    canonical = image.as_reoriented(turn)
    labels = np.ascontiguousarray(np.asarray(canonical.dataobj).transpose(2, 1, 0).astype(np.uint16))
    to_lps = np.diag((-1.0, -1.0, 1.0, 1.0))
    affine = to_lps @ canonical.affine @ np.eye(4)[:, [2, 1, 0, 3]]
    entries = json.loads((folder / NAMES).read_text(encoding="utf-8"))
    return Anatomy(
        labels,
        affine,
        {entry["name"]: int(entry["id"]) for entry in entries},
        {int(entry["id"]): entry["system"] for entry in entries},
    )
