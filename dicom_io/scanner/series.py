"""CT and PET series with one instance per slice, as a scanner writes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import CTImageStorage, PositronEmissionTomographyImageStorage

from config.volume import Volume
from dicom_io.scanner.headers import (
    StudyContext,
    common_header,
    date_and_time,
    decimal,
    fine_decimal,
    set_pixel_format,
    set_plane,
    write_instance,
)
from dicom_io.scanner.isotope import add_private_tags, set_orientation_codes, set_radiopharmaceutical
from dicom_io.scanner.physics import decay_factor, mean_activity_offset_s, stored_per_suv
from dicom_io.scanner.vendors import DecayCorrection, FrameReference, Slope

LARGEST_PIXEL = 32767
_CT_INTERCEPT = -1024


@dataclass(frozen=True, slots=True)
class SeriesNote:
    """What a series is called and numbered. ``key`` names it within the study; its UIDs follow from it."""

    key: str
    number: int
    description: str


@dataclass(frozen=True, slots=True)
class Flaws:
    """What went wrong with a series: slices (array indices) never sent, or sent twice under two identifiers."""

    missing: tuple[int, ...] = ()
    doubled: tuple[int, ...] = ()


FLAWLESS = Flaws()
CT_NOTE = SeriesNote("CT", 2, "CT WB 3.0")
PET_NOTE = SeriesNote("PET", 3, "PET WB AC")


def write_ct_series(
    folder: Path,
    context: StudyContext,
    ct: Volume,
    note: SeriesNote = CT_NOTE,
    *,
    flaws: Flaws = FLAWLESS,
    slices: Sequence[int] | None = None,
    contrast: str = "",
) -> tuple[Path, ...]:
    """CT Image Storage (PS3.3 A.3), cranial slice first. ``slices`` restricts it to those array indices."""
    header = ct_header(context, note, contrast)
    _, rows, columns = ct.shape
    set_pixel_format(header, rows, columns)
    chosen = range(len(ct.values)) if slices is None else slices
    paths = []
    for number, index, copy in _instances(chosen, flaws):
        header.SOPInstanceUID = context.uid(note.key, "instance", str(index), copy)
        header.InstanceNumber = number
        set_plane(header, ct.affine, index)
        path = folder / f"{number:04d}.dcm"
        write_instance(header, ct_pixels(ct.values[index]), path, context.habits.transfer_syntax)
        paths.append(path)
    return tuple(paths)


def ct_header(context: StudyContext, note: SeriesNote, contrast: str = "") -> Dataset:
    """CT header without geometry and pixels."""
    exam = context.examination
    header = common_header(context, CTImageStorage, note.key, note.number, note.description)
    header.Modality = "CT"
    header.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    when = exam.scan_start - timedelta(minutes=3)
    for name in ("Series", "Acquisition", "Content"):
        day, time = date_and_time(when)
        setattr(header, f"{name}Date", day)
        setattr(header, f"{name}Time", time)
    header.PatientPosition = context.habits.patient_position
    header.AcquisitionNumber = 1
    header.KVP = 120
    header.XRayTubeCurrent = 110
    header.ExposureTime = 500
    header.GantryDetectorTilt = 0
    header.ConvolutionKernel = "STANDARD"
    header.RescaleIntercept = _CT_INTERCEPT
    header.RescaleSlope = 1
    header.RescaleType = "HU"
    header.WindowCenter, header.WindowWidth = 40, 400
    if contrast:
        header.ContrastBolusAgent = contrast
    return header


def ct_pixels(hounsfield: NDArray[np.float32]) -> NDArray[np.int16]:
    return (np.rint(np.clip(hounsfield, -1024, 3071)) - _CT_INTERCEPT).astype(np.int16)


def write_pet_series(
    folder: Path, context: StudyContext, suv: Volume, note: SeriesNote = PET_NOTE, *, flaws: Flaws = FLAWLESS
) -> tuple[Path, ...]:
    """Positron Emission Tomography Image Storage (PS3.3 A.21), cranial slice first, from true SUVbw."""
    header = pet_header(context, note, suv.shape)
    largest_suv = float(suv.values.max())
    paths = []
    for number, index, copy in _instances(range(len(suv.values)), flaws):
        header.SOPInstanceUID = context.uid(note.key, "instance", str(index), copy)
        header.InstanceNumber = header.ImageIndex = number
        set_plane(header, suv.affine, index)
        pixels = _set_bed_and_pixels(header, context, suv.values[index], index, largest_suv)
        written = _without(header, context.habits.omitted)
        path = folder / f"{number:04d}.dcm"
        write_instance(written, pixels, path, context.habits.transfer_syntax)
        paths.append(path)
    return tuple(paths)


def pet_header(context: StudyContext, note: SeriesNote, shape: tuple[int, int, int]) -> Dataset:
    """PET header without geometry, times of the bed and pixels."""
    habits, exam = context.habits, context.examination
    header = common_header(context, PositronEmissionTomographyImageStorage, note.key, note.number, note.description)
    header.Modality = "PT"
    header.ImageType = ["ORIGINAL", "PRIMARY"]
    series_start = exam.scan_start + timedelta(seconds=habits.series_delay_s)
    header.SeriesDate, header.SeriesTime = date_and_time(series_start)
    header.SeriesType = ["STATIC", "IMAGE"]
    header.NumberOfSlices = shape[0]
    header.Units = habits.units.value
    if habits.units.value == "GML":
        header.SUVType = "BW"
    header.CountsSource = "EMISSION"
    corrected = habits.decay_correction is not DecayCorrection.NONE
    corrections = [name for name in habits.corrections if corrected or name != "DECY"]
    header.CorrectedImage = corrections
    header.DecayCorrection = habits.decay_correction.value
    header.RandomsCorrectionMethod = "DLYD"
    if "ATTN" in corrections:
        header.AttenuationCorrectionMethod = "measured, CT"
    if "SCAT" in corrections:
        header.ScatterCorrectionMethod = "model-based"
        header.ScatterFractionFactor = decimal(0.31)
    if "DCAL" in corrections:
        header.DoseCalibrationFactor = 1
    if "DTIM" in corrections:
        header.DeadTimeFactor = decimal(1.02)
    header.ReconstructionMethod = "OSEM TOF"
    header.CollimatorType = "NONE"
    header.ActualFrameDuration = round(exam.bed_s * 1000)
    header.RescaleIntercept = 0
    header.WindowCenter, header.WindowWidth = 1, 1
    set_pixel_format(header, *shape[1:])
    set_radiopharmaceutical(header, habits, exam)
    set_orientation_codes(header, habits)
    add_private_tags(header, context)
    return header


def scaled_pixels(stored: NDArray[np.float64], largest: float | None = None) -> tuple[NDArray[np.int16], float]:
    """Pixels and the Rescale Slope as it will stand in the header; ``largest`` fixes the slope for a whole series."""
    slope = float(fine_decimal(max(float(stored.max()) if largest is None else largest, 1e-3) / (LARGEST_PIXEL - 1)))
    return np.rint(stored / slope).astype(np.int16), slope


def _set_bed_and_pixels(
    header: Dataset, context: StudyContext, suv: NDArray[np.float32], index: int, largest_suv: float
) -> NDArray[np.int16]:
    habits, exam = context.habits, context.examination
    bed_start = exam.bed_start(index)
    header.AcquisitionDate, header.AcquisitionTime = date_and_time(bed_start)
    header.ContentDate, header.ContentTime = date_and_time(bed_start + timedelta(seconds=exam.bed_s))
    start = habits.decay_correction is not DecayCorrection.ADMIN
    reference = exam.scan_start if start else exam.administered
    offset_s = (bed_start - reference).total_seconds()
    if habits.frame_reference is FrameReference.MEAN_ACTIVITY:
        offset_s += mean_activity_offset_s(exam)
    if habits.frame_reference is not FrameReference.ABSENT:
        header.FrameReferenceTime = decimal(offset_s * 1000.0)
    if "DECY" in header.CorrectedImage:
        header.DecayFactor = decimal(decay_factor(habits, exam, bed_start))
    scale = stored_per_suv(habits, exam, context.identity.weight_kg, bed_start)
    constant = habits.slope is Slope.CONSTANT
    pixels, slope = scaled_pixels(suv.astype(np.float64) * scale, largest_suv * scale if constant else None)
    header.RescaleSlope = fine_decimal(slope)
    header.WindowCenter, header.WindowWidth = fine_decimal(4.0 * scale), fine_decimal(8.0 * scale)
    return pixels


def _instances(indices: Sequence[int], flaws: Flaws) -> list[tuple[int, int, str]]:
    """Instance number, array index and copy of what is sent: the last slice of the array is the first instance."""
    ordered = sorted(indices, reverse=True)
    numbered = [(number, index, "") for number, index in enumerate(ordered, start=1) if index not in flaws.missing]
    extra = [(len(ordered) + 1 + i, index, "again") for i, index in enumerate(flaws.doubled)]
    return numbered + extra


def _without(header: Dataset, keywords: frozenset[str]) -> Dataset:
    if not keywords:
        return header
    kept = Dataset()
    for element in header:
        if element.keyword in keywords:
            continue
        if element.VR == "SQ":
            setattr(kept, element.keyword, [_without(item, keywords) for item in element.value])
        else:
            kept.add(element)
    return kept
