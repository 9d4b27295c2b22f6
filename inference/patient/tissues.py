"""What the digital patient is made of: attenuation and normal uptake of every tissue."""

from dataclasses import dataclass

from config.tracers import Tracer


@dataclass(frozen=True, slots=True)
class Tissue:
    """``hu``: unenhanced CT, HU. ``fdg``, ``psma``: normal SUVbw an hour after injection.

    ``spread`` is the relative standard deviation of the uptake from patient to patient.
    """

    name: str
    hu: float
    fdg: float
    psma: float
    spread: float = 0.08

    def suv(self, tracer: Tracer) -> float:
        """Normal SUVbw; ``ValueError`` for a tracer whose normal uptake is not known here."""
        if tracer is Tracer.FDG:
            return self.fdg
        if tracer is Tracer.PSMA:
            return self.psma
        raise ValueError(f"no normal uptake for {tracer}; the digital patient knows FDG and PSMA")


AIR = Tissue("air", -1000, 0.0, 0.0)
SKIN = Tissue("skin", 15, 0.5, 0.4)
FAT = Tissue("fat", -102, 0.3, 0.25)
MUSCLE = Tissue("muscle", 52, 0.6, 0.5)
SOFT = Tissue("connective tissue", 22, 0.9, 0.7)
LUNG = Tissue("lung", -830, 0.4, 0.35)
VESSEL = Tissue("lung vessel", 30, 1.3, 1.1)
BLOOD = Tissue("blood", 42, 1.6, 1.5)
MYOCARDIUM = Tissue("myocardium", 48, 4.5, 1.4, 0.45)
OESOPHAGUS = Tissue("oesophagus", 38, 1.4, 0.9)
CORTEX = Tissue("cortical bone", 850, 0.6, 0.3)
COMPACT = Tissue("thin bone", 420, 0.9, 0.4)
MARROW = Tissue("marrow", 190, 1.2, 0.6)
YELLOW_MARROW = Tissue("yellow marrow", -30, 0.4, 0.3)
TOOTH = Tissue("tooth", 1900, 0.4, 0.3)
CARTILAGE = Tissue("cartilage", 95, 0.7, 0.4)
GREY_MATTER = Tissue("grey matter", 38, 8.0, 0.1)
WHITE_MATTER = Tissue("white matter", 30, 3.5, 0.1)
FLUID = Tissue("cerebrospinal fluid", 8, 0.5, 0.1)
CORD = Tissue("spinal cord", 35, 1.6, 0.2)
EYE = Tissue("eye", 12, 0.8, 0.3)
SALIVARY = Tissue("salivary gland", 25, 1.7, 9.0, 0.2)
LACRIMAL = Tissue("lacrimal gland", 30, 1.2, 6.5, 0.2)
TONSIL = Tissue("tonsil", 45, 2.2, 1.5, 0.2)
THYROID = Tissue("thyroid", 95, 1.3, 1.0)
LIVER = Tissue("liver", 58, 2.3, 5.0)
GALLBLADDER = Tissue("gallbladder", 10, 0.7, 3.0)
SPLEEN = Tissue("spleen", 50, 1.9, 4.0)
PANCREAS = Tissue("pancreas", 40, 1.5, 1.8)
ADRENAL = Tissue("adrenal", 15, 1.4, 2.0)
GASTRIC_WALL = Tissue("stomach wall", 40, 1.9, 2.0, 0.2)
GASTRIC_CONTENT = Tissue("stomach content", 12, 0.6, 0.5)
DUODENUM = Tissue("duodenum", 35, 1.7, 7.0, 0.2)
SMALL_BOWEL = Tissue("small bowel", 30, 1.5, 3.0, 0.2)
COLON = Tissue("colon", 35, 1.6, 1.2, 0.25)
FAECES = Tissue("colon content", -120, 0.8, 0.5)
KIDNEY = Tissue("kidney", 34, 5.0, 20.0, 0.15)
URINE = Tissue("urine in the pelvis", 10, 14.0, 16.0, 0.25)
URETER = Tissue("ureter", 12, 6.0, 8.0, 0.25)
BLADDER = Tissue("bladder", 8, 21.0, 15.0, 0.2)
PROSTATE = Tissue("prostate", 40, 1.6, 2.2)
UTERUS = Tissue("uterus", 45, 1.7, 1.2)
BREAST = Tissue("breast", -40, 0.7, 0.6)
TESTIS = Tissue("testis", 30, 2.4, 0.8)
COUCH_SHELL = Tissue("couch shell", -180, 0.0, 0.0)
COUCH_FOAM = Tissue("couch foam", -940, 0.0, 0.0)
