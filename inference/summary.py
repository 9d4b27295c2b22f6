"""The summary: one paragraph on an analysis, of what was measured and nothing else."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from config.finding import Analysis, Finding, Totals
from config.reasons import Reason, Remark
from config.tracers import Tracer
from inference.caption import LEAST_CONFIDENCE

_NO_LIMITS = frozenset(
    (Reason.SCAN_OVER_MIDNIGHT, Reason.DUPLICATES_DROPPED, Reason.CAPTION_CONTRADICTED, Reason.ENGINE_FELL_BACK)
)


def summarise(analysis: Analysis, remarks: Iterable[Remark] = ()) -> str:
    """Tracer, lesions by region, the hottest of them, totals and references, and what limits all that.

    Parameters
    ----------
    analysis
        With everything but its summary.
    remarks
        Those made of the study before it was analysed.
    """
    sentences = [_count(analysis)]
    if analysis.lesions:
        sentences += [_hottest(analysis.lesions), _totals(analysis.totals)]
    sentences.append(_references(analysis.references))
    limits = dict.fromkeys(
        remark.reason.meaning for remark in (*remarks, *analysis.remarks) if remark.reason not in _NO_LIMITS
    )
    if limits:
        sentences.append(f"To be read with care: {' '.join(limits)}")
    return " ".join(sentences)


def _count(analysis: Analysis) -> str:
    examination = "PET" if analysis.tracer is Tracer.OTHER else f"{analysis.tracer} PET"
    regions = Counter(_region(lesion) for lesion in analysis.lesions)
    if not regions:
        return f"{examination}: no lesion found."
    if len(analysis.lesions) == 1:
        return f"{examination}: 1 lesion ({next(iter(regions))})."
    where = ", ".join(f"{region} {count}" for region, count in regions.most_common())
    return f"{examination}: {len(analysis.lesions)} lesions ({where})."


def _hottest(lesions: Sequence[Finding]) -> str:
    hottest = lesions[0]
    name = "The lesion" if len(lesions) == 1 else "Hottest lesion"
    place = hottest.location.location.name if _is_located(hottest) else "location uncertain"
    grade = f", {hottest.grade}" if hottest.grade else ""
    return f"{name}: {place}, SUVmax {hottest.measurements.suv_max:.1f}{grade}."


def _totals(totals: Totals) -> str:
    parts = [f"total metabolic tumour volume {totals.tmtv_ml:.1f} ml", f"total lesion glycolysis {totals.tlg:.1f} g"]
    if totals.dmax_mm is not None:
        parts.append(f"largest distance between lesions (Dmax) {totals.dmax_mm / 10.0:.1f} cm")
    said = ", ".join(parts)
    return f"{said[0].upper()}{said[1:]}."


def _references(references: Mapping[str, float]) -> str:
    liver, deviation, pool = (references.get(name) for name in ("liver_mean", "liver_sd", "blood_pool_mean"))
    if liver is None and pool is None:
        return "Neither liver nor blood pool was found for reference."
    spread = "" if deviation is None else f" (SD {deviation:.2f})"
    said = "liver not found" if liver is None else f"liver {liver:.2f}{spread}"
    return f"Reference mean SUV: {said}, blood pool {'not found' if pool is None else f'{pool:.2f}'}."


def _region(lesion: Finding) -> str:
    return lesion.location.location.region if _is_located(lesion) else "location uncertain"


def _is_located(lesion: Finding) -> bool:
    return lesion.location.confidence >= LEAST_CONFIDENCE
