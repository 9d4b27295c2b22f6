"""Whether SUVs can be a patient's: what is empty or out of scale must not be reported as free of disease.

The limits are far outside what patients have. A whole body's mean SUV is 1 at most, whatever the tracer, because SUV
relates to the dose spread evenly over the body.
"""

import numpy as np

from config.reasons import Reason, Refused
from config.volume import FloatArray

LEAST_HIGH_SUV = 0.1
"""The hottest thousandth of the voxels reaches it: in a field of view of 500 l that is half a litre of the patient."""

BODY_SUV = 0.05
HIGHEST_MEDIAN_SUV = 20.0
"""No half of what is above ``BODY_SUV`` exceeds it, even of a brain alone; values off by a thousand do."""

_SAMPLES = 2**20


def require_plausible(suv: FloatArray) -> None:
    """Raises ``Refused(IMPLAUSIBLE_VALUES)`` if SUVs of shape (slices, rows, columns) can't be a patient's.

    They can't if they are not finite, nowhere positive, all the same, or if of an even sample of the voxels the 99.9th
    percentile is below ``LEAST_HIGH_SUV`` or the median of the body above ``HIGHEST_MEDIAN_SUV``.
    """
    lowest, highest = float(suv.min()), float(suv.max())
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise _implausible(f"SUVs run from {lowest:g} to {highest:g}; expected finite numbers.")
    if highest <= 0.0:
        raise _implausible(f"The highest SUV is {highest:g}; expected uptake somewhere.")
    if lowest == highest:
        raise _implausible(f"All voxels have the SUV {highest:g}; expected an image.")
    step = max(1, round((suv.size / _SAMPLES) ** (1 / 3)))
    sample = suv[::step, ::step, ::step]
    high = float(np.percentile(sample, 99.9))
    if high < LEAST_HIGH_SUV:
        raise _implausible(
            f"99.9 % of the voxels are below an SUV of {high:.3g}; expected {LEAST_HIGH_SUV:g} at least."
        )
    median = float(np.median(sample[sample > BODY_SUV]))
    if median > HIGHEST_MEDIAN_SUV:
        raise _implausible(f"The body's median SUV is {median:.3g}; expected {HIGHEST_MEDIAN_SUV:g} at most.")


def _implausible(detail: str) -> Refused:
    return Refused(Reason.IMPLAUSIBLE_VALUES, detail)
