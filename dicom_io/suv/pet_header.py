"""What the headers of one PET series say about its quantification, as plain values: no judgement yet."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from pydicom.dataset import Dataset

from config.reasons import Reason, Refused, Remark
from dicom_io.header_values import are_equal, as_number, as_written, items, number, private_text, scale_factor, text
from dicom_io.suv import pet_times
from dicom_io.suv.frame_view import FrameView
from dicom_io.suv.pet_times import StatedReference
from dicom_io.suv.real_world_values import ValueMapping, read_value_mappings
from dicom_io.times import parse_moment, parse_time

_WEEK_S = 7 * 86400.0
_DAY_S = 86400.0


@dataclass(frozen=True, slots=True)
class PetFrame:
    """One slice. ``acquired`` is when its acquisition began; ``frame`` counts from 1 in a multi-frame image.

    ``suv_scale`` and ``activity_scale`` are Philips' (7053,xx00) and (7053,xx09): counts to SUVbw and to Bq/ml.
    """

    sop_instance_uid: str
    frame: int | None
    acquired: datetime | None
    duration_s: float | None
    reference_time_s: float | None
    rescale_slope: float
    rescale_intercept: float
    suv_scale: float | None
    activity_scale: float | None
    mappings: tuple[ValueMapping, ...]


@dataclass(frozen=True, slots=True)
class Injection:
    """The radiopharmaceutical as administered. ``moment`` is (0018,1078), ``clock`` the time-only (0018,1072).

    ``names`` are the texts that may name the radionuclide, best first; codes are (value, scheme).
    """

    radiopharmaceutical: str
    radiopharmaceutical_code: str
    radionuclide_code: tuple[str, str]
    names: tuple[str, ...]
    dose: float | None
    dose_as_written: str
    half_life_s: float | None
    moment: datetime | None
    clock: time | None


@dataclass(frozen=True, slots=True)
class PetHeader:
    """One PET series. Times are wall clock at ``zone`` (UTC offset; None if the headers name none)."""

    modality: str
    manufacturer: str
    units: str
    suv_type: str
    series_type: tuple[str, ...]
    corrections: frozenset[str]
    decay_correction: str
    series_started: datetime | None
    stated_references: tuple[StatedReference, ...]
    injection: Injection
    zone: timedelta | None
    weight: float | None
    weight_as_written: str
    size_m: float | None
    sex: str
    frames: tuple[PetFrame, ...]
    remarks: tuple[Remark, ...]

    @property
    def is_dynamic(self) -> bool:
        return bool({"DYNAMIC", "GATED"} & set(self.series_type))

    @property
    def first_acquired(self) -> datetime | None:
        return min((frame.acquired for frame in self.frames if frame.acquired), default=None)


def read_pet_header(headers: Sequence[Dataset]) -> PetHeader:
    """The quantification values of one PET series; frames in the order of ``headers``, then of the frames in them.

    Raises
    ------
    Refused
        ``NO_PET`` without headers; ``MIXED_ACQUISITIONS`` if weight, injection, units or decay correction differ
        between slices; ``NO_DOSE`` if several radiopharmaceuticals were given.
    """
    if not headers:
        raise Refused(Reason.NO_PET, "No header was given; expected those of one PET series.")
    _require_one_acquisition(headers)
    views = [view for header in headers for view in FrameView.all_of(header)]
    first = views[0]
    given = _radiopharmaceutical(first)
    moment = parse_moment(text(given, "RadiopharmaceuticalStartDateTime"))
    clock = parse_time(text(given, "RadiopharmaceuticalStartTime"))
    zone, remarks = pet_times.time_zone(first, moment, clock)
    frames, frame_remarks = _dated(tuple(_frame(view, zone) for view in views))
    undated = (Remark(Reason.DATES_SHIFTED, "The header has no date at all; its times of day were used."),)
    starts = (pet_times.series_started(header, zone) for header in headers)
    return PetHeader(
        modality=first.text("Modality"),
        manufacturer=first.text("Manufacturer").upper(),
        units=(first.text("Units") or first.text("RescaleType")).upper(),
        suv_type=first.text("SUVType").upper(),
        series_type=first.texts("SeriesType"),
        corrections=_corrections(first),
        decay_correction=_decay_correction(first),
        series_started=min((start for start in starts if start), default=None),
        stated_references=pet_times.stated_references(first, zone),
        injection=_injection(given, moment.at(zone) if moment else None, clock),
        zone=zone,
        weight=first.number("PatientWeight"),
        weight_as_written=as_written(headers[0], "PatientWeight"),
        size_m=first.number("PatientSize"),
        sex=first.text("PatientSex").upper(),
        frames=frames,
        remarks=(*remarks, *frame_remarks, *(undated if pet_times.without_date(headers[0]) else ())),
    )


def _frame(view: FrameView, zone: timedelta | None) -> PetFrame:
    duration_ms = view.number("ActualFrameDuration") or view.number("FrameAcquisitionDuration")
    reference_ms = view.number("FrameReferenceTime")
    return PetFrame(
        sop_instance_uid=text(view.header, "SOPInstanceUID"),
        frame=view.frame,
        acquired=pet_times.acquired(view, zone),
        duration_s=duration_ms / 1000.0 if duration_ms and 0 < duration_ms <= _DAY_S * 1000.0 else None,
        reference_time_s=(
            reference_ms / 1000.0 if reference_ms is not None and 0 <= reference_ms <= _WEEK_S * 1000.0 else None
        ),
        rescale_slope=scale_factor(view.number("RescaleSlope")) or 1.0,
        rescale_intercept=view.number("RescaleIntercept") or 0.0,
        suv_scale=_philips_factor(view.header, 0x00),
        activity_scale=_philips_factor(view.header, 0x09),
        mappings=next((found for layer in view.layers if (found := read_value_mappings(layer))), ()),
    )


def _dated(frames: tuple[PetFrame, ...]) -> tuple[tuple[PetFrame, ...], tuple[Remark, ...]]:
    times = tuple(frame.acquired for frame in frames)
    moved = pet_times.over_midnight(times)
    if moved == times:
        return frames, ()
    detail = "Acquisition Times run over midnight while Acquisition Date stays; those after it were moved a day on."
    dated = tuple(replace(frame, acquired=moment) for frame, moment in zip(frames, moved, strict=True))
    return dated, (Remark(Reason.SCAN_OVER_MIDNIGHT, detail),)


def _philips_factor(header: Dataset, element_offset: int) -> float | None:
    philips = text(header, "Manufacturer").upper().startswith("PHILIPS")
    found = private_text(header, 0x7053, element_offset, "Philips PET Private Group", without_creator=philips)
    return scale_factor(as_number(found))


def _radiopharmaceutical(view: FrameView) -> Dataset:
    given = view.items("RadiopharmaceuticalInformationSequence")
    if not all(are_equal(item, given[0]) for item in given[1:]):
        raise Refused(Reason.NO_DOSE, f"{len(given)} radiopharmaceuticals were given; expected one.")
    return given[0] if given else Dataset()


def _injection(item: Dataset, moment: datetime | None, clock: time | None) -> Injection:
    nuclide = next(iter(items(item, "RadionuclideCodeSequence")), Dataset())
    pharmaceutical = next(iter(items(item, "RadiopharmaceuticalCodeSequence")), Dataset())
    name = text(item, "Radiopharmaceutical") or text(pharmaceutical, "CodeMeaning")
    return Injection(
        radiopharmaceutical=name,
        radiopharmaceutical_code=text(pharmaceutical, "CodeValue"),
        radionuclide_code=(text(nuclide, "CodeValue"), text(nuclide, "CodingSchemeDesignator")),
        names=(text(nuclide, "CodeMeaning"), text(pharmaceutical, "CodeMeaning"), text(item, "Radiopharmaceutical")),
        dose=number(item, "RadionuclideTotalDose"),
        dose_as_written=as_written(item, "RadionuclideTotalDose"),
        half_life_s=number(item, "RadionuclideHalfLife"),
        moment=moment,
        clock=clock,
    )


def _corrections(view: FrameView) -> frozenset[str]:
    """Corrected Image (0028,0051), with what an enhanced header says in attributes of their own."""
    flags = {"ATTN": "AttenuationCorrected", "DECY": "DecayCorrected", "SCAT": "ScatterCorrected"}
    enhanced = (name for name, keyword in flags.items() if view.text(keyword).upper() == "YES")
    return frozenset((*(value.upper() for value in view.texts("CorrectedImage")), *enhanced))


def _decay_correction(view: FrameView) -> str:
    """Decay Correction (0054,1102); from Decay Corrected (0018,9758) in an enhanced header."""
    return view.text("DecayCorrection").upper() or {"YES": "START", "NO": "NONE"}.get(
        view.text("DecayCorrected").upper(), ""
    )


def _require_one_acquisition(headers: Sequence[Dataset]) -> None:
    keywords = ("Units", "SUVType", "DecayCorrection", "PatientWeight", "Manufacturer")
    injected = (
        "RadionuclideTotalDose",
        "RadionuclideHalfLife",
        "RadiopharmaceuticalStartTime",
        "RadiopharmaceuticalStartDateTime",
    )
    expected: dict[str, str] = {}
    for header in headers:
        item = next(iter(items(header, "RadiopharmaceuticalInformationSequence")), Dataset())
        found = {name: text(header, name) for name in keywords} | {name: text(item, name) for name in injected}
        expected = expected or found
        for name, value in found.items():
            if value != expected[name]:
                raise Refused(
                    Reason.MIXED_ACQUISITIONS,
                    f"{name} is {value!r} in one slice and {expected[name]!r} in another; expected one acquisition.",
                )
