"""An analysis in the words of the database."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from db.reports import ReportRecord, ResultRecord, TrackedFinding
from db.states import ReportOutcome
from dicom_io.identity import tracking_uid
from node.analysis import Outcome
from node.spool import Spool


def report_records(
    outcome: Outcome, files: Sequence[Path], spool: Spool
) -> tuple[ReportRecord, list[TrackedFinding], list[ResultRecord]]:
    """The report, its findings and its result objects, whose files lie in the spool."""
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
    )
    findings = [TrackedFinding(finding, tracking_uid(pair.pet.uid, finding)) for finding in context.analysis.findings]
    results = [
        ResultRecord(
            kind=result.kind,
            sop_class_uid=str(result.dataset.SOPClassUID),
            sop_instance_uid=str(result.dataset.SOPInstanceUID),
            path=spool.relative(file),
            digest=hashlib.sha256(file.read_bytes()).hexdigest(),
            size_bytes=file.stat().st_size,
        )
        for result, file in zip(outcome.objects, files, strict=True)
    ]
    return report, findings, results
