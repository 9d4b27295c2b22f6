"""Coded concepts of result objects, where pydicom's dictionary has no name for them or the choice wants a word."""

import highdicom
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from config.finding import Finding, FindingKind
from config.tracers import Tracer
from config.vocabulary import REGION_CODES, Laterality, Location

LESION_CATEGORY = Code("49755003", "SCT", "Morphologically Abnormal Structure")
LESION_TYPE = Code("108369006", "SCT", "Neoplasm")
PHYSIOLOGIC_CATEGORY = Code("91723000", "SCT", "Anatomical Structure")

SUVBW = Code("126401", "DCM", "SUVbw")
PEAK = Code("126031", "DCM", "Peak Value Within ROI")
QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
NUMBER_OF_LESIONS = Code("246206008", "SCT", "Number of lesions")
FINDINGS_SUMMARY = Code("111017", "DCM", "CAD Processing and Findings Summary")

ARTIFICIAL_INTELLIGENCE = codes.DCM.ArtificialIntelligence
SUV_UNIT = Code("g/ml{SUVbw}", "UCUM", "Standardized Uptake Value body weight")
MILLILITRE = Code("ml", "UCUM", "ml")
MILLIMETRE = Code("mm", "UCUM", "mm")
GRAM = Code("g", "UCUM", "g")
NO_UNITS = Code("1", "UCUM", "no units")

_SIDES = {
    Laterality.RIGHT: Code("24028007", "SCT", "Right"),
    Laterality.LEFT: Code("7771000", "SCT", "Left"),
}


def concept(code: Code) -> highdicom.sr.CodedConcept:
    return highdicom.sr.CodedConcept.from_code(code)


def site(location: Location) -> Code:
    """The SNOMED CT concept of a location or of what encloses it: at the widest, its region of the body."""
    if location.sct_code:
        return Code(location.sct_code, "SCT", location.sct_meaning)
    value, meaning = REGION_CODES[location.region]
    return Code(value, "SCT", meaning)


def side(location: Location) -> Code | None:
    """Right or left, where the location is on one side."""
    return _SIDES.get(location.laterality)


def finding_site(location: Location) -> highdicom.sr.FindingSite:
    """Finding Site (363698007) with its laterality as a modifier (272741003)."""
    return highdicom.sr.FindingSite(anatomic_location=site(location), laterality=side(location))


def anatomic_region(location: Location) -> Dataset:
    """Item of Anatomic Region Sequence (0008,2218), with laterality in its modifier sequence."""
    item = concept(site(location))
    if (lateral := side(location)) is not None:
        item.AnatomicRegionModifierSequence = [concept(lateral)]
    return item


def category(finding: Finding) -> Code:
    """Segmented property or finding category (PS3.16 CID 7150)."""
    return LESION_CATEGORY if finding.kind is FindingKind.LESION else PHYSIOLOGIC_CATEGORY


def property_type(finding: Finding) -> Code:
    """Segmented property type: a neoplasm, or the organ that takes the tracer up."""
    return LESION_TYPE if finding.kind is FindingKind.LESION else site(finding.location.location)


def procedure_reported(tracer: Tracer) -> Code:
    """The examination (PS3.16 CID 100). No code there names whole-body PET/CT with another tracer than FDG."""
    if tracer is Tracer.FDG:
        return Code("443271005", "SCT", "PET/CT FDG imaging of whole body")
    return Code("44139-4", "LN", "PET whole body")
