"""From the activity in a PET's images to that at the injection, as Decay Correction (0054,1102) says."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from config.reasons import Reason, Refused, Remark
from dicom_io.suv.administration import LONGEST_ELAPSED_HALF_LIVES, Administration, administration
from dicom_io.suv.decay_reference import DecayReference, choose_reference, frame_starts
from dicom_io.suv.dose import Dose
from dicom_io.suv.pet_header import PetHeader

FrameFactors = NDArray[np.float64]
"""Shape (frames,): one factor for each slice."""


@dataclass(frozen=True, eq=False)
class DecayCorrected:
    """``factors`` × Bq/ml as stored, per slice, is the activity at the time for which the dose is known.

    ``kind`` is START, ADMIN or NONE. ``reference`` is the earliest decay reference, the start of the first frame for
    NONE, the injection for ADMIN (None if its time is not known).
    """

    rule: str
    kind: str
    factors: FrameFactors
    reference: datetime | None
    candidates: tuple[DecayReference, ...]
    administered: datetime | None
    elapsed_s: float | None
    remarks: tuple[Remark, ...]


def to_injection(header: PetHeader, dose: Dose) -> DecayCorrected:
    """From the activity in the images, corrected for decay as the header says, to that at the injection.

    Decay Correction (0054,1102) counts; where it is missing, Corrected Image (0028,0051).

    Raises
    ------
    Refused
        ``NO_DECAY_CORRECTION_INFORMATION``, ``NO_HALF_LIFE``, ``NO_ACQUISITION_TIME``, ``MIXED_ACQUISITIONS``; what
        ``administration`` raises.
    """
    stated, corrected = header.decay_correction, "DECY" in header.corrections
    kind = stated or ("START" if corrected else "NONE")
    if kind not in ("ADMIN", "START", "NONE"):
        detail = f"Decay Correction (0054,1102) is {stated}; expected START, ADMIN or NONE."
        raise Refused(Reason.NO_DECAY_CORRECTION_INFORMATION, detail)
    if kind == "ADMIN":
        result = _corrected_to_injection(header, dose.half_life_s)
    elif dose.half_life_s is None:
        raise Refused(
            Reason.NO_HALF_LIFE,
            f"Radionuclide Half Life (0018,1075) is {header.injection.half_life_s} and the radionuclide is not known.",
        )
    else:
        result = (_corrected_to_start if kind == "START" else _not_corrected)(header, dose.half_life_s)
    if stated and corrected == (kind != "NONE"):
        return result
    flags = "\\".join(sorted(header.corrections))
    detail = f"Decay Correction (0054,1102) is {stated or 'missing'}, Corrected Image {flags}; taken as {kind}."
    return replace(result, remarks=(*result.remarks, Remark(Reason.DECAY_CORRECTION_ASSUMED, detail)))


def _corrected_to_injection(header: PetHeader, half_life_s: float | None) -> DecayCorrected:
    """DecayCorrection ADMIN: the dose needs no decay; the time of injection is for the record only."""
    given: Administration | None = None
    remarks: tuple[Remark, ...] = ()
    if header.first_acquired is not None and half_life_s is not None:
        try:
            given = administration(header.injection, header.first_acquired, half_life_s)
            remarks = given.remarks
        except Refused as refused:
            remarks = (refused.remark,) if refused.reason is Reason.ADMINISTRATION_AFTER_SCAN else ()
    return DecayCorrected(
        rule="Decay corrected to the injection (ADMIN).",
        kind="ADMIN",
        factors=np.ones(len(header.frames)),
        reference=given.time if given else None,
        candidates=(),
        administered=given.time if given else None,
        elapsed_s=0.0 if given else None,
        remarks=remarks,
    )


def _corrected_to_start(header: PetHeader, half_life_s: float) -> DecayCorrected:
    """DecayCorrection START: images hold the activity at a reference time that has to be found."""
    chosen = choose_reference(header, half_life_s)
    reference = min(chosen.times)
    given = administration(header.injection, reference, half_life_s)
    elapsed_s = _elapsed_s(chosen.times, given.time, half_life_s)
    return DecayCorrected(
        rule=f"Decay corrected to the start (START); reference time: {chosen.source}.",
        kind="START",
        factors=np.broadcast_to(np.exp(math.log(2.0) / half_life_s * elapsed_s), (len(header.frames),)).copy(),
        reference=reference,
        candidates=chosen.candidates,
        administered=given.time,
        elapsed_s=(reference - given.time).total_seconds(),
        remarks=(*given.remarks, *chosen.remarks),
    )


def _not_corrected(header: PetHeader, half_life_s: float) -> DecayCorrected:
    """DecayCorrection NONE: v λT / (1 − exp(−λT)) is the activity at the frame's start, exp(λ t) leads to injection.

    v is the mean over the frame, T Actual Frame Duration, t from the injection to the frame's start.
    """
    starts = frame_starts(header.frames)
    durations = [frame.duration_s for frame in header.frames if frame.duration_s is not None]
    if starts is None or len(durations) != len(header.frames):
        raise Refused(
            Reason.NO_ACQUISITION_TIME,
            "Decay Correction is NONE and a slice has no Acquisition Time or Actual Frame Duration; expected both.",
        )
    reference = min(starts)
    given = administration(header.injection, reference, half_life_s)
    constant = math.log(2.0) / half_life_s
    elapsed_s = _elapsed_s(starts, given.time, half_life_s)
    decayed = constant * np.array(durations)
    return DecayCorrected(
        rule="Not decay corrected (NONE); each slice corrected from its own frame to the injection.",
        kind="NONE",
        factors=decayed / -np.expm1(-decayed) * np.exp(constant * elapsed_s),
        reference=reference,
        candidates=(),
        administered=given.time,
        elapsed_s=float(elapsed_s.min()),
        remarks=given.remarks,
    )


def _elapsed_s(moments: Sequence[datetime], administered: datetime, half_life_s: float) -> FrameFactors:
    elapsed_s = np.array([(moment - administered).total_seconds() for moment in moments])
    if elapsed_s.max() > LONGEST_ELAPSED_HALF_LIVES * half_life_s:
        raise Refused(
            Reason.MIXED_ACQUISITIONS,
            f"Slices were acquired between {min(moments).isoformat(' ')} and {max(moments).isoformat(' ')}; "
            f"expected all within {LONGEST_ELAPSED_HALF_LIVES:g} half-lives of the injection.",
        )
    return elapsed_s
