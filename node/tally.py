"""Counts and durations since the node's first day, from the audit trail and the reports on record.

So they are the same whichever process did the work, and go on after a restart where they were.
"""

from dataclasses import dataclass
from datetime import datetime

from prometheus_client import Counter, Histogram
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from db.audit import chain_head
from db.audit_actions import AuditAction
from db.metrics import Milestone, events_between, milestones, stage_timings

_CHUNK = 10_000
_STEP_BUCKETS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400)
_STAGE_BUCKETS_S = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)

_STEPS = {
    (AuditAction.STUDY_ARRIVED, AuditAction.STUDY_COMPLETE): "receiving",
    (AuditAction.STUDY_REVISED, AuditAction.STUDY_COMPLETE): "receiving",
    (AuditAction.STUDY_COMPLETE, AuditAction.ANALYSIS_STARTED): "waiting",
    (AuditAction.ANALYSIS_STARTED, AuditAction.REPORT_RECORDED): "analysis",
    (AuditAction.REPORT_RECORDED, AuditAction.STUDY_DELIVERED): "delivery",
}
_BEGIN = frozenset(before for before, _ in _STEPS)
_GIVEN_UP = (AuditAction.STUDY_REJECTED, AuditAction.STUDY_FAILED)
_MILESTONES = (*dict.fromkeys(action for pair in _STEPS for action in pair), *_GIVEN_UP)


@dataclass(frozen=True, slots=True)
class _Passed:
    action: AuditAction
    at: datetime
    complete_at: datetime | None


class Tally:
    """Brought up to date by reading what is new. Not for several threads at once."""

    def __init__(self) -> None:
        self._events = Counter("uptake_events", "Events of the audit trail.", ("action", "outcome"), registry=None)
        self._failures = Counter(
            "uptake_failures",
            "Audit events that are failures or warnings, by reason.",
            ("action", "reason"),
            registry=None,
        )
        self._analyses = Counter("uptake_analyses", "Reports recorded, by what they say.", ("outcome",), registry=None)
        self._model_runs = Counter(
            "uptake_model_runs",
            "Reports that a trained model took part in, by the engine that ran it.",
            ("task", "name", "version", "engine"),
            registry=None,
        )
        self._steps = Histogram(
            "uptake_step_seconds",
            "How long studies took for a step of their way.",
            ("step",),
            buckets=_STEP_BUCKETS_S,
            registry=None,
        )
        self._turnaround = Histogram(
            "uptake_turnaround_seconds",
            "From a study's completeness to the delivery of its last result.",
            buckets=_STEP_BUCKETS_S,
            registry=None,
        )
        self._stages = Histogram(
            "uptake_analysis_stage_seconds",
            "How long a stage of an analysis took.",
            ("stage",),
            buckets=_STAGE_BUCKETS_S,
            registry=None,
        )
        self._sequence = 0
        self._report = 0
        self._under_way: dict[str, _Passed] = {}

    @property
    def metrics(self) -> tuple[Collector, ...]:
        """What was added up."""
        return (
            self._events,
            self._failures,
            self._analyses,
            self._model_runs,
            self._steps,
            self._turnaround,
            self._stages,
        )

    def update(self, session: Session) -> None:
        """Add what happened since the last time; a part at a time, and each part wholly or not at all."""
        head = chain_head(session).sequence
        while self._sequence < head:
            to = min(head, self._sequence + _CHUNK)
            counts = events_between(session, self._sequence, to)
            passed = milestones(session, _MILESTONES, self._sequence, to)
            for (action, outcome), count in counts.items():
                self._events.labels(action, outcome).inc(count)
            for milestone in passed:
                self._pass(milestone)
            self._sequence = to
        while timings := stage_timings(session, self._report, limit=_CHUNK):
            for _, timings_s in timings:
                for stage, seconds in timings_s.items():
                    self._stages.labels(stage).observe(seconds)
            self._report = timings[-1][0]

    def _pass(self, milestone: Milestone) -> None:
        detail = milestone.detail
        if reason := detail.get("reason"):
            self._failures.labels(milestone.action, reason).inc()
        if milestone.action is AuditAction.REPORT_RECORDED:
            self._analyses.labels(detail["outcome"]).inc()
            for task, model in detail["models"].items():
                self._model_runs.labels(task, *(model[name] for name in ("name", "version", "engine"))).inc()
        if milestone.study_uid is not None and milestone.action in _MILESTONES:
            self._walk(milestone.study_uid, milestone.action, milestone.at)

    def _walk(self, study_uid: str, action: AuditAction, at: datetime) -> None:
        before = self._under_way.pop(study_uid, None)
        step = _STEPS.get((before.action, action)) if before is not None else None
        complete_at = before.complete_at if before is not None else None
        if before is not None and step is not None:
            self._steps.labels(step).observe((at - before.at).total_seconds())
        if action is AuditAction.STUDY_COMPLETE:
            complete_at = at
        if action is AuditAction.STUDY_DELIVERED and step is not None and complete_at is not None:
            self._turnaround.observe((at - complete_at).total_seconds())
        if action in _BEGIN and (step is not None or action is not AuditAction.REPORT_RECORDED):
            self._under_way[study_uid] = _Passed(action, at, complete_at)
