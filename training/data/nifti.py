"""NIfTI: a folder for each patient, as ``python -m training.cohort`` writes them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from config.tracers import Tracer
from training.data.folders import (
    Examinations,
    check_overlap,
    find_examinations,
    fingerprint,
    image_in,
    optional_image,
    read_ct,
    read_labels,
    read_suv,
)
from training.data.problem import UnusablePatient
from training.data.wording import ct_finding_meant, leaf_meant
from training.sample import LesionTruth, Sample

_SEXES = {"m": "M", "male": "M", "f": "F", "female": "F"}
"""By the first word of ``sex``, or of the cohort's ``build``."""


@dataclass(frozen=True)
class NiftiPatients:
    """``SUV``, ``CT`` and ``lesions`` (a number for each lesion); ``valid`` and ``truth.json`` where they are there."""

    examinations: Examinations

    @classmethod
    def below(cls, folder: Path) -> "NiftiPatients":
        """``UnusableData`` if there is no patient."""
        return cls(find_examinations(folder))

    @property
    def remarks(self) -> tuple[str, ...]:
        return ()

    def __len__(self) -> int:
        return len(self.examinations.folders)

    def identifier(self, number: int) -> str:
        return self.examinations.identifier(number)

    def fingerprint(self, number: int) -> str:
        return fingerprint(self.examinations.folders[number])

    def __getitem__(self, number: int) -> Sample:
        """``UnusablePatient``, ``UnreadableNifti``: what is wrong with the patient's files."""
        folder = self.examinations.folders[number]
        suv = read_suv(image_in(folder, "SUV"))
        ct, valid = read_ct(image_in(folder, "CT"), optional_image(folder, "valid"))
        check_overlap(suv, ct)
        labels = read_labels(image_in(folder, "lesions"), suv)
        told = _told(folder / "truth.json")
        present = [int(label) for label in np.unique(labels) if label]
        remarks = list(told.remarks)
        lost = sorted(set(told.lesions) - set(present))
        if lost:
            remarks.append(f"lesions of truth.json without a voxel in the mask: {', '.join(map(str, lost))}")
        lesions = tuple(told.lesions.get(label, LesionTruth(label, None)) for label in present)
        return Sample(self.identifier(number), suv, ct, valid, labels, lesions, tuple(remarks), told.tracer, told.sex)


@dataclass(frozen=True)
class _Told:
    """What ``truth.json`` tells; lesions by their labels."""

    lesions: dict[int, LesionTruth] = field(default_factory=dict)
    tracer: Tracer = Tracer.OTHER
    sex: str | None = None
    remarks: tuple[str, ...] = ()


def _told(path: Path) -> _Told:
    """What is not known, such as a location or a tracer, is left out with a remark."""
    if not path.is_file():
        return _Told()
    remarks: list[str] = []
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        truths = [_truth(entry, remarks) for entry in document["lesions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise UnusablePatient(f"{path.name} has no list of lesions with a label each: {error!r}") from error
    tracer, body = document.get("tracer"), document.get("sex", document.get("build"))
    if tracer and tracer not in list(Tracer):
        remarks.append(f"no tracer is called {tracer!r}, but {', '.join(Tracer)}")
    sex = _SEXES.get(str(body).split(" ")[0].lower())
    if body and sex is None:
        remarks.append(f"sex {body!r} is neither M nor F")
    known = Tracer(tracer) if tracer in list(Tracer) else Tracer.OTHER
    return _Told({truth.label: truth for truth in truths}, known, sex, tuple(remarks))


def _truth(entry: dict[str, Any], remarks: list[str]) -> LesionTruth:
    label, place, finding = int(entry["label"]), entry.get("leaf"), entry.get("ct_finding")
    leaf = leaf_meant(str(place)) if place else None
    known = ct_finding_meant(str(finding)) if finding else None
    if place and leaf is None:
        remarks.append(f"lesion {label}: no location is called {place!r}")
    if finding and known is None:
        remarks.append(f"lesion {label}: no CT finding is called {finding!r}")
    return LesionTruth(label, leaf.id if leaf else None, known)
