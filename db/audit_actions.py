"""What the audit trail says was done, and how it ended."""

from enum import StrEnum


class AuditOutcome(StrEnum):
    """``WARNING``: done, or not done yet, but somebody should know."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"


class AuditAction(StrEnum):
    """What was done. Values are kept for ever: the hash of every event covers its action."""

    NODE_STARTED = "node-started"
    NODE_STOPPED = "node-stopped"

    ASSOCIATION_OPENED = "association-opened"
    ASSOCIATION_CLOSED = "association-closed"
    ASSOCIATION_REFUSED = "association-refused"
    INSTANCES_RECEIVED = "instances-received"
    INSTANCE_REJECTED = "instance-rejected"
    INSTANCE_CONFLICT = "instance-conflict"

    STUDY_ARRIVED = "study-arrived"
    STUDY_REVISED = "study-revised"
    STUDY_COMPLETE = "study-complete"
    STUDY_REJECTED = "study-rejected"
    STUDY_FAILED = "study-failed"
    STUDY_DELIVERED = "study-delivered"
    STUDY_RETRIED = "study-retried"

    ANALYSIS_STARTED = "analysis-started"
    ANALYSIS_INTERRUPTED = "analysis-interrupted"
    ANALYSIS_FAILED = "analysis-failed"
    ANALYSIS_SUPERSEDED = "analysis-superseded"
    REPORT_RECORDED = "report-recorded"
    REPORT_STANDS = "report-stands"
    REPORT_QUARANTINED = "report-quarantined"

    DESTINATION_PROBED = "destination-probed"
    RESULT_SENT = "result-sent"
    RESULT_NOT_SENT = "result-not-sent"
    RESULT_REPLACED = "result-replaced"
    RESULT_OMITTED = "result-omitted"

    COMMITMENT_REQUESTED = "commitment-requested"
    COMMITMENT_NOT_REQUESTED = "commitment-not-requested"
    COMMITMENT_UNKNOWN = "commitment-unknown"
    RESULT_COMMITTED = "result-committed"
    RESULT_NOT_COMMITTED = "result-not-committed"
    STUDY_COMMITTED = "study-committed"
    RESULT_RETURNED = "result-returned"
    INSTANCES_DELETED = "instances-deleted"
    FINDING_RECORDED = "finding-recorded"
    CONFIGURATION_CHANGED = "configuration-changed"
    AUDIT_QUERIED = "audit-queried"
    AUDIT_VERIFIED = "audit-verified"
    AUDIT_EXPORT_FAILED = "audit-export-failed"
    AUDIT_EXPORT_RESUMED = "audit-export-resumed"
    NODE_LOST = "node-lost"
    NODE_FORGOTTEN = "node-forgotten"
