"""Who was given what: weight, height, activity and radionuclide of a PET header, checked for sense."""

from dataclasses import dataclass

from config.reasons import Reason, Remark
from config.tracers import Tracer, recognise
from dicom_io.suv.body import Body, Sex
from dicom_io.suv.pet_header import PetHeader
from dicom_io.suv.radionuclides import Radionuclide, checked_half_life_s, identify, require_positron_emitter

_LOWEST_DOSE_BQ, _HIGHEST_DOSE_BQ = 1e4, 1e12
_LIGHTEST_KG, _HEAVIEST_KG = 0.001, 1000.0
_SHORTEST_M, _TALLEST_M = 0.2, 3.0


@dataclass(frozen=True, slots=True)
class Dose:
    """What SUV is normalised by; ``body``, ``dose_bq`` and ``half_life_s`` are None if the header has no sane one."""

    body: Body | None
    dose_bq: float | None
    half_life_s: float | None
    nuclide: Radionuclide | None
    tracer: Tracer
    remarks: tuple[Remark, ...]


def read_dose(header: PetHeader) -> Dose:
    """The checked values, with remarks on what had to be read otherwise than it was meant.

    Raises ``Refused(NOT_A_POSITRON_EMITTER)`` if the radionuclide is known to be none.
    """
    injection = header.injection
    tracer = recognise(" ".join(injection.names), injection.radiopharmaceutical_code)
    nuclide = identify(
        code=injection.radionuclide_code, names=injection.names, tracer=tracer, half_life_s=injection.half_life_s
    )
    require_positron_emitter(nuclide)
    half_life_s, half_life_remarks = checked_half_life_s(injection.half_life_s, nuclide)
    dose_bq, dose_remarks = _dose_bq(injection.dose)
    body, body_remarks = _body(header)
    remarks = (*body_remarks, *dose_remarks, *half_life_remarks)
    return Dose(body, dose_bq, half_life_s, nuclide, tracer, remarks)


def _dose_bq(found: float | None) -> tuple[float | None, tuple[Remark, ...]]:
    if found is None or found <= 0:
        return None, ()
    in_mbq = found < _LOWEST_DOSE_BQ
    dose_bq = found * 1e6 if in_mbq else found
    if not _LOWEST_DOSE_BQ <= dose_bq <= _HIGHEST_DOSE_BQ:
        return None, ()
    detail = f"Radionuclide Total Dose (0018,1074) is {found:g}; read as {dose_bq:g} Bq."
    return dose_bq, (Remark(Reason.DOSE_IN_MBQ, detail),) if in_mbq else ()


def _body(header: PetHeader) -> tuple[Body | None, tuple[Remark, ...]]:
    found = header.weight
    if found is None or found < _LIGHTEST_KG:
        return None, ()
    in_grams = found > _HEAVIEST_KG
    weight_kg = found / 1000.0 if in_grams else found
    if weight_kg > _HEAVIEST_KG:
        return None, ()
    remarks = [
        Remark(Reason.WEIGHT_IN_GRAMS, f"Patient Weight (0010,1030) is {found:g}; read as {weight_kg:g} kg.")
    ] * in_grams
    size_m = header.size_m
    height_m = size_m if size_m is not None and _SHORTEST_M <= size_m <= _TALLEST_M else None
    sex = Sex(header.sex) if header.sex in tuple(Sex) else None
    if height_m is None:
        detail = f"Patient Size (0010,1020) is {size_m}; expected {_SHORTEST_M:g} to {_TALLEST_M:g} m."
        remarks.append(Remark(Reason.NO_PATIENT_SIZE, detail))
    elif sex is None:
        detail = f"Patient's Sex (0010,0040) is {header.sex!r}; without it there is SUVbsa but no SUL."
        remarks.append(Remark(Reason.NO_PATIENT_SIZE, detail))
    return Body(weight_kg, height_m, sex), tuple(remarks)
