"""Radionuclides: recognising them in headers of any age, their half-lives and customary uptake times."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from config.reasons import Reason, Refused, Remark
from config.tracers import Tracer

_TOLERANCE = 0.02
_SHORTEST_S, _LONGEST_S = 1.0, 1e10


@dataclass(frozen=True, slots=True)
class Radionuclide:
    """A radionuclide (``symbol`` as "F-18"). ``uptake_min``: customary minutes from injection to scan, if any."""

    symbol: str
    element: str
    half_life_s: float
    emits_positrons: bool
    uptake_min: tuple[float, float] | None


def _nuclides(
    positrons: bool, table: tuple[tuple[str, str, float, tuple[float, float] | None], ...]
) -> dict[str, Radionuclide]:
    return {
        symbol: Radionuclide(symbol, element, half_life_s, positrons, uptake)
        for symbol, element, half_life_s, uptake in table
    }


RADIONUCLIDES: dict[str, Radionuclide] = {
    # Half-lives of DDEP and ENSDF; they only check a header's, or stand in where it has none.
    **_nuclides(
        True,
        (
            ("F-18", "fluorine", 6586.2, (30.0, 120.0)),
            ("Ga-68", "gallium", 4062.6, (30.0, 120.0)),
            ("C-11", "carbon", 1223.0, (0.0, 90.0)),
            ("N-13", "nitrogen", 598.0, (0.0, 40.0)),
            ("O-14", "oxygen", 70.6, (0.0, 10.0)),
            ("O-15", "oxygen", 122.2, (0.0, 20.0)),
            ("Rb-82", "rubidium", 76.0, (0.0, 15.0)),
            ("Cu-60", "copper", 1422.0, None),
            ("Cu-61", "copper", 12020.0, (30.0, 360.0)),
            ("Cu-62", "copper", 580.2, (0.0, 40.0)),
            ("Cu-64", "copper", 45721.0, (30.0, 2 * 1440.0)),
            ("Zr-89", "zirconium", 282276.0, (720.0, 10 * 1440.0)),
            ("I-124", "iodine", 360800.0, (30.0, 10 * 1440.0)),
            ("Sc-43", "scandium", 14008.0, (30.0, 360.0)),
            ("Sc-44", "scandium", 14292.0, (30.0, 360.0)),
            ("Y-86", "yttrium", 53060.0, (30.0, 2 * 1440.0)),
            ("Y-90", "yttrium", 230580.0, (0.0, 4 * 1440.0)),
            ("Ge-68", "germanium", 2.341e7, None),
            ("Ga-66", "gallium", 34164.0, None),
            ("Br-75", "bromine", 5802.0, None),
            ("Br-76", "bromine", 58320.0, None),
            ("Br-77", "bromine", 205340.0, None),
            ("Na-22", "sodium", 8.213e7, None),
            ("K-38", "potassium", 458.2, None),
            ("Ti-45", "titanium", 11088.0, None),
            ("Mn-51", "manganese", 2772.0, None),
            ("Mn-52", "manganese", 483100.0, None),
            ("Mn-52m", "manganese", 1266.0, None),
            ("Fe-52", "iron", 29790.0, None),
            ("Zn-62", "zinc", 33095.0, None),
            ("As-70", "arsenic", 3156.0, None),
            ("As-72", "arsenic", 93600.0, None),
            ("Se-73", "selenium", 25740.0, None),
            ("Nb-90", "niobium", 52560.0, None),
            ("Tc-94m", "technetium", 3120.0, None),
            ("Tb-152", "terbium", 63000.0, None),
        ),
    ),
    **_nuclides(
        False,
        (
            ("Lu-177", "lutetium", 574300.0, None),
            ("Tc-99m", "technetium", 21624.0, None),
            ("I-123", "iodine", 47592.0, None),
            ("I-125", "iodine", 5.132e6, None),
            ("I-131", "iodine", 693377.0, None),
            ("In-111", "indium", 242326.0, None),
            ("Ga-67", "gallium", 281811.0, None),
            ("Tl-201", "thallium", 262837.0, None),
            ("Xe-133", "xenon", 453384.0, None),
            ("Kr-81m", "krypton", 13.1, None),
            ("Cr-51", "chromium", 2.3935e6, None),
            ("Sm-153", "samarium", 166600.0, None),
            ("Ho-166", "holmium", 96480.0, None),
            ("Re-186", "rhenium", 321261.0, None),
            ("Re-188", "rhenium", 61214.0, None),
            ("Ra-223", "radium", 987550.0, None),
            ("Ac-225", "actinium", 857088.0, None),
            ("Pb-212", "lead", 38304.0, None),
            ("Cu-67", "copper", 222588.0, None),
        ),
    ),
}

_OF_TRACER = {Tracer.FDG: "F-18", Tracer.FLUCICLOVINE: "F-18"}
_OLD_SNOMED = frozenset({"SRT", "99SDM", "SNM3", "99SMS", "SNOMED-RT"})


def identify(
    *, code: tuple[str, str], names: Iterable[str], tracer: Tracer, half_life_s: float | None
) -> Radionuclide | None:
    """The radionuclide that a header means, from the strongest evidence it has; None if there is none.

    Parameters
    ----------
    code
        Code value and coding scheme designator of Radionuclide Code Sequence (0054,0300).
    names
        Texts that may name it, best first: its code meaning, the radiopharmaceutical's name and code meaning.
    tracer
        Decides where it exists with one radionuclide only.
    half_life_s
        Last resort, where just one radionuclide has it within 2 %.
    """
    found = _from_code(*code)
    for name in names:
        found = found or from_text(name)
    if found or tracer in _OF_TRACER:
        return found or RADIONUCLIDES[_OF_TRACER[tracer]]
    near = [nuclide for nuclide in RADIONUCLIDES.values() if half_life_s and _agrees(half_life_s, nuclide.half_life_s)]
    return near[0] if len(near) == 1 else None


def from_text(text: str) -> Radionuclide | None:
    """The radionuclide named in a text as "18F", "F-18", "F18", "Fluorine-18", "^18^Fluorine" or "[18F]FDG"."""
    spelled = _element_pattern()
    mass_first = rf"(?<![a-z0-9])[\^\[(]*(?P<mass>\d{{1,3}}m?)[\^\])]*[\s-]*(?P<element>{spelled})(?![a-z])"
    mass_last = rf"(?<![a-z])(?P<element>{spelled})[\s-]*[\^\[(]*(?P<mass>\d{{1,3}}m?)(?![a-z0-9])"
    hits = [hit for pattern in (mass_first, mass_last) for hit in re.finditer(pattern, text.lower())]
    for hit in sorted(hits, key=lambda hit: hit.start()):
        for nuclide in RADIONUCLIDES.values():
            symbol, mass = nuclide.symbol.lower().split("-")
            if hit["mass"] == mass and hit["element"] in (symbol, nuclide.element):
                return nuclide
    return None


def require_positron_emitter(nuclide: Radionuclide | None) -> None:
    """Raises ``Refused(NOT_A_POSITRON_EMITTER)`` if the radionuclide is known and is none."""
    if nuclide is not None and not nuclide.emits_positrons:
        raise Refused(
            Reason.NOT_A_POSITRON_EMITTER, f"The radionuclide is {nuclide.symbol}; expected a positron emitter."
        )


def checked_half_life_s(
    header_s: float | None, nuclide: Radionuclide | None
) -> tuple[float | None, tuple[Remark, ...]]:
    """The half-life to use, None if unknown: the header's if from 1 s to 300 years, else the radionuclide's.

    The header's is checked against the radionuclide's to 2 %; one in minutes is recognised.
    """
    if header_s is None or not _SHORTEST_S <= header_s <= _LONGEST_S:
        if nuclide is None:
            return None, ()
        detail = (
            f"Radionuclide Half Life (0018,1075) is {header_s}; {nuclide.half_life_s:g} s of {nuclide.symbol} used."
        )
        return nuclide.half_life_s, (Remark(Reason.HALF_LIFE_ASSUMED, detail),)
    if nuclide is None or _agrees(header_s, nuclide.half_life_s):
        return header_s, ()
    found = f"The header says {header_s:g} s, {nuclide.symbol} has {nuclide.half_life_s:g} s"
    if _agrees(header_s * 60.0, nuclide.half_life_s):
        detail = f"{found}: the header's value is in minutes; {header_s * 60.0:g} s used."
        return header_s * 60.0, (Remark(Reason.HALF_LIFE_DISAGREES, detail),)
    return header_s, (Remark(Reason.HALF_LIFE_DISAGREES, f"{found}; the header's was used."),)


def _agrees(found_s: float, expected_s: float) -> bool:
    return abs(found_s / expected_s - 1.0) <= _TOLERANCE


def _from_code(value: str, scheme: str) -> Radionuclide | None:
    if not value:
        return None
    wanted = Code(value, "SRT" if scheme in _OLD_SNOMED else scheme, "")
    return next((nuclide for code, nuclide in _coded() if code == wanted), None)


@cache
def _coded() -> tuple[tuple[Code, Radionuclide], ...]:
    """The concepts of PS3.16 CID 18 and CID 4020; pydicom compares them with their SNOMED-RT predecessors."""
    concepts = (getattr(group, name) for group in (codes.cid18, codes.cid4020) for name in group.dir())
    named = ((code, from_text(code.meaning)) for code in concepts)
    return tuple((code, nuclide) for code, nuclide in named if nuclide is not None)


@cache
def _element_pattern() -> str:
    spellings = {part for n in RADIONUCLIDES.values() for part in (n.symbol.split("-")[0].lower(), n.element)}
    return "|".join(sorted(spellings, key=lambda spelling: (-len(spelling), spelling)))
