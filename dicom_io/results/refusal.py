"""The refusal: that a study could not be analysed, and why, as reports of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.uid import UID, BasicTextSRStorage, ComprehensiveSRStorage, EnhancedSRStorage

from config.reasons import Remark
from config.result_kind import ResultKind
from config.tracers import Tracer
from dicom_io.header_values import text as value_of
from dicom_io.identity import Provenance, ResultReference
from dicom_io.results import codes, narrative
from dicom_io.results.content_items import Relation, code, container, text
from dicom_io.results.document import encapsulated, print_without_findings
from dicom_io.results.measurement_groups import comment
from dicom_io.results.result import Result, content_datetime
from dicom_io.results.structured_report import heading, structured_report
from dicom_io.results.text_report import plain

REFUSALS = (ResultKind.REPORT, ResultKind.ENHANCED_TEXT, ResultKind.BASIC_TEXT, ResultKind.DOCUMENT)
"""The kinds in which a refusal can be told."""

_WHOSE = "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime AccessionNumber StudyID"
_DESCRIPTION = "AI analysis not possible"
_IDENTIFIERS = "StudyInstanceUID SeriesInstanceUID SOPClassUID SOPInstanceUID"


def encode_refusals(
    headers: Sequence[Dataset], reasons: Sequence[Remark], provenance: Provenance
) -> tuple[Result, ...]:
    """Reports that say that there is no analysis, and why: one of each kind of ``REFUSALS``.

    Parameters
    ----------
    headers
        Of the study, as they came; they may be incomplete. Patient and study are those of the one that says most.
    reasons
        Why the study was refused; what was refused first comes first.
    provenance
        What refused it.

    Raises
    ------
    ValueError
        If no header names its study.

    Notes
    -----
    In all but the PDF, (111245, DCM, "No algorithms succeeded; without findings") tells it from a report that found
    nothing. Nothing is said about lesions. Viewers show the PET Measurement Report, a Comprehensive SR, as text.
    """
    told = [header for header in headers if value_of(header, "StudyInstanceUID")]
    if not told:
        raise ValueError("No header has a Study Instance UID; a report belongs to a study.")
    origin = _Unanalysed(tuple(sorted(told, key=_emptiness)), provenance)
    evidence = [reference for header in origin.headers if (reference := _reference(header)) is not None]
    measurements, sentences = _measurement_report(reasons, provenance), _text_report(reasons, provenance)
    printed = print_without_findings(origin, _summary(reasons))
    reports = {
        kind: structured_report(origin, kind, _DESCRIPTION, sop_class_uid=sop_class, root=root, evidence=evidence)
        for kind, sop_class, root in (
            (ResultKind.REPORT, ComprehensiveSRStorage, measurements),
            (ResultKind.ENHANCED_TEXT, EnhancedSRStorage, sentences),
            (ResultKind.BASIC_TEXT, BasicTextSRStorage, sentences),
        )
    }
    reports[ResultKind.DOCUMENT] = encapsulated(origin, printed, _DESCRIPTION, evidence)
    return tuple(Result(kind, 1, reports[kind]) for kind in REFUSALS)


@dataclass(frozen=True, eq=False)
class _Unanalysed:
    """Where a refusal comes from: the headers of a study, the fullest first."""

    headers: Sequence[Dataset]
    provenance: Provenance

    @cached_property
    def moment(self) -> datetime:
        return content_datetime(self.headers)


def _measurement_report(reasons: Sequence[Remark], provenance: Provenance) -> Dataset:
    procedure = code(
        dictionary.DCM.ProcedureReported, codes.procedure_reported(Tracer.OTHER), Relation.CONCEPT_MODIFIER
    )
    told = [text(dictionary.DCM.Summary, _summary(reasons)), comment(narrative.made_by(provenance))]
    evaluations = container(codes.QUALITATIVE_EVALUATIONS, [*_coded(reasons), *told])
    return container(dictionary.DCM.PETMeasurementReport, [*heading(provenance), procedure, evaluations], None, "1500")


def _text_report(reasons: Sequence[Remark], provenance: Provenance) -> Dataset:
    findings = [*_coded(reasons), text(dictionary.DCM.Finding, plain(narrative.made_by(provenance)))]
    sections = [
        container(dictionary.LN.Findings, findings),
        container(dictionary.LN.Impressions, [text(dictionary.DCM.Impression, plain(_summary(reasons)))]),
    ]
    return container(dictionary.LN.PETScanReport, [*heading(provenance), *sections], None, "2000")


def _coded(reasons: Sequence[Remark]) -> list[Dataset]:
    return [
        code(codes.FINDINGS_SUMMARY, dictionary.DCM.NoAlgorithmsSucceededWithoutFindings),
        *(code(codes.REASON_NOT_ANALYSED, codes.refusal_reason(remark.reason)) for remark in reasons),
    ]


def _summary(reasons: Sequence[Remark]) -> str:
    said = [part for remark in reasons for part in (remark.reason.meaning, remark.detail, remark.reason.action) if part]
    return " ".join(("This study could not be analysed:", *said))


def _emptiness(header: Dataset) -> tuple[int, str]:
    """How many of the attributes that say whose study it is are missing; the SOP Instance UID settles a tie."""
    return sum(not value_of(header, keyword) for keyword in _WHOSE.split()), value_of(header, "SOPInstanceUID")


def _reference(header: Dataset) -> ResultReference | None:
    """The reference to an instance; None where it lacks an identifier."""
    uids = [UID(value_of(header, keyword)) for keyword in _IDENTIFIERS.split()]
    return ResultReference(*map(str, uids)) if all(uid.is_valid for uid in uids) else None
