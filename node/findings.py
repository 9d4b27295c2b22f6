"""``findings.json``: an analysis for programs. Its JSON schema is ``docs/findings.schema.json``."""

from collections.abc import Mapping
from typing import Any

from config.finding import Finding, FindingKind, LocationAnswer, UptakeGrade
from dicom_io.results.result import Result, ResultContext
from node.analysis import Outcome

SCHEMA_VERSION = "1.1"


def findings_document(outcome: Outcome) -> dict[str, Any]:
    """The document; everything but ``timings_s`` is a function of the input, the settings and the version."""
    context = outcome.context
    analysis, provenance = context.analysis, context.provenance
    first = context.pet.headers[0]
    return {
        "schema_version": SCHEMA_VERSION,
        "study_instance_uid": str(first.StudyInstanceUID),
        "pet_series_instance_uid": outcome.pair.pet.uid,
        "ct_series_instance_uid": outcome.pair.ct.uid if outcome.pair.ct else None,
        "series_selection": {
            "pet": outcome.pair.pet.why,
            "ct": outcome.pair.ct.why if outcome.pair.ct else None,
            "why": outcome.pair.why,
        },
        "tracer": str(analysis.tracer),
        "suv": context.quantification.as_dict(),
        "references": {name: round(value, 4) for name, value in sorted(analysis.references.items())},
        "lesions": [_finding(finding, context) for finding in analysis.findings],
        "totals": {
            "lesion_count": analysis.totals.lesion_count,
            "physiologic_count": sum(finding.kind is FindingKind.PHYSIOLOGIC for finding in analysis.findings),
            "tmtv_ml": round(analysis.totals.tmtv_ml, 3),
            "tlg": round(analysis.totals.tlg, 3),
            "suv_max": _rounded(analysis.totals.suv_max),
            "dmax_mm": _rounded(analysis.totals.dmax_mm),
        },
        "summary": analysis.summary,
        "remarks": [
            {"reason": str(remark.reason), "detail": remark.detail, "action": remark.reason.action}
            for remark in context.remarks
        ],
        "result_objects": {_name(result): str(result.dataset.SOPInstanceUID) for result in outcome.objects},
        "provenance": {
            "software": "uptake",
            "version": provenance.version,
            "label": provenance.label,
            "revision": provenance.revision,
            "input_digest": provenance.input_digest,
            "settings_digest": provenance.settings_digest,
            "methods": [
                {"stage": m.stage, "name": m.name, "version": m.version, "parameters": dict(m.parameters)}
                for m in analysis.methods
            ],
        },
        "timings_s": _timings(outcome.timings_s),
    }


def _finding(finding: Finding, context: ResultContext) -> dict[str, Any]:
    measured = finding.measurements
    return {
        "number": finding.number,
        "tracking_uid": context.tracking_uid(finding),
        "kind": str(finding.kind),
        "reason": finding.reason,
        "suv_max": round(measured.suv_max, 4),
        "suv_peak": round(measured.suv_peak, 4),
        "suv_mean": round(measured.suv_mean, 4),
        "threshold_suv": round(finding.threshold_suv, 4),
        "mtv_ml": round(measured.mtv_ml, 4),
        "tlg": round(measured.tlg, 4),
        "long_axis_mm": round(measured.long_axis_mm, 2),
        "short_axis_mm": round(measured.short_axis_mm, 2),
        "centroid_mm": [round(coordinate, 2) for coordinate in measured.centroid_mm],
        "slices": list(measured.slices),
        "location": _location(finding.location),
        "grade": None if finding.grade is None else _grade(finding.grade),
        "caption": finding.caption,
    }


def _location(answer: LocationAnswer) -> dict[str, Any]:
    location = answer.location
    return {
        "id": location.id,
        "name": location.name,
        "coarse": location.coarse,
        "laterality": str(location.laterality),
        "confidence": round(answer.confidence, 3),
        "top5": [
            {"id": other.id, "name": other.name, "confidence": round(confidence, 3)}
            for other, confidence in answer.top5
        ],
    }


def _grade(grade: UptakeGrade) -> dict[str, Any]:
    return {"scale": str(grade.scale), "score": grade.score, "why": grade.why}


def _name(result: Result) -> str:
    return str(result.kind) if result.part == 1 else f"{result.kind} {result.part}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _timings(timings_s: Mapping[str, float]) -> dict[str, float]:
    return {stage: round(seconds, 3) for stage, seconds in timings_s.items()}
