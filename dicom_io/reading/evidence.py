"""Evidence that a pair is complete, from headers alone."""

from dataclasses import dataclass

from config.reasons import Reason, Refused, Remark
from dicom_io.header_values import number
from dicom_io.reading.geometry import stack
from dicom_io.reading.series import FULL_COVERAGE, Pair, Series


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks against completeness: what is ``missing``, and of what headers do not tell whether it is there."""

    missing: tuple[str, ...]
    untold: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether everything speaks for completeness."""
        return not self.reasons

    @property
    def reasons(self) -> tuple[str, ...]:
        return self.missing + self.untold


def evidence(pair: Pair) -> Evidence:
    """Complete if the PET has the slices it announces, PET and CT have no gaps, and the CT covers the PET."""
    missing, untold = _gaps(pair.pet), []
    slices = missing_slices(pair.pet)
    if slices is None:
        untold.append("The PET does not say how many slices it has (Number of Slices).")
    elif slices:
        missing.append(f"{slices} slices of the PET are missing of those in Number of Slices.")
    if pair.ct is None:
        untold.append("There is no CT.")
    else:
        missing += _gaps(pair.ct)
        if pair.coverage < FULL_COVERAGE:
            untold.append(f"The CT covers {100 * pair.coverage:.0f} % of the PET.")
    return Evidence(tuple(missing), tuple(untold))


def missing_slices(pet: Series) -> int | None:
    """How many slices a PET lacks of those in Number of Slices (0054,0081); None if it doesn't say or isn't a stack.

    Multi-frame PETs hold all their slices in themselves.
    """
    announced = [number(header, "NumberOfSlices") for header in pet.headers]
    known = [int(value) for value in announced if value]
    if any(number(header, "NumberOfFrames") for header in pet.headers):
        return 0
    if not known:
        return None
    try:
        return max(max(known) - stack(pet).shape[0], 0)
    except Refused:
        return None


def missing_slices_remarks(pet: Series) -> tuple[Remark, ...]:
    """The remark on a PET that lacks slices it announces. Only outer ones can be: a gap between slices is refused."""
    missing = missing_slices(pet)
    return (Remark(Reason.SLICES_MISSING, f"{missing} slices of {pet.name}."),) if missing else ()


def _gaps(series: Series) -> list[str]:
    try:
        stack(series)
    except Refused as refused:
        return [f"{series.name}: {refused.remark}"]
    return []
