"""Where a tracer is taken up without disease, as a table: the knowledge behind ``physiologic``.

Boxes are those of ``location.places``; ratios are SUVmax over the mean of the liver. After the usual biodistribution
of FDG (EANM 2015), PSMA ligands (EANM/SNMMI 2023), DOTATATE (SNMMI/EANM 2017) and fluciclovine (package insert).
"""

from dataclasses import dataclass

from config.tracers import Tracer
from config.vocabulary import Laterality
from inference.location.places import Range
from inference.uptake.verdict import Organ, organ_at

USUAL_LIVER_SUV: dict[Tracer, float] = {
    Tracer.FDG: 2.1,
    Tracer.PSMA: 5.0,
    Tracer.DOTATATE: 6.0,
    Tracer.FLUCICLOVINE: 8.0,
    Tracer.OTHER: 2.1,
}

_FDG = frozenset({Tracer.FDG})
_PSMA = frozenset({Tracer.PSMA})
_DOTATATE = frozenset({Tracer.DOTATATE})
_PEPTIDE = frozenset({Tracer.PSMA, Tracer.DOTATATE})
_AMINO = frozenset({Tracer.FLUCICLOVINE})
_ALL = frozenset(Tracer)
IN_URINE = frozenset({Tracer.FDG, Tracer.PSMA, Tracer.DOTATATE, Tracer.OTHER})

PARTNER_BONUS = 0.15

_NO_LIMIT = float("inf")
_ANY = (0.0, _NO_LIMIT)


@dataclass(frozen=True, slots=True)
class Expected:
    """Uptake to be expected in an organ.

    ``words`` and ``entry`` are those of ``verdict.organ_at``. ``left_mm`` is signed unless ``paired``.
    ``needs_partner`` asks for like uptake on the other side. ``confidence`` is that of the verdict; ``PARTNER_BONUS``
    is added for a partner where the organ is paired.
    """

    words: str
    entry: str
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

    def organ(self, side: Laterality) -> Organ:
        return organ_at(self.words, self.entry, side if self.paired else Laterality.NONE)


# fmt: off
KIDNEY = Expected(
    "{side} kidney", "{side} kidney", _ALL, (400.0, 520.0), (30.0, 95.0), (-38.0, 45.0), 0.7,
    paired=True, liver_ratio=(1.3, _NO_LIMIT), depth_mm=(25.0, _NO_LIMIT),
)

