"""Coded concepts of result objects, where pydicom's dictionary has no name for them or the choice wants a word."""

import textwrap

import highdicom
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from config.finding import Finding, FindingKind, GradeScale, UptakeGrade
from config.reasons import Reason
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
PERCENT = Code("%", "UCUM", "Percent")

PRIVATE_SCHEME = "99UPTAKE"
"""Codes of our own, where neither the standard nor a public terminology has one."""

CANDIDATE_SITE = Code("CANDIDATESITE", PRIVATE_SCHEME, "Candidate finding site")
NAME_OF_SITE = Code("NAMEOFSITE", PRIVATE_SCHEME, "Name of site")
BASIS_OF_GRADE = Code("BASISOFGRADE", PRIVATE_SCHEME, "Basis of grade")
REASON_NOT_ANALYSED = Code("NOTANALYSED", PRIVATE_SCHEME, "Reason why not analysed")

FINDING_CATEGORY = Code("276214006", "SCT", "Finding category")
REFERENCE_REGION = Code("C94970", "NCIt", "Reference Region")
DESCENDING_AORTA = Code("32672002", "SCT", "Descending aorta")
STANDARD_DEVIATION = Code("386136009", "SCT", "Standard Deviation")

_DEAUVILLE = {1: "C99728", 2: "C99747", 3: "C99748", 4: "C99749", 5: "C99750"}

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


def grade_scale(grade: UptakeGrade) -> Code:
    """The scale of a grade of uptake. SNOMED CT has Deauville's; PROMISE's has no public code."""
    if grade.scale is GradeScale.DEAUVILLE:
        return Code("708895006", "SCT", "Deauville five point scale")
    return Code("MIPSMA", PRIVATE_SCHEME, "miPSMA score")


def grade_value(grade: UptakeGrade) -> Code:
    """A grade of uptake. Deauville's have codes of the NCI Thesaurus (HL7 mCODE)."""
    if grade.scale is GradeScale.DEAUVILLE:
        return Code(_DEAUVILLE[grade.score], "NCIt", f"London Deauville Criteria Point Scale {grade.score}")
    return Code(f"MIPSMA{grade.score}", PRIVATE_SCHEME, f"miPSMA score {grade.score}")


def refusal_reason(reason: Reason) -> Code:
    """The coded reason for which a study could not be analysed; its meaning in the 64 characters of a Code Meaning."""
    return Code(reason.value, PRIVATE_SCHEME, textwrap.shorten(reason.meaning, 64, placeholder=" ..."))
