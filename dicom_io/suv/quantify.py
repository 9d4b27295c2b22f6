"""SUV: the factor by which a PET's values become SUVbw, or the coded reason why there is none."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from config.reasons import Reason, Refused, Remark
from config.volume import Unit, Volume
from dicom_io.reading.volume import Acquisition
from dicom_io.suv.activity import activity_per_count, read_scale
from dicom_io.suv.administration import Administration, administration
from dicom_io.suv.body import Body, lean_mass_james_kg, lean_mass_janmahasatian_kg, surface_area_m2
from dicom_io.suv.decay import DecayCorrected, to_injection
from dicom_io.suv.decay_reference import DecayReference, Standing
from dicom_io.suv.dose import Dose, read_dose
from dicom_io.suv.pet_header import PetHeader, read_pet_header
from dicom_io.suv.plausibility import require_plausible
from dicom_io.suv.quantification import Normalisations, Quantification
from dicom_io.suv.vendor_factors import vendor_factor

__all__ = ["DecayReference", "Normalisations", "Quantification", "Standing", "quantify", "to_suv"]

_GRAMS_PER_KG = 1000.0


def quantify(headers: Sequence[Dataset], mappings: Sequence[Dataset] = ()) -> Quantification:
    """How the rescaled values of one PET series become SUVbw.

    Parameters
    ----------
    headers
        The series' instances without pixels, in the order of the volume's slices.
    mappings
        Real World Value Mapping objects of the study; those that refer to the series check the factor.

    Raises
    ------
    Refused
        If an honest SUVbw can't be given; the reason says why. Nothing else is raised, whatever the headers hold.
    """
    header = read_pet_header(headers)
    _require_attenuation_corrected_pet(header)
    dose = read_dose(header)
    scale = read_scale(header, dose.body)
    if scale.is_suv:
        decay = None
        factors = scale.factors
        computed = _recomputed(header, dose)
    else:
        suv_per_bqml = _suv_per_bqml(header, dose)
        decay = to_injection(header, dose)
        factors = computed = scale.factors * decay.factors * suv_per_bqml
    _require_sane(factors)
    given = _given(header, dose, decay)
    vendors, vendor_remarks = vendor_factor(header, factors if computed is None else computed, mappings)
    uptake_time_s = _uptake_time_s(header, given)
    remarks = (
        *header.remarks,
        *_intercept_remarks(header),
        *dose.remarks,
        *(decay.remarks if decay else given.remarks if given else ()),
        *_uptake_remarks(dose, uptake_time_s),
        *vendor_remarks,
    )
    return Quantification(
        unit=Unit.SUVBW,
        factors=factors,
        slices=tuple((frame.sop_instance_uid, frame.frame) for frame in header.frames),
        rule=f"{scale.rule} {decay.rule} SUVbw = Bq/ml × weight / dose." if decay else scale.rule,
        decay_correction=decay.kind if decay else header.decay_correction,
        decay_reference=decay.reference if decay else None,
        candidates=decay.candidates if decay else (),
        administered=given.time if given else None,
        elapsed_s=decay.elapsed_s if decay else None,
        uptake_time_s=uptake_time_s,
        time_zone=header.zone,
        dose_bq=dose.dose_bq,
        weight_kg=dose.body.weight_kg if dose.body else None,
        height_m=dose.body.height_m if dose.body else None,
        sex=header.sex,
        half_life_s=dose.half_life_s,
        radionuclide=dose.nuclide.symbol if dose.nuclide else "unknown",
        radiopharmaceutical=header.injection.radiopharmaceutical,
        tracer=dose.tracer,
        normalisations=_normalisations(dose.body),
        vendor_factor=vendors,
        remarks=tuple(dict.fromkeys(remarks)),
    )


def to_suv(acquisition: Acquisition, quantification: Quantification) -> Volume:
    """The SUVbw volume (g/ml, float32) of a PET; slices find their factor by SOP Instance UID and frame.

    Raises ``Refused(IMPLAUSIBLE_VALUES)`` if they can't be a patient's (``plausibility``), and ``KeyError`` if the
    acquisition has slices that the quantification was not made from.
    """
    factors = dict(zip(quantification.slices, quantification.factors, strict=True))
    ordered = [factors[source.sop_instance_uid, source.frame] for source in acquisition.sources]
    volume = acquisition.volume
    values = volume.values * np.array(ordered, dtype=np.float32)[:, np.newaxis, np.newaxis]
    require_plausible(values)
    return Volume(values, volume.affine, Unit.SUVBW)


def _require_attenuation_corrected_pet(header: PetHeader) -> None:
    if header.modality != "PT":
        raise Refused(Reason.NO_PET, f"Modality (0008,0060) is {header.modality or 'missing'}; expected PT.")
    if "REPROJECTION" in header.series_type:
        raise Refused(Reason.NO_PET, "Series Type (0054,1000) is REPROJECTION; expected an image series.")
    if "ATTN" not in header.corrections:
        flags = "\\".join(sorted(header.corrections)) or "missing"
        raise Refused(Reason.NO_ATTENUATION_CORRECTION, f"Corrected Image (0028,0051) is {flags}; expected ATTN in it.")


def _suv_per_bqml(header: PetHeader, dose: Dose) -> float:
    """Weight over dose, in g/Bq."""
    if dose.body is None:
        raise Refused(
            Reason.NO_PATIENT_WEIGHT, f"Patient Weight (0010,1030) is {header.weight_as_written}; expected kilograms."
        )
    if dose.dose_bq is None:
        raise Refused(
            Reason.NO_DOSE,
            f"Radionuclide Total Dose (0018,1074) is {header.injection.dose_as_written}; expected becquerels.",
        )
    return dose.body.weight_kg * _GRAMS_PER_KG / dose.dose_bq


def _recomputed(header: PetHeader, dose: Dose) -> NDArray[np.float64] | None:
    """For counts that a vendor's SUV factor applies to: the factor from activity and dose, where the header allows."""
    per_count = activity_per_count(header)
    if per_count is None:
        return None
    try:
        factors = per_count * to_injection(header, dose).factors * _suv_per_bqml(header, dose)
        _require_sane(factors)
    except Refused:
        return None  # the vendor's factor stands without a check
    return factors


