"""What the audit trail answers: who sent a study, what was said of it and by which model, what went where, what failed.

Every function only reads, and only the trail: what it answers is covered by the chain.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.audit_actions import AuditAction, AuditOutcome
from db.queries import AuditEntry, audit_events, entry
from db.tables import AuditEvent


@dataclass(frozen=True, slots=True)
class Sending:
    """What one association brought of a study. ``address`` is None for what an older version put on record."""

    at: datetime
    study_uid: str
    calling_ae: str
    address: str | None
    association: str
    outcome: AuditOutcome
    accepted: int
    duplicates: int
    conflicts: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A finding (``number`` is None: the report itself, and what it was refused for) and what it came from.

    ``models``: for each task the trained model that did it, as name, version and SHA-256; none where rules did.
    """

    at: datetime
    study_uid: str
    revision: int
    number: int | None
    said: str
    location: str | None
    suv_max: float | None
    mtv_ml: float | None
    tracking_uid: str | None
    models: str
    software_version: str


@dataclass(frozen=True, slots=True)
class Journey:
    """What became of one result object at one destination; moments are None for what has not happened."""

    study_uid: str
    revision: int
    sop_instance_uid: str | None
    destination: str
    attempts: int
    sent_at: datetime | None
    committed_at: datetime | None
    last: str
    found: str | None


def who_sent(session: Session, study_uid: str) -> tuple[Sending, ...]:
    """What brought a study, in order."""
    return tuple(
        Sending(
            event.at,
            study_uid,
            event.who,
            event.detail.get("address"),
            event.detail["association"],
            event.outcome,
            event.detail["accepted"],
            event.detail["duplicates"],
            event.detail["conflicts"],
        )
        for event in _of_study(session, study_uid, [AuditAction.INSTANCES_RECEIVED])
    )


def what_was_said(session: Session, study_uid: str) -> tuple[Statement, ...]:
    """The reports of a study and their findings, in order, with the models behind them."""
    told = _of_study(session, study_uid, [AuditAction.REPORT_RECORDED, AuditAction.FINDING_RECORDED])
    reports = {event.detail["revision"]: event.detail for event in told if event.action is AuditAction.REPORT_RECORDED}
    return tuple(_statement(event, reports[event.detail["revision"]]) for event in told)


def what_went_where(session: Session, study_uid: str) -> tuple[Journey, ...]:
    """Every result object of a study at every destination, in the order in which they were first told of."""
    journeys: dict[tuple[str | None, str], Journey] = {}
    actions = [action for action in AuditAction if action.startswith("result-")]
    for event in _of_study(session, study_uid, actions):
        if destination := event.detail.get("destination"):
            key = (event.sop_instance_uid, destination)
            journeys[key] = _farther(journeys.get(key) or _begun(event, destination), event)
    return tuple(journeys.values())


def what_failed(session: Session, since: datetime, until: datetime, limit: int) -> tuple[AuditEntry, ...]:
    """The newest ``limit`` failures of a time, in order; ``until`` is exclusive."""
    return audit_events(session, outcome=AuditOutcome.FAILURE, since=since, until=until, limit=limit)


def _of_study(session: Session, study_uid: str, actions: Iterable[AuditAction]) -> tuple[AuditEntry, ...]:
    query = (
        select(AuditEvent)
        .where(AuditEvent.study_instance_uid == study_uid, AuditEvent.action.in_(list(actions)))
        .order_by(AuditEvent.sequence)
    )
    return tuple(entry(event) for event in session.scalars(query))


def _statement(event: AuditEntry, report: Mapping[str, Any]) -> Statement:
    detail = event.detail
    is_report = event.action is AuditAction.REPORT_RECORDED
    assert event.study_uid is not None
    return Statement(
        at=event.at,
        study_uid=event.study_uid,
        revision=detail["revision"],
        number=detail.get("number"),
        said="; ".join([detail["outcome"], *detail["remarks"]]) if is_report else detail["caption"],
        location=detail.get("location"),
        suv_max=detail.get("suv_max"),
        mtv_ml=detail.get("mtv_ml"),
        tracking_uid=detail.get("tracking_uid"),
        models=", ".join(_models(report.get("models", {}))),
        software_version=report["software_version"],
    )


def _models(models: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for task, model in models.items():
        yield f"{task}: {model['name']} {model['version']} sha256:{model['digest']}"


def _begun(event: AuditEntry, destination: str) -> Journey:
    assert event.study_uid is not None
    revision = event.detail.get("of_revision", event.detail["revision"])
    return Journey(event.study_uid, revision, event.sop_instance_uid, destination, 0, None, None, "", None)


def _farther(journey: Journey, event: AuditEntry) -> Journey:
    return replace(
        journey,
        attempts=max(journey.attempts, event.detail.get("attempt", 0)),
        sent_at=event.at if event.action is AuditAction.RESULT_SENT else journey.sent_at,
        committed_at=event.at if event.action is AuditAction.RESULT_COMMITTED else journey.committed_at,
        last=event.action,
        found=event.detail.get("found") or event.detail.get("reason"),
    )
