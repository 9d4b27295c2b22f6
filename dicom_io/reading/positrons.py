"""Whether what a PET object shows can have emitted positrons at all."""

from pydicom.dataset import Dataset

from config.tracers import recognise
from dicom_io.header_values import items, number, text
from dicom_io.suv.radionuclides import Radionuclide, identify

ANNIHILATION_KEV = 511.0


def why_no_positrons(header: Dataset) -> str:
    """Why the radionuclide is no positron emitter; ``""`` if it is one, or if nothing says what it is.

    A known radionuclide decides. Without one, energy windows (0054,0012) that all lie below 511 keV do.
    """
    nuclide = _radionuclide(header)
    if nuclide is not None:
        return "" if nuclide.emits_positrons else f"The radionuclide is {nuclide.symbol}, which emits no positrons."
    windows = [
        (number(window, "EnergyWindowLowerLimit") or 0.0, upper)
        for window in items(header, "EnergyWindowRangeSequence")
        if (upper := number(window, "EnergyWindowUpperLimit"))
    ]
    if windows and all(upper < ANNIHILATION_KEV for _, upper in windows):
        found = ", ".join(f"{lower:g}–{upper:g} keV" for lower, upper in windows)
        return f"The energy window {found} is below the {ANNIHILATION_KEV:g} keV of annihilation photons."
    return ""


def _radionuclide(header: Dataset) -> Radionuclide | None:
    for administration in items(header, "RadiopharmaceuticalInformationSequence"):
        name = text(administration, "Radiopharmaceutical")
        nuclide_code = next(iter(items(administration, "RadionuclideCodeSequence")), Dataset())
        drug_code = next(iter(items(administration, "RadiopharmaceuticalCodeSequence")), Dataset())
        drug = text(drug_code, "CodeMeaning")
        return identify(
            code=(text(nuclide_code, "CodeValue"), text(nuclide_code, "CodingSchemeDesignator")),
            names=(text(nuclide_code, "CodeMeaning"), name, drug),
            tracer=recognise(f"{name} {drug}", text(drug_code, "CodeValue")),
            half_life_s=number(administration, "RadionuclideHalfLife"),
        )
    return None