EXPECTED: tuple[Expected, ...] = (
    KIDNEY,
    Expected(
        "spleen", "spleen", _PEPTIDE, (335.0, 450.0), (55.0, 130.0), (-38.0, 70.0), 0.7,
        volume_ml=(10.0, _NO_LIMIT),
    ),
    Expected(
        "spleen", "spleen", _FDG, (335.0, 450.0), (60.0, 130.0), (-38.0, 70.0), 0.6,
        liver_ratio=(0.0, 1.6), volume_ml=(30.0, _NO_LIMIT),
    ),
    Expected(
        "stomach", "stomach", _FDG, (345.0, 455.0), (-10.0, 108.0), (30.0, 128.0), 0.5,
        liver_ratio=(0.0, 3.0), volume_ml=(10.0, _NO_LIMIT),
    ),
    Expected(
        "gallbladder", "gallbladder", _PSMA | _AMINO, (393.0, 468.0), (-68.0, -22.0), (50.0, 108.0), 0.5,
        volume_ml=(1.0, 80.0),
    ),
    Expected(
        "duodenum", "duodenum", _PEPTIDE, (415.0, 520.0), (-75.0, -5.0), (28.0, 100.0), 0.5,
        volume_ml=(2.0, _NO_LIMIT),
    ),
    Expected(
        "jejunum", "jejunum", _PEPTIDE, (415.0, 540.0), (36.0, 108.0), (28.0, 125.0), 0.5,
        volume_ml=(2.0, _NO_LIMIT),
    ),
    Expected(
        "small bowel", "duodenum and small bowel", _PEPTIDE, (415.0, 650.0), (-95.0, 95.0), (60.0, 130.0), 0.45,
        liver_ratio=(0.0, 1.0), volume_ml=(2.0, _NO_LIMIT),
    ),
    Expected(
        "pancreas", "pancreas", _AMINO, (405.0, 475.0), (-45.0, 75.0), (25.0, 80.0), 0.6,
        volume_ml=(2.0, _NO_LIMIT),
    ),
    Expected(
        "{side} adrenal gland", "{side} adrenal gland", _DOTATATE, (390.0, 442.0), (20.0, 60.0), (0.0, 40.0), 0.45,
        paired=True, needs_partner=True, volume_ml=(0.0, 10.0),
    ),
    Expected(
        "{side} celiac ganglion", "celiac node", _PSMA, (392.0, 440.0), (4.0, 24.0), (28.0, 58.0), 0.5,
        paired=True, liver_ratio=(0.0, 1.0), volume_ml=(0.0, 2.0),
    ),
    Expected(
        "{side} parotid gland", "{side} parotid gland", _PEPTIDE, (-28.0, 35.0), (30.0, 80.0), (-5.0, 60.0), 0.65,
        paired=True,
    ),
    Expected(
        "{side} submandibular gland", "{side} submandibular gland", _PEPTIDE,
        (20.0, 68.0), (10.0, 45.0), (30.0, 85.0), 0.65,
        paired=True,
    ),
    Expected(
        "{side} lacrimal gland", "{side} orbit", _PEPTIDE, (-85.0, -18.0), (18.0, 58.0), (40.0, 145.0), 0.6,
        paired=True, volume_ml=(0.0, 5.0),
    ),
    Expected(
        "nasopharyngeal mucosa", "nasal cavity and nasopharynx", _PSMA,
        (-40.0, 15.0), (-18.0, 18.0), (10.0, 75.0), 0.45,
        liver_ratio=(0.0, 1.5),
    ),
    Expected(
        "pituitary gland", "pituitary gland and sella", _DOTATATE, (-60.0, -20.0), (-12.0, 12.0), (0.0, 45.0), 0.6,
    ),
    Expected(
        "{side} parotid gland", "{side} parotid gland", _FDG | _AMINO, (-28.0, 30.0), (30.0, 80.0), (-5.0, 60.0), 0.4,
        paired=True, needs_partner=True, liver_ratio=(0.0, 3.0),
    ),
    Expected(
        "{side} submandibular gland", "{side} submandibular gland", _FDG | _AMINO,
        (20.0, 68.0), (10.0, 45.0), (30.0, 85.0), 0.4,
        paired=True, needs_partner=True, liver_ratio=(0.0, 3.0),
    ),
    Expected(
        "{side} palatine tonsil", "{side} palatine tonsil", _FDG, (-12.0, 45.0), (8.0, 34.0), (22.0, 65.0), 0.4,
        paired=True, needs_partner=True, liver_ratio=(0.0, 5.0), volume_ml=(0.0, 12.0),
    ),
    Expected(
        "vocal cords", "glottis", _FDG, (62.0, 102.0), (0.0, 18.0), (18.0, 60.0), 0.4,
        paired=True, needs_partner=True, liver_ratio=(0.0, 3.0),
    ),
    Expected(
        "brown fat", "{side} supraclavicular node", _FDG, (60.0, 165.0), (8.0, 120.0), (-60.0, 80.0), 0.45,
        paired=True, needs_partner=True, fat_share=(0.5, 1.0),
    ),
    Expected(
        "brown fat", "chest wall", _FDG, (165.0, 300.0), (8.0, 120.0), (-60.0, 80.0), 0.45,
        paired=True, needs_partner=True, fat_share=(0.5, 1.0),
    ),
)
# fmt: on
"""In the order in which they are asked; the first that fits gives the verdict."""
