"""An analysis in the words of the database."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import Dataset, dcmread

from config.settings import Settings
from db.reports import FaultRecord, ReportRecord, ResultRecord, TrackedFinding, Wanted
from db.states import ReportOutcome
from dicom_io.check import Fault, Severity, check_all
from dicom_io.results.result import Result
from node.result_files import file_digest
from node.spool import Spool

if TYPE_CHECKING:
    from node.analysis import Outcome


def report_records(outcome: "Outcome") -> tuple[ReportRecord, list[TrackedFinding]]:
    """The report and its findings."""
    context, pair = outcome.context, outcome.pair
    report = ReportRecord(
        outcome=ReportOutcome.LESIONS if context.analysis.lesions else ReportOutcome.NO_LESIONS,
        pet_series_uid=pair.pet.uid,
        ct_series_uid=pair.ct.uid if pair.ct else None,
        tracer=context.analysis.tracer,
        suv_factor=context.quantification.factor,
        input_digest=context.provenance.input_digest,
        settings_digest=context.provenance.settings_digest,
        software_version=context.provenance.version,
        models=outcome.models,
        remarks=context.remarks,
        timings_s=outcome.timings_s,
        summary=context.analysis.summary,
    )
    return report, [TrackedFinding(finding, context.tracking_uid(finding)) for finding in context.analysis.findings]


def result_records(
    results: Sequence[Result], files: Sequence[Path], spool: Spool, sources: Sequence[Dataset]
) -> list[ResultRecord]:
    """The result objects, whose files lie in the spool, each checked as it was written.

    ``sources`` are the headers of all images that a result may refer to.
    """
    checked = check_all([dcmread(file) for file in files], sources, among_is_all=True)
    return [
        ResultRecord(
            kind=result.kind,
            sop_class_uid=str(result.dataset.SOPClassUID),
            sop_instance_uid=str(result.dataset.SOPInstanceUID),
            path=spool.relative(file),
            digest=file_digest(file),
            size_bytes=file.stat().st_size,
            faults=_errors(faults),
        )
        for result, file, faults in zip(results, files, checked, strict=True)
    ]


def wanted(settings: Settings) -> Wanted:
    """Which kinds of results each destination wants."""
    return {destination.name: settings.kinds_for(destination) for destination in settings.destinations}


def _errors(faults: Sequence[Fault]) -> tuple[FaultRecord, ...]:
    return tuple(
        FaultRecord(fault.where, fault.what, str(fault.rule), fault.section)
        for fault in faults
        if fault.severity is Severity.ERROR
    )
