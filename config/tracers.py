"""Tracers: how to recognise them and the thresholds that go with them (thresholds of uptake, SUVbw)."""

from dataclasses import dataclass
from enum import StrEnum


class Tracer(StrEnum):
    FDG = "FDG"
    PSMA = "PSMA"
    DOTATATE = "DOTATATE"
    FLUCICLOVINE = "FLUCICLOVINE"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class TracerProfile:
    """What the analysis needs to know about a tracer.

    ``seed_suv``: lowest SUVmax of a candidate. ``fixed_suv``: the fixed threshold customary for the tracer.
    ``names``: lower-case fragments that identify it in Radiopharmaceutical (0018,0031) or its code meaning.
    ``codes``: code values of PS3.16 CID 4021 without their scheme.
    """

    tracer: Tracer
    seed_suv: float
    fixed_suv: float
    names: tuple[str, ...]
    codes: tuple[str, ...]


PROFILES: dict[Tracer, TracerProfile] = {
    profile.tracer: profile
    for profile in (
        TracerProfile(
            Tracer.FDG,
            2.5,
            4.0,
            ("fdg", "fluorodeoxyglucose", "fludeoxyglucose", "deoxyglucose"),
            ("35321007", "C-B1031"),
        ),
        TracerProfile(
            Tracer.PSMA,
            3.0,
            3.0,
            ("psma", "dcfpyl", "piflufolastat", "flotufolastat", "rhpsma", "gozetotide"),
            ("126758", "126759", "C116352", "C118961"),
        ),
        TracerProfile(
            Tracer.DOTATATE,
            4.0,
            4.0,
            ("dotatate", "dotatoc", "dotanoc", "edotreotide", "oxodotreotide"),
            ("724025002", "C2713594"),
        ),
        TracerProfile(Tracer.FLUCICLOVINE, 2.5, 3.0, ("fluciclovine", "facbc", "axumin"), ("457000009",)),
        TracerProfile(Tracer.OTHER, 2.5, 4.0, (), ()),
    )
}


def recognise(name: str, code: str = "") -> Tracer:
    """The tracer that a radiopharmaceutical's name or code value stands for; ``OTHER`` if none."""
    lowered = name.lower()
    for profile in PROFILES.values():
        if code in profile.codes or any(fragment in lowered for fragment in profile.names):
            return profile.tracer
    return Tracer.OTHER
