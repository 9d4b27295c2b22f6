"""Series: instances grouped, and what each series is, told from its headers, with the reason in words."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydicom.dataset import Dataset
from pydicom.uid import (
    EnhancedXRayRadiationDoseSRStorage,
    PatientRadiationDoseSRStorage,
    RadiopharmaceuticalRadiationDoseSRStorage,
    RealWorldValueMappingStorage,
    XRayRadiationDoseSRStorage,
)

from dicom_io.header_values import as_number, items, number, private_text, text, texts
from dicom_io.sop_classes import CT, PET, SECONDARY_CAPTURE, SEGMENTATION, STRUCTURED_REPORT


class SeriesKind(StrEnum):
    ATTENUATION_CT = "attenuation CT"
    DIAGNOSTIC_CT = "diagnostic CT"
    SCOUT = "scout"
    PET = "PET"
    PET_NAC = "PET without attenuation correction"
    DERIVED = "derived"
    DOSE_REPORT = "dose report"
    REAL_WORLD_VALUE_MAPPING = "real world value mapping"
    RESULT = "result"
    OTHER = "other"


@dataclass(frozen=True, eq=False)
class Series:
    """A series, or that part of it which is of one SOP Class: its headers in the order of their SOP Instance UIDs."""

    uid: str
    kind: SeriesKind
    why: str
    headers: tuple[Dataset, ...]

    @property
    def name(self) -> str:
        """Which series it is, for messages."""
        first = self.headers[0]
        number_and_name = (text(first, "SeriesNumber"), repr(text(first, "SeriesDescription")[:64]))
        return f"{text(first, 'Modality')} series {' '.join(number_and_name).strip()} ({len(self.headers)} instances)"


_DOSE_REPORTS = frozenset(
    {
        EnhancedXRayRadiationDoseSRStorage,
        PatientRadiationDoseSRStorage,
        RadiopharmaceuticalRadiationDoseSRStorage,
        XRayRadiationDoseSRStorage,
    }
)
_DERIVED_WORDS = frozenset(
    {"MIP", "MINIP", "MPR", "CPR", "REFORMATTED", "REPROJECTION", "PROJECTION", "SCREEN", "SAVE", "FUSION", "FUSED"}
    | {"SUBTRACTION", "VRT", "VOLREN", "RENDERED", "SSD", "COLLAGE"}
)
_ATTENUATION_WORDS = frozenset({"ac", "ctac", "acct", "ctattn", "attn", "attenuation", "ld", "ldct", "lowdose"})
_DIAGNOSTIC_WORDS = frozenset(
    {"diagnostic", "diag", "contrast", "arterial", "venous", "portal", "hrct", "angio", "cta"}
)
_UNCORRECTED = re.compile(r"\b(nac|uncorrected|uncorr|(no|non|without|w/o)[ _-]?(ac|attenuation)\w*)\b")
_BACKSLASH = "\\"
_SHARP_KERNELS = re.compile(r"lung|bone|edge|detail|chst|sharp|^[bhi][a-z]?[5-9]\d|^fc[58]\d")


def group_series(headers: Iterable[Dataset]) -> tuple[Series, ...]:
    """The series that instances form, ordered by UID, whatever the order of the instances.

    Localizers that a scanner filed with the slices planned on them are told apart from these.
    """
    groups: dict[tuple[str, ...], list[Dataset]] = defaultdict(list)
    for header in headers:
        keywords = ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID")
        localizer = str("LOCALIZER" in _image_words(header))
        groups[*(text(header, keyword) for keyword in keywords), localizer].append(header)
    series = []
    for (_, uid, _, _), members in sorted(groups.items()):
        members.sort(key=lambda header: text(header, "SOPInstanceUID"))
        kind, why = classify(members)
        series.append(Series(uid, kind, why, tuple(members)))
    return tuple(series)


def classify(headers: Sequence[Dataset]) -> tuple[SeriesKind, str]:
    """The kind of a series and why, from the headers of its instances (one or more)."""
    first = headers[0]
    sop_class = text(first, "SOPClassUID")
    if sop_class in CT:
        return _classify_ct(headers)
    if sop_class in PET:
        return _classify_pet(headers)
    if sop_class == RealWorldValueMappingStorage:
        return SeriesKind.REAL_WORLD_VALUE_MAPPING, "Real World Value Mapping"
    if sop_class in _DOSE_REPORTS or _says_dose_report(first):
        return SeriesKind.DOSE_REPORT, "a radiation dose report"
    if sop_class in SEGMENTATION | STRUCTURED_REPORT | SECONDARY_CAPTURE:
        return SeriesKind.RESULT, "a segmentation, report or picture made from other series"
    return SeriesKind.OTHER, "neither CT nor PET nor made from them"


def has_sharp_kernel(header: Dataset) -> bool:
    """Whether a CT was reconstructed with a kernel for lung or bone, which is noisy in soft tissue."""
    return _SHARP_KERNELS.search(_kernel(header)) is not None


def why_not_corrected(header: Dataset) -> str:
    """Why a PET isn't known to be attenuation corrected; ``""`` if it is.

    Corrected Image (0028,0051) must have ATTN, or the enhanced PET's Attenuation Corrected (0018,9759) be YES. GE
    writes ATTN into reconstructions without correction too: then Attenuation Correction Method (0054,1101), the private
    (0009,xx8C) or, without these, the description tell.
    """
    shared = items(header, "SharedFunctionalGroupsSequence")[:1]
    converted = [item for groups in shared for item in items(groups, "UnassignedSharedConvertedAttributesSequence")]
    corrections = [value for dataset in (header, *converted) for value in texts(dataset, "CorrectedImage")]
    if "ATTN" not in corrections and text(header, "AttenuationCorrected") != "YES":
        return f"Corrected Image lacks ATTN ({_BACKSLASH.join(corrections) or 'empty'})"
    method = text(header, "AttenuationCorrectionMethod")
    if method.lower() in ("none", "no", "off"):
        return f"Corrected Image has ATTN, but Attenuation Correction Method is {method}"
    if private_text(header, 0x0009, 0x8C, "GEMS_PETD_01") == "0":
        return "Corrected Image has ATTN, but GE's private attenuation (0009,xx8C) is 0"
    description = text(header, "SeriesDescription")
    if not method and _UNCORRECTED.search(description.lower()):
        return f"Corrected Image has ATTN, but no method is given and the series is described as {description!r}"
    return ""


def _classify_ct(headers: Sequence[Dataset]) -> tuple[SeriesKind, str]:
    first = headers[0]
    words = _image_words(first)
    if all("LOCALIZER" in _image_words(header) for header in headers):
        return SeriesKind.SCOUT, "Image Type says LOCALIZER"
    if _says_dose_report(first):
        return SeriesKind.DOSE_REPORT, f"Series Description is {text(first, 'SeriesDescription')!r}"
    if derived := _derivation(first, words):
        return SeriesKind.DERIVED, derived
    rescale_type = text(first, "RescaleType")
    if rescale_type not in ("", "HU", "HU_MOD", "US"):
        return SeriesKind.DERIVED, f"Rescale Type is {rescale_type}, not HU"
    if len(headers) <= 3 and not _has_frames(first) and _is_upright(first):
        return SeriesKind.SCOUT, f"{len(headers)} sagittal or coronal image{'s' if len(headers) > 1 else ''}"
    attenuation, diagnostic = _signs_of_attenuation(first), _signs_of_diagnosis(first)
    if len(attenuation) >= len(diagnostic):
        return SeriesKind.ATTENUATION_CT, "; ".join(attenuation) or "nothing speaks for a diagnostic CT"
    return SeriesKind.DIAGNOSTIC_CT, "; ".join(diagnostic)


def _classify_pet(headers: Sequence[Dataset]) -> tuple[SeriesKind, str]:
    first = headers[0]
    words = _image_words(first)
    if "REPROJECTION" in texts(first, "SeriesType"):
        return SeriesKind.DERIVED, "Series Type says REPROJECTION"
    if derived := _derivation(first, words):
        return SeriesKind.DERIVED, derived
    for header in headers:
        if why := why_not_corrected(header):
            return SeriesKind.PET_NAC, why
    return SeriesKind.PET, "Corrected Image has ATTN"


def _image_words(header: Dataset) -> list[str]:
    return [word for value in texts(header, "ImageType") for word in re.split(r"[^A-Z0-9]+", value.upper())]


def _derivation(header: Dataset, words: Sequence[str]) -> str:
    """Why the images aren't the reconstruction itself; ``""`` if they may be.

    DERIVED alone is no reason: converted, iteratively reconstructed and denoised images carry it.
    """
    image_type = "\\".join(texts(header, "ImageType"))
    if any(word in _DERIVED_WORDS for word in words):
        return f"Image Type is {image_type}"
    if words[1:2] == ["SECONDARY"] and not {"AXIAL", "VOLUME"} & set(words[2:]):
        return f"Image Type is {image_type}"
    if (number(header, "SamplesPerPixel") or 1.0) > 1.0:
        return "the images are in colour"
    return ""


def _says_dose_report(header: Dataset) -> bool:
    codes = [text(item, "CodeValue") for item in items(header, "ConceptNameCodeSequence")]
    description = text(header, "SeriesDescription").lower()
    return "113701" in codes or re.search(r"dose (report|info|summary)|patient protocol", description) is not None


def _has_frames(header: Dataset) -> bool:
    return (number(header, "NumberOfFrames") or 1.0) > 1.0


def _is_upright(header: Dataset) -> bool:
    """Whether an image is sagittal or coronal: its normal lies nearer to the transverse plane than to the body axis."""
    cosines = [as_number(value) for value in texts(header, "ImageOrientationPatient")]
    if len(cosines) != 6 or None in cosines:
        return False
    x1, y1, _, x2, y2, _ = (value or 0.0 for value in cosines)
    return abs(x1 * y2 - y1 * x2) < 0.5


def _signs_of_attenuation(header: Dataset) -> list[str]:
    description = text(header, "SeriesDescription")
    thickness, current = number(header, "SliceThickness"), number(header, "XRayTubeCurrent")
    diameter = number(header, "ReconstructionDiameter")
    signs = []
    if _words(description) & _ATTENUATION_WORDS or "low dose" in description.lower():
        signs += [f"described as {description!r}"] * 2
    if thickness is not None and thickness >= 2.5:
        signs.append(f"slices of {thickness:g} mm")
    if current is not None and current <= 120.0:
        signs.append(f"{current:g} mA")
    if diameter is not None and diameter > 500.0:
        signs.append(f"field of view of {diameter:g} mm")
    return signs


def _signs_of_diagnosis(header: Dataset) -> list[str]:
    description, contrast = text(header, "SeriesDescription"), text(header, "ContrastBolusAgent")
    thickness, current = number(header, "SliceThickness"), number(header, "XRayTubeCurrent")
    signs = []
    if _words(description) & _DIAGNOSTIC_WORDS:
        signs.append(f"described as {description!r}")
    if contrast:
        signs += ["contrast medium"] * 2
    if thickness is not None and thickness <= 1.5:
        signs.append(f"slices of {thickness:g} mm")
    if current is not None and current >= 200.0:
        signs.append(f"{current:g} mA")
    if has_sharp_kernel(header):
        signs.append(f"kernel {text(header, 'ConvolutionKernel')}")
    return signs


def _words(description: str) -> set[str]:
    return set(re.split(r"[^a-z]+", description.lower()))


def _kernel(header: Dataset) -> str:
    return text(header, "ConvolutionKernel").lower()
