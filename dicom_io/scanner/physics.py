"""From true SUV to what a scanner stores, written from the definition of SUV and not from how it is read back.

With A the injected activity (Bq) at the time of injection t_adm, W the body weight (g), λ = ln 2 / T½ and C(t) the
tissue's activity concentration (Bq/ml) at time t without any correction,

    SUVbw = C(t) / (A·exp(-λ(t - t_adm)) / W)     for every t, so     C(t) = SUVbw · A/W · exp(-λ(t - t_adm)).

A scanner that corrects to a time t_ref stores C(t_ref): START has t_ref = start of the scan for all beds, ADMIN has
t_ref = t_adm. Without correction (NONE) a bed that starts at t_bed and lasts T stores what it saw on average,

    (1/T) ∫ C dt over [t_bed, t_bed + T] = C(t_bed) · (1 - exp(-λT)) / (λT).

Philips stores counts, with SUVbw = counts · (7053,1000) and Bq/ml = counts · (7053,1009); GML stores SUVbw itself.
"""

from datetime import datetime
from math import exp, expm1, log

from dicom_io.scanner.examination import Examination
from dicom_io.scanner.vendors import DecayCorrection, StoredUnits, VendorHabits

PHILIPS_SUV_PER_COUNT = 0.000538721


def decay_constant(exam: Examination) -> float:
    """λ of the nuclide, 1/s."""
    return log(2.0) / exam.radiopharmaceutical.nuclide.half_life_s


def concentration_per_suv(exam: Examination, weight_kg: float, when: datetime) -> float:
    """C(when) in Bq/ml for SUVbw 1."""
    elapsed_s = (when - exam.administered).total_seconds()
    return exam.dose_bq / (weight_kg * 1000.0) * exp(-decay_constant(exam) * elapsed_s)


def stored_per_suv(habits: VendorHabits, exam: Examination, weight_kg: float, bed_start: datetime) -> float:
    """What stands in a slice (after Rescale Slope) for SUVbw 1."""
    if habits.units is StoredUnits.GML:
        return 1.0
    if habits.units is StoredUnits.CNTS:
        return 1.0 / PHILIPS_SUV_PER_COUNT
    if habits.decay_correction is DecayCorrection.ADMIN:
        return concentration_per_suv(exam, weight_kg, exam.administered)
    if habits.decay_correction is DecayCorrection.START:
        return concentration_per_suv(exam, weight_kg, exam.scan_start)
    decay = decay_constant(exam) * exam.bed_s
    return concentration_per_suv(exam, weight_kg, bed_start) * -expm1(-decay) / decay


def philips_activity_per_count(exam: Examination, weight_kg: float) -> float:
    """Activity Concentration Scale Factor (7053,1009): Bq/ml at the scan's start for one count."""
    return PHILIPS_SUV_PER_COUNT * concentration_per_suv(exam, weight_kg, exam.scan_start)


def mean_activity_offset_s(exam: Examination) -> float:
    """Time within a bed at which the activity equals its mean over the bed: Frame Reference Time (PS3.3 C.8.9.4)."""
    decay = decay_constant(exam) * exam.bed_s
    return log(decay / -expm1(-decay)) / decay_constant(exam)


def decay_factor(habits: VendorHabits, exam: Examination, bed_start: datetime) -> float:
    """Decay Factor (0054,1321): what the mean over the bed was multiplied with to correct it for decay."""
    if habits.decay_correction is DecayCorrection.NONE:
        return 1.0
    start = habits.decay_correction is DecayCorrection.START
    reference = exam.scan_start if start else exam.administered
    decay = decay_constant(exam) * exam.bed_s
    return exp(decay_constant(exam) * (bed_start - reference).total_seconds()) * decay / -expm1(-decay)
