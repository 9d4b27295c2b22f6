"""The refusal: that a study could not be analysed, and why, as a report of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as dictionary
from pydicom.uid import UID, ComprehensiveSRStorage

from config.reasons import Remark
from config.result_kind import ResultKind
from config.tracers import Tracer
from dicom_io.header_values import text as value_of
from dicom_io.identity import Provenance, ResultReference
from dicom_io.results import codes, narrative
from dicom_io.results.content_items import Relation, code, container, text
from dicom_io.results.measurement_groups import comment
from dicom_io.results.result import content_datetime
from dicom_io.results.structured_report import heading, structured_report

_WHOSE = "PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime AccessionNumber StudyID"
_IDENTIFIERS = "StudyInstanceUID SeriesInstanceUID SOPClassUID SOPInstanceUID"


def encode_refusal(headers: Sequence[Dataset], reasons: Sequence[Remark], provenance: Provenance) -> Dataset:
    """A Comprehensive SR that says in codes and in words that there is no analysis, and why.

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
    (111245, DCM, "No algorithms succeeded; without findings") tells it from a report that found nothing. Nothing is
    said about lesions. As a PET Measurement Report it is text to viewers.
    """
    told = [header for header in headers if value_of(header, "StudyInstanceUID")]
    if not told:
        raise ValueError("No header has a Study Instance UID; a report belongs to a study.")
    origin = _Unanalysed(tuple(sorted(told, key=_emptiness)), provenance)
    procedure = code(
        dictionary.DCM.ProcedureReported, codes.procedure_reported(Tracer.OTHER), Relation.CONCEPT_MODIFIER
    )
    children = [*heading(provenance), procedure, _evaluations(reasons, provenance)]
    return structured_report(
        origin,
        ResultKind.REPORT,
        "AI analysis not possible",
        sop_class_uid=ComprehensiveSRStorage,
        root=container(dictionary.DCM.PETMeasurementReport, children, None, "1500"),
        evidence=[reference for header in origin.headers if (reference := _reference(header)) is not None],
    )


@dataclass(frozen=True, eq=False)
class _Unanalysed:
    """Where a refusal comes from: the headers of a study, the fullest first."""

    headers: Sequence[Dataset]
    provenance: Provenance

    @cached_property
    def moment(self) -> datetime:
        return content_datetime(self.headers)


def _evaluations(reasons: Sequence[Remark], provenance: Provenance) -> Dataset:
    said = [part for remark in reasons for part in (remark.reason.meaning, remark.detail, remark.reason.action) if part]
    return container(
        codes.QUALITATIVE_EVALUATIONS,
        [
            code(codes.FINDINGS_SUMMARY, dictionary.DCM.NoAlgorithmsSucceededWithoutFindings),
            *(code(codes.REASON_NOT_ANALYSED, codes.refusal_reason(remark.reason)) for remark in reasons),
            text(dictionary.DCM.Summary, " ".join(("This study could not be analysed:", *said))),
            comment(narrative.made_by(provenance)),
        ],
    )


def _emptiness(header: Dataset) -> tuple[int, str]:
    """How many of the attributes that say whose study it is are missing; the SOP Instance UID settles a tie."""
    return sum(not value_of(header, keyword) for keyword in _WHOSE.split()), value_of(header, "SOPInstanceUID")


def _reference(header: Dataset) -> ResultReference | None:
    """The reference to an instance; None where it lacks an identifier."""
    uids = [UID(value_of(header, keyword)) for keyword in _IDENTIFIERS.split()]
    return ResultReference(*map(str, uids)) if all(uid.is_valid for uid in uids) else None
