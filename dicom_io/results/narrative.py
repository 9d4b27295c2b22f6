"""The narrative: what reports say in sentences of an analysis and of how its figures came about."""

from collections.abc import Iterable, Mapping

from config.finding import Finding, FindingKind, Measurements
from config.reasons import Remark
from dicom_io.identity import PRODUCT, Provenance
from dicom_io.results.result import ResultContext


def made_by(provenance: Provenance) -> str:
    """That software has made this, and that nobody has looked at it; marked with the label."""
    marked = f"{provenance.label}: made" if provenance.label else "Made"
    return f"{marked} by {PRODUCT} {provenance.version} without review by a physician."


def lesion_line(finding: Finding) -> str:
    """A lesion in one line: its number, its caption, and every figure that the caption lacks."""
    measured = finding.measurements
    figures = (
        f"SUVpeak {measured.suv_peak:.1f}, SUVmean {measured.suv_mean:.1f}, "
        f"metabolic volume {measured.mtv_ml:.1f} ml, glycolysis {measured.tlg:.1f} g."
    )
    grade = f" {finding.grade}: {finding.grade.why}" if finding.grade else ""
    return f"Lesion {finding.number}. {finding.caption} {figures}{grade}"


def size(measured: Measurements) -> str:
    """Long and short axis, cm."""
    return f"{measured.long_axis_mm / 10.0:.1f} × {measured.short_axis_mm / 10.0:.1f}"


def references(measured: Mapping[str, float]) -> list[str]:
    """The uptake that lesions are compared with: ``Liver: mean SUV 2.10, SD 0.30.``"""
    organs = dict.fromkeys(name.rpartition("_")[0] for name in measured)
    told = []
    for organ in organs:
        mean, deviation = measured.get(f"{organ}_mean"), measured.get(f"{organ}_sd")
        figures = [f"mean SUV {mean:.2f}"] if mean is not None else []
        figures += [f"SD {deviation:.2f}"] if deviation is not None else []
        told.append(f"{organ.replace('_', ' ').capitalize()}: {', '.join(figures)}.")
    return told


def physiologic_uptake(findings: Iterable[Finding]) -> str:
    """The uptake that was found and is no lesion; empty if there is none."""
    named = [
        f"{finding.location.location.name} (SUVmax {finding.measurements.suv_max:.1f})"
        for finding in findings
        if finding.kind is FindingKind.PHYSIOLOGIC
    ]
    return f"Physiologic uptake, not measured as lesions: {'; '.join(named)}." if named else ""


def quantification(context: ResultContext) -> str:
    """How pixels became SUVbw."""
    quantified = context.quantification
    reference = quantified.decay_reference
    since = f", decay reference {reference:%Y-%m-%d %H:%M:%S}" if reference else ""
    factor = f"SUVbw of the first slice = {quantified.factor:.8g} x rescaled value{since}."
    return f"{factor} {_sentence(quantified.rule)}"


def methods(context: ResultContext) -> list[str]:
    """What each stage of the analysis worked with."""
    told = []
    for method in context.analysis.methods:
        parameters = ", ".join(f"{key} = {value}" for key, value in method.parameters.items())
        described = f"{method.name} {method.version}" + (f" ({parameters})" if parameters else "")
        told.append(f"Method of {method.stage}: {described}.")
    return told


def remarks(made: Iterable[Remark]) -> list[str]:
    """Remarks with what they mean and what to do about them."""
    return [f"{_sentence(str(remark))} {remark.reason.meaning} {remark.reason.action}" for remark in made]


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
