"""Grades: uptake compared with that of the organs that take the same tracer up."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from config.finding import GradeScale, UptakeGrade
from config.indication import Indication
from config.tracers import Tracer

_WORDS = ("mild", "slight", "moderate", "intense")


def uptake_grade(
    suv_max: float,
    references: Mapping[str, float],
    *,
    tracer: Tracer,
    indication: Indication = Indication.OTHER,
    radiopharmaceutical: str = "",
) -> UptakeGrade | None:
    """The grade on the scale that is meant for the examination.

    Parameters
    ----------
    suv_max
        SUVbw of the lesion.
    references
        Mean SUVbw of what was measured, by name: ``liver_mean``, ``blood_pool_mean``, ``parotid_mean``,
        ``spleen_mean``.
    radiopharmaceutical
        Its name as it is written in the header.

    Returns
    -------
    UptakeGrade | None
        Deauville for FDG in lymphoma, PROMISE for PSMA ligands; None for others, and where a reference that decides was
        not found.
    """
    if tracer is Tracer.FDG and indication is Indication.LYMPHOMA:
        return deauville(suv_max, references)
    if tracer is Tracer.PSMA:
        return promise(suv_max, references, radiopharmaceutical)
    return None


def deauville(suv_max: float, references: Mapping[str, float]) -> UptakeGrade | None:
    """2 up to the blood pool, 3 up to the liver, 4 up to twice the liver, 5 above (Barrington 2014).

    Compares SUVmax with the means. Never 1, which is uptake that does not stand out at all. Where the blood pool is no
    cooler than the liver, the liver counts for both (Barrington 2010).
    """
    climb = _climb(suv_max, _deauville_rungs(references), operator.gt)
    return None if climb is None else UptakeGrade(GradeScale.DEAUVILLE, 2 + climb.height, climb.why)


def promise(suv_max: float, references: Mapping[str, float], radiopharmaceutical: str = "") -> UptakeGrade | None:
    """The miPSMA score (Eiber 2018): 0 below the blood pool, 1 from it, 2 from the liver, 3 from the parotid gland on.

    The spleen counts in place of the liver for ligands that leave the body through the liver.
    """
    middle = "spleen" if is_excreted_by_liver(radiopharmaceutical) else "liver"
    rungs = [_rung(organ, references) for organ in ("blood pool", middle, "parotid gland")]
    climb = _climb(suv_max, rungs, operator.ge)
    return None if climb is None else UptakeGrade(GradeScale.PROMISE, climb.height, climb.why)


def uptake_words(suv_max: float, references: Mapping[str, float]) -> str:
    """``intense`` over twice the liver, ``moderate`` over the liver, ``slight`` over the blood pool, else ``mild``.

    Empty where a reference that decides was not found.
    """
    climb = _climb(suv_max, _deauville_rungs(references), operator.gt)
    return "" if climb is None else _WORDS[climb.height]


def is_excreted_by_liver(radiopharmaceutical: str) -> bool:
    """Whether a PSMA ligand leaves the body through the liver, as PSMA-1007 does."""
    return "psma1007" in "".join(filter(str.isalnum, radiopharmaceutical.lower()))


@dataclass(frozen=True, slots=True)
class _Rung:
    """What uptake is compared with: a multiple of an organ's mean SUVbw; None where the organ was not found."""

    organ: str
    mean: float | None
    multiple: float = 1.0

    @property
    def suv(self) -> float | None:
        return None if self.mean is None else self.mean * self.multiple


@dataclass(frozen=True, slots=True)
class _Climb:
    """How many rungs uptake reaches, and the comparisons that decide."""

    height: int
    why: str


def _climb(suv_max: float, rungs: Sequence[_Rung], reaches: Callable[[float, float], bool]) -> _Climb | None:
    """Rungs go up; None where one that was not found could make a difference, or where they do not go up."""
    known = [(number, rung.suv) for number, rung in enumerate(rungs, start=1) if rung.suv is not None]
    height = max((number for number, suv in known if reaches(suv_max, suv)), default=0)
    missed = min((number for number, suv in known if not reaches(suv_max, suv)), default=len(rungs) + 1)
    if missed != height + 1:
        return None
    deciding = {rung.organ: rung for rung in rungs[max(0, height - 1) : missed]}
    compared = [
        f"{suv_max / rung.mean:.2f} times the {rung.organ} (mean {rung.mean:.2f})"
        for rung in deciding.values()
        if rung.mean
    ]
    return _Climb(height, f"SUVmax {suv_max:.1f} is {' and '.join(compared)}.")


def _deauville_rungs(references: Mapping[str, float]) -> list[_Rung]:
    pool, liver = _rung("blood pool", references), _rung("liver", references)
    if pool.mean is not None and liver.mean is not None and pool.mean >= liver.mean:
        pool = liver
    return [pool, liver, _Rung("liver", liver.mean, 2.0)]


def _rung(organ: str, references: Mapping[str, float]) -> _Rung:
    name = {"blood pool": "blood_pool_mean", "parotid gland": "parotid_mean"}.get(organ, f"{organ}_mean")
    return _Rung(organ, references.get(name))