def _require_sane(factors: NDArray[np.float64]) -> None:
    if not (np.isfinite(factors).all() and (factors > 0).all()):
        detail = f"The SUV factors would run from {factors.min():g} to {factors.max():g}; expected positive numbers."
        raise Refused(Reason.UNSUPPORTED_UNITS, detail)


def _given(header: PetHeader, dose: Dose, decay: DecayCorrected | None) -> Administration | None:
    """The injection; for values that are SUVs already it is for the record, so that it may be unknown."""
    if decay is not None:
        return Administration(decay.administered, decay.remarks) if decay.administered else None
    if header.first_acquired is None or dose.half_life_s is None:
        return None
    try:
        return administration(header.injection, header.first_acquired, dose.half_life_s)
    except Refused:
        return None  # the values don't depend on it


def _uptake_time_s(header: PetHeader, given: Administration | None) -> float | None:
    if given is None or header.first_acquired is None:
        return None
    return (header.first_acquired - given.time).total_seconds()


def _uptake_remarks(dose: Dose, uptake_time_s: float | None) -> tuple[Remark, ...]:
    if uptake_time_s is None or dose.nuclide is None or dose.nuclide.uptake_min is None:
        return ()
    shortest, longest = dose.nuclide.uptake_min
    minutes = uptake_time_s / 60.0
    if shortest <= minutes <= longest:
        return ()
    detail = (
        f"{minutes:.0f} min from injection to scan; customary with {dose.nuclide.symbol}: {shortest:g} to {longest:g}."
    )
    return (Remark(Reason.UPTAKE_TIME_UNUSUAL, detail),)


def _intercept_remarks(header: PetHeader) -> tuple[Remark, ...]:
    intercepts = sorted({frame.rescale_intercept for frame in header.frames} - {0.0})
    if not intercepts:
        return ()
    detail = f"Rescale Intercept (0028,1052) runs to {max(intercepts, key=abs):g}; expected 0 for PET."
    return (Remark(Reason.RESCALE_INTERCEPT, detail),)


def _normalisations(body: Body | None) -> Normalisations:
    if body is None:
        return Normalisations(None, None, None)

    def relative(norm: float | None) -> float | None:
        return None if norm is None else norm / body.weight_kg

    area_m2 = surface_area_m2(body)
    return Normalisations(
        sul_james=relative(lean_mass_james_kg(body)),
        sul_janma=relative(lean_mass_janmahasatian_kg(body)),
        suvbsa=relative(None if area_m2 is None else area_m2 * 10.0),
    )
