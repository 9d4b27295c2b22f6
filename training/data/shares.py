"""Shares: patients kept back from training, so that what is measured on them is true of new ones."""

from collections.abc import Sequence
from hashlib import sha256

from training.cache import CachedPatient
from training.data.problem import UnusableData

_ONE_IN = 8


def keep_back(patients: Sequence[CachedPatient]) -> tuple[tuple[CachedPatient, ...], tuple[CachedPatient, ...]]:
    """Patients to learn from, and one in eight to validate on, at least one; by the digest of their names.

    Examinations of one patient, folders below one folder, stay together.

    Raises
    ------
    UnusableData
        If there are fewer than two patients.
    """
    names = sorted({_name(patient) for patient in patients}, key=lambda name: sha256(name.encode()).digest())
    if len(names) < 2:
        raise UnusableData(f"There are {len(names)} usable patients; training and validation need at least one each.")
    kept = set(names[: -(-len(names) // _ONE_IN)])
    return (
        tuple(patient for patient in patients if _name(patient) not in kept),
        tuple(patient for patient in patients if _name(patient) in kept),
    )


def _name(patient: CachedPatient) -> str:
    return patient.folder.name.split("--")[0]
