"""What bodies consist of: attenuation and normal uptake of every organ, and how they vary from patient to patient."""

from dataclasses import dataclass

from config.tracers import Tracer


@dataclass(frozen=True, slots=True)
class Organ:
    """One kind of tissue.

    Parameters
    ----------
    hu, hu_spread
        Unenhanced attenuation, HU: mean and standard deviation over patients.
    grain
        Standard deviation of the attenuation within a patient, HU.
    enhancement
        HU added in a portal venous phase.
    fdg, psma
        SUVbw an hour after injection: the median over patients.
    spread
        Standard deviation of the natural logarithm of the uptake over patients.
    """

    name: str
    hu: float
    hu_spread: float
    grain: float
    enhancement: float
    fdg: float
    psma: float
    spread: float

    def suv(self, tracer: Tracer) -> float:
        """Median SUVbw; ``ValueError`` for a tracer whose normal uptake is not known here."""
        if tracer not in (Tracer.FDG, Tracer.PSMA):
            raise ValueError(f"no normal uptake for {tracer}; the cohort knows FDG and PSMA")
        return self.fdg if tracer is Tracer.FDG else self.psma


ORGANS: tuple[Organ, ...] = (
    Organ("air", -1000, 0, 0, 0, 0.0, 0.0, 0.0),
    Organ("fat", -103, 7, 9, 2, 0.3, 0.25, 0.25),
    Organ("skin", 20, 15, 12, 8, 0.6, 0.5, 0.2),
    Organ("muscle", 52, 7, 9, 12, 0.65, 0.55, 0.2),
    Organ("connective tissue", -35, 25, 22, 10, 0.6, 0.5, 0.2),
    Organ("cortical bone", 720, 150, 120, 5, 0.7, 0.4, 0.25),
    Organ("marrow", 190, 60, 45, 12, 1.4, 0.7, 0.3),
    Organ("yellow marrow", 10, 45, 35, 4, 0.5, 0.4, 0.3),
    Organ("tooth", 1900, 300, 300, 0, 0.6, 0.4, 0.3),
    Organ("cartilage", 95, 30, 25, 6, 0.7, 0.5, 0.2),
    Organ("lung", -830, 45, 35, 12, 0.42, 0.35, 0.2),
    Organ("bronchus", 0, 40, 30, 10, 0.8, 0.7, 0.2),
    Organ("airway", -980, 10, 10, 0, 0.35, 0.3, 0.2),
    Organ("blood", 42, 6, 8, 115, 1.6, 1.4, 0.16),
    Organ("myocardium", 46, 6, 9, 60, 3.2, 1.5, 0.65),
    Organ("brain", 36, 3, 5, 4, 8.0, 0.15, 0.22),
    Organ("white matter", 29, 3, 5, 3, 3.6, 0.12, 0.2),
    Organ("cerebrospinal fluid", 8, 4, 4, 0, 0.6, 0.12, 0.2),
    Organ("spinal cord", 32, 6, 8, 4, 1.7, 0.3, 0.2),
    Organ("eye", 15, 8, 10, 2, 0.9, 0.5, 0.2),
    Organ("lacrimal gland", 30, 10, 10, 25, 1.4, 6.0, 0.3),
    Organ("pituitary", 45, 8, 8, 40, 1.8, 1.5, 0.3),
    Organ("parotid gland", -5, 25, 14, 30, 1.9, 12.0, 0.35),
    Organ("submandibular gland", 35, 15, 12, 40, 2.0, 12.5, 0.35),
    Organ("sublingual gland", 30, 15, 12, 30, 1.9, 6.0, 0.35),
    Organ("tonsil", 45, 8, 10, 25, 3.0, 2.0, 0.45),
    Organ("mucosa", 40, 10, 12, 20, 1.5, 1.6, 0.4),
    Organ("tongue", 50, 12, 12, 18, 1.5, 1.0, 0.35),
    Organ("larynx", 45, 15, 20, 15, 1.9, 1.0, 0.5),
    Organ("thyroid", 95, 25, 14, 70, 1.5, 1.1, 0.5),
    Organ("thymus", -50, 40, 25, 12, 0.9, 0.6, 0.4),
    Organ("oesophagus", 36, 8, 12, 30, 1.6, 1.0, 0.3),
    Organ("breast", -35, 35, 30, 15, 0.8, 0.6, 0.35),
    Organ("liver", 56, 9, 9, 50, 2.3, 5.0, 0.2),
    Organ("bile", 8, 6, 7, 1, 0.9, 3.0, 0.7),
    Organ("spleen", 49, 5, 8, 65, 1.9, 6.0, 0.25),
    Organ("pancreas", 38, 10, 12, 50, 1.5, 2.0, 0.25),
    Organ("adrenal gland", 18, 12, 12, 35, 1.5, 2.2, 0.3),
    Organ("kidney", 33, 5, 9, 130, 4.5, 30.0, 0.35),
    Organ("urine", 8, 6, 7, 10, 18.0, 22.0, 0.8),
    Organ("bladder wall", 32, 8, 8, 30, 2.5, 2.5, 0.3),
    Organ("bladder urine", 6, 5, 6, 3, 22.0, 18.0, 0.9),
    Organ("ureter", 20, 8, 8, 20, 4.0, 6.0, 0.8),
    Organ("stomach wall", 38, 8, 12, 45, 2.2, 2.2, 0.4),
    Organ("stomach content", 20, 30, 25, 0, 0.8, 0.6, 0.3),
    Organ("duodenum", 34, 8, 14, 40, 1.9, 9.0, 0.4),
    Organ("small bowel", 32, 10, 18, 45, 1.5, 3.2, 0.35),
    Organ("colon wall", 36, 8, 14, 40, 1.6, 1.3, 0.45),
    Organ("faeces", 5, 55, 60, 0, 1.2, 0.8, 0.5),
    Organ("rectum", 36, 8, 14, 35, 1.8, 1.2, 0.4),
    Organ("anal canal", 42, 8, 10, 25, 2.6, 1.4, 0.4),
    Organ("prostate", 42, 8, 9, 30, 1.8, 2.6, 0.3),
    Organ("seminal vesicle", 18, 8, 9, 20, 1.4, 1.5, 0.3),
    Organ("testis", 32, 6, 7, 15, 2.8, 1.0, 0.3),
    Organ("penis", 40, 8, 9, 40, 1.6, 1.6, 0.4),
    Organ("uterus", 46, 8, 11, 60, 1.9, 1.3, 0.3),
    Organ("ovary", 30, 12, 12, 30, 1.7, 1.1, 0.45),
    Organ("vagina", 42, 8, 10, 30, 1.6, 1.2, 0.3),
    Organ("lymph node", 38, 12, 12, 35, 1.0, 0.9, 0.25),
    Organ("couch", -250, 200, 30, 0, 0.0, 0.0, 0.0),
    Organ("clothing", -600, 150, 90, 0, 0.0, 0.0, 0.0),
)

NUMBERS = {organ.name: number for number, organ in enumerate(ORGANS)}
"""The value of an organ in an organ map."""
