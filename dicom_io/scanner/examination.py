"""Who is examined, with what, and when: the values that a digital study is written from."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """``name`` as a DICOM person name; ``character_set`` are the values of Specific Character Set (0008,0005)."""

    name: str
    patient_id: str
    birth_date: date
    sex: str
    weight_kg: float
    size_m: float
    character_set: tuple[str, ...] = ("ISO_IR 192",)


SAMPLE_NAMES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Latin": ("Patient^Digital", ("ISO_IR 100",)),
    "Japanese": ("Yamada^Tarou=山田^太郎=やまだ^たろう", ("", "ISO 2022 IR 87")),
    "Greek": ("Διονυσίου^Νίκος", ("ISO_IR 126",)),
    "Arabic": ("قباني^لنزار", ("ISO_IR 127",)),
    "UTF-8": ("Wang^XiaoDong=王^小东", ("ISO_IR 192",)),
}
"""Names with a character set that can carry them (PS3.5 Annexes H to K)."""


@dataclass(frozen=True, slots=True)
class Nuclide:
    code: Code
    half_life_s: float
    positron_fraction: float


@dataclass(frozen=True, slots=True)
class Radiopharmaceutical:
    """What is injected; ``code`` is None where the standard has none."""

    name: str
    code: Code | None
    nuclide: Nuclide


FLUORINE_18 = Nuclide(codes.SCT._18Fluorine, 6586.2, 0.967)
GALLIUM_68 = Nuclide(codes.SCT._68Gallium, 4057.7, 0.891)
LUTETIUM_177 = Nuclide(codes.SCT._177Lutetium, 574_300.0, 0.0)

FDG = Radiopharmaceutical("Fluorodeoxyglucose", codes.SCT.FluorodeoxyglucoseF18, FLUORINE_18)
PSMA_1007 = Radiopharmaceutical("PSMA-1007", codes.DCM.PSMA1007F18, FLUORINE_18)
PSMA_11 = Radiopharmaceutical("PSMA-11", codes.NCIt.PSMA11Ga68, GALLIUM_68)
LUTETIUM_PSMA_617 = Radiopharmaceutical("Lu-177 PSMA-617", None, LUTETIUM_177)
"""A therapy nuclide: its SPECT is sometimes stored under the PET class."""


@dataclass(frozen=True, slots=True)
class Examination:
    """The course of an examination, in local time.

    Beds are scanned from slice 0 of the PET volume upwards, each for ``bed_s`` and ``bed_gap_s`` apart; a bed covers
    ``bed_slices`` slices.
    """

    radiopharmaceutical: Radiopharmaceutical = FDG
    dose_bq: float = 310e6
    administered: datetime = datetime(2024, 3, 5, 9, 12, 30)
    uptake_s: float = 3720.0
    bed_s: float = 120.0
    bed_gap_s: float = 3.0
    bed_slices: int = 48
    accession: str = "DIGITAL-1"
    description: str = "PET/CT FDG whole body"

    @property
    def scan_start(self) -> datetime:
        """Start of the first bed."""
        return self.administered + timedelta(seconds=self.uptake_s)

    def bed_start(self, slice_index: int) -> datetime:
        """Start of the bed that a slice of the PET volume was scanned in."""
        bed = slice_index // self.bed_slices
        return self.scan_start + timedelta(seconds=bed * (self.bed_s + self.bed_gap_s))


USUAL_EXAMINATION = Examination()
