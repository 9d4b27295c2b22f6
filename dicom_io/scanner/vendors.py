"""How vendors write PET: units, decay correction, time tags, private tags. The digital scanner writes by these."""

from dataclasses import dataclass, replace
from enum import StrEnum

from pydicom.uid import UID, ExplicitVRLittleEndian


class StoredUnits(StrEnum):
    """Units (0054,1001) that the digital scanner can write."""

    BQML = "BQML"
    CNTS = "CNTS"
    GML = "GML"


class DecayCorrection(StrEnum):
    """Decay Correction (0054,1102): to the scan's start, to the injection, or not at all."""

    START = "START"
    ADMIN = "ADMIN"
    NONE = "NONE"


class PrivateTags(StrEnum):
    """Private attributes that quantification needs, by whose they are."""

    NONE = "none"
    GE = "GE: scan date and time (0009,100D)"
    SIEMENS = "Siemens: decay correction date and time (0071,1022)"
    PHILIPS = "Philips: SUV and activity scale factors (7053,1000) and (7053,1009)"


class FrameReference(StrEnum):
    """What Frame Reference Time (0054,1300) points at, counted from the decay reference."""

    BED_START = "start of the bed position"
    MEAN_ACTIVITY = "time within the bed at which activity equals its mean"
    ABSENT = "absent"


class InjectionTimes(StrEnum):
    """Which of (0018,1072) and (0018,1078) give the time of injection."""

    BOTH = "both"
    TIME_ONLY = "Radiopharmaceutical Start Time"
    DATE_TIME_ONLY = "Radiopharmaceutical Start DateTime"


class DoseUnit(StrEnum):
    """Unit in which Radionuclide Total Dose (0018,1074) is written; the standard wants Bq."""

    BQ = "Bq"
    MBQ = "MBq"


class Slope(StrEnum):
    """Whether each PET slice has a Rescale Slope of its own."""

    PER_SLICE = "per slice"
    CONSTANT = "constant"


ALL_CORRECTIONS = ("DECY", "ATTN", "SCAT", "DTIM", "RAN", "DCAL", "NORM")


@dataclass(frozen=True, slots=True)
class VendorHabits:
    """How one scanner writes a study.

    ``series_delay_s``: how long after the scan's start Series Time lies, as when a series is made anew by
    reprocessing. ``injection_shift_days`` moves only the date of the injection, as de-identification may.
    ``omitted`` are keywords left out of every PET header, wherever they stand. ``timezone`` as ``+0900``.
    ``patient_position``: ``HFS`` or ``FFS``.
    """

    manufacturer: str
    model: str
    software: str
    units: StoredUnits = StoredUnits.BQML
    decay_correction: DecayCorrection = DecayCorrection.START
    private_tags: PrivateTags = PrivateTags.NONE
    frame_reference: FrameReference = FrameReference.MEAN_ACTIVITY
    slope: Slope = Slope.PER_SLICE
    corrections: tuple[str, ...] = ALL_CORRECTIONS
    injection_times: InjectionTimes = InjectionTimes.BOTH
    injection_shift_days: int = 0
    dose_unit: DoseUnit = DoseUnit.BQ
    series_delay_s: float = 0.0
    timezone: str | None = None
    patient_position: str = "HFS"
    transfer_syntax: UID = ExplicitVRLittleEndian
    omitted: frozenset[str] = frozenset()


GE = VendorHabits(
    manufacturer="GE MEDICAL SYSTEMS",
    model="Digital MI",
    software="DP25.digital",
    private_tags=PrivateTags.GE,
    frame_reference=FrameReference.BED_START,
)
GE_REPROCESSED = replace(GE, series_delay_s=5400.0)
"""A series made anew an hour and a half later: only the private tag and Frame Reference Time know the scan's start."""

SIEMENS = VendorHabits(
    manufacturer="SIEMENS",
    model="Digital Vision",
    software="VG digital",
    private_tags=PrivateTags.SIEMENS,
)
PHILIPS = VendorHabits(
    manufacturer="Philips Medical Systems",
    model="Digital Gemini",
    software="PET digital",
    units=StoredUnits.CNTS,
    private_tags=PrivateTags.PHILIPS,
)
UIH = VendorHabits(manufacturer="UIH", model="Digital uMI", software="R digital", slope=Slope.CONSTANT)

VENDORS: dict[str, VendorHabits] = {"GE": GE, "SIEMENS": SIEMENS, "PHILIPS": PHILIPS, "UIH": UIH}
