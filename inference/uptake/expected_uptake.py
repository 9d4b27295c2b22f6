"""Where a tracer is taken up without disease, as a table: the knowledge behind ``physiologic``.

Boxes are those of ``location.places``; ratios are SUVmax over the mean of the liver. After the usual biodistribution
of FDG (EANM 2015), PSMA ligands (EANM/SNMMI 2023), DOTATATE (SNMMI/EANM 2017) and fluciclovine (package insert).
"""

from dataclasses import dataclass

from config.tracers import Tracer
from inference.location.places import Range

USUAL_LIVER_SUV: dict[Tracer, float] = {
    Tracer.FDG: 2.1,
    Tracer.PSMA: 5.0,
    Tracer.DOTATATE: 6.0,
    Tracer.FLUCICLOVINE: 8.0,
    Tracer.OTHER: 2.1,
}

_FDG = frozenset({Tracer.FDG})
_PSMA = frozenset({Tracer.PSMA})
_PEPTIDE = frozenset({Tracer.PSMA, Tracer.DOTATATE})
_AMINO = frozenset({Tracer.FLUCICLOVINE})
_ALL = frozenset(Tracer)
IN_URINE = frozenset({Tracer.FDG, Tracer.PSMA, Tracer.DOTATATE, Tracer.OTHER})

_ANY = (0.0, float("inf"))


@dataclass(frozen=True, slots=True)
class Expected:
    """Uptake to be expected in an organ.

    ``left_mm`` is signed unless ``paired``. ``needs_partner`` asks for like uptake on the other side. ``confidence``
    is that of the verdict; 0.15 is added for a partner where the organ is paired.
    """

    organ: str
    tracers: frozenset[Tracer]
    level_mm: Range
    left_mm: Range
    forward_mm: Range
    confidence: float
    paired: bool = False
    needs_partner: bool = False
    liver_ratio: Range = _ANY
    volume_ml: Range = _ANY
    fat_share: Range = (0.0, 1.0)
    depth_mm: Range = _ANY


KIDNEY = Expected(
    *("kidney", _ALL, (400.0, 520.0), (30.0, 95.0), (-38.0, 45.0), 0.7),
    paired=True,
    liver_ratio=(1.3, 1e9),
    depth_mm=(25.0, 1e9),
)

EXPECTED: tuple[Expected, ...] = (
    KIDNEY,
    Expected("spleen", _PEPTIDE, (335.0, 450.0), (55.0, 130.0), (-38.0, 70.0), 0.7, volume_ml=(10.0, 1e9)),
    Expected(
        *("spleen", _FDG, (335.0, 450.0), (60.0, 130.0), (-38.0, 70.0), 0.6),
        liver_ratio=(0.0, 1.6),
        volume_ml=(30.0, 1e9),
    ),
    Expected(
        *("stomach", _FDG, (345.0, 455.0), (-10.0, 108.0), (30.0, 128.0), 0.5),
        liver_ratio=(0.0, 3.0),
        volume_ml=(10.0, 1e9),
    ),
    Expected("gallbladder", _PSMA | _AMINO, (393.0, 468.0), (-68.0, -22.0), (50.0, 108.0), 0.5, volume_ml=(1.0, 80.0)),
    Expected("duodenum", _PEPTIDE, (415.0, 520.0), (-72.0, -34.0), (28.0, 100.0), 0.5, volume_ml=(2.0, 1e9)),
    Expected("jejunum", _PEPTIDE, (415.0, 540.0), (36.0, 108.0), (28.0, 125.0), 0.5, volume_ml=(2.0, 1e9)),
    Expected("pancreas", _AMINO, (405.0, 475.0), (-45.0, 75.0), (25.0, 80.0), 0.6, volume_ml=(2.0, 1e9)),
    Expected(
        *("adrenal gland", frozenset({Tracer.DOTATATE}), (390.0, 442.0), (20.0, 60.0), (0.0, 40.0), 0.45),
        paired=True,
        needs_partner=True,
        volume_ml=(0.0, 10.0),
    ),
    Expected(
        *("celiac ganglion", _PSMA, (392.0, 440.0), (4.0, 24.0), (28.0, 58.0), 0.5),
        paired=True,
        liver_ratio=(0.0, 1.0),
        volume_ml=(0.0, 2.0),
    ),
    Expected("parotid gland", _PEPTIDE, (-28.0, 35.0), (30.0, 80.0), (-5.0, 60.0), 0.65, paired=True),
    Expected("submandibular gland", _PEPTIDE, (20.0, 68.0), (10.0, 45.0), (30.0, 85.0), 0.65, paired=True),
    Expected(
        *("lacrimal gland", _PEPTIDE, (-85.0, -18.0), (18.0, 58.0), (40.0, 110.0), 0.6),
        paired=True,
        volume_ml=(0.0, 5.0),
    ),
    Expected(
        *("nasopharyngeal mucosa", _PSMA, (-40.0, 15.0), (-18.0, 18.0), (10.0, 75.0), 0.45),
        liver_ratio=(0.0, 1.5),
    ),
    Expected("pituitary gland", frozenset({Tracer.DOTATATE}), (-60.0, -20.0), (-12.0, 12.0), (0.0, 45.0), 0.6),
    Expected(
        *("salivary gland", _FDG | _AMINO, (-28.0, 68.0), (10.0, 80.0), (-5.0, 85.0), 0.4),
        paired=True,
        needs_partner=True,
        liver_ratio=(0.0, 3.0),
    ),
    Expected(
        *("tonsil", _FDG, (-12.0, 45.0), (8.0, 34.0), (22.0, 65.0), 0.4),
        paired=True,
        needs_partner=True,
        liver_ratio=(0.0, 5.0),
        volume_ml=(0.0, 12.0),
    ),
    Expected(
        *("vocal cords", _FDG, (62.0, 102.0), (0.0, 18.0), (18.0, 60.0), 0.4),
        paired=True,
        needs_partner=True,
        liver_ratio=(0.0, 3.0),
    ),
    Expected(
        *("brown fat", _FDG, (60.0, 300.0), (8.0, 120.0), (-60.0, 80.0), 0.45),
        paired=True,
        needs_partner=True,
        fat_share=(0.5, 1.0),
    ),
)
"""In the order in which they are asked; the first that fits gives the verdict."""
