"""The work on studies: judging completeness, and the queue of analyses.

Every function takes a session of `db.session.Database.transaction`. Between two transactions anything may happen to a
study: an instance arrives, a lease runs out. Whoever works on one therefore holds a token, the study as it was when the
work began (`Receiving`, `Claimed`), and hands it back with the result; if it no longer holds, nothing is changed and
the answer says so.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from config.reasons import Reason
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue
from db.leases import held_by
from db.states import Disposition, StudyState
from db.studies import audit_study, locked, move
from db.tables import Association, AssociationStudy, Instance, Series, Study

COMPLETENESS = "completeness"
"""Who judges completeness, in the audit trail."""


@dataclass(frozen=True, slots=True)
class Receiving:
    """A study in intake as seen at one moment, with the associations that have brought instances of it.

    ``quiet_since``: when the last instance came or the last of those associations ended. ``senders``: the calling AE
    titles, sorted.
    """

    study_uid: str
    revision: int
    last_arrival: datetime
    open_associations: tuple[str, ...]
    quiet_since: datetime
    senders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """An accepted instance in the spool; ``path`` is relative to it."""

    sop_instance_uid: str
    sop_class_uid: str
    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A series with its relevant instances, ordered by SOP Instance UID."""

    series_uid: str
    modality: str | None
    instances: tuple[StoredInstance, ...]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A study under analysis by ``owner``. ``attempt`` counts from 1 within the revision.

    ``series`` are ordered by UID. The claim is one analysis of exactly these inputs.
    """

    study_uid: str
    revision: int
    owner: str
    attempt: int
    series: tuple[StoredSeries, ...]


@dataclass(frozen=True, slots=True)
class SeriesJudgement:
    """What a series is, and why."""

    kind: str
    why: str


def studies_receiving(session: Session) -> tuple[Receiving, ...]:
    """Every study in intake, longest without arrival first. Reads only."""
    studies = session.scalars(
        select(Study).where(Study.state == StudyState.RECEIVING).order_by(Study.last_arrival, Study.id)
    ).all()
    pairs = session.execute(
        select(AssociationStudy.study_id, AssociationStudy.association_id)
        .join(Association, Association.id == AssociationStudy.association_id)
        .join(Study, Study.id == AssociationStudy.study_id)
        .where(Association.closed_at.is_(None), Study.state == StudyState.RECEIVING)
        .order_by(AssociationStudy.association_id)
    ).all()
    senders = session.execute(
        select(AssociationStudy.study_id, Association.calling_ae, func.max(Association.closed_at))
        .join(Association, Association.id == AssociationStudy.association_id)
        .join(Study, Study.id == AssociationStudy.study_id)
        .where(Study.state == StudyState.RECEIVING)
        .group_by(AssociationStudy.study_id, Association.calling_ae)
        .order_by(Association.calling_ae)
    ).all()
    return tuple(
        Receiving(
            study.study_instance_uid,
            study.revision,
            study.last_arrival,
            tuple(association for study_id, association in pairs if study_id == study.id),
            max([study.last_arrival, *(ended for study_id, _, ended in senders if study_id == study.id and ended)]),
            tuple(sender for study_id, sender, _ in senders if study_id == study.id),
        )
        for study in studies
    )


def instance_counts(session: Session, study_uid: str) -> dict[str, int]:
    """How many accepted instances each series of a study has, by Series Instance UID. Reads only."""
    counts = session.execute(
        select(Series.series_instance_uid, Series.number_of_instances)
        .join(Study, Study.id == Series.study_id)
        .where(Study.study_instance_uid == study_uid)
    )
    return {row.series_instance_uid: row.number_of_instances for row in counts}


def relevant_series(session: Session, study_uid: str) -> tuple[StoredSeries, ...]:
    """The accepted, relevant instances of a study. Reads only."""
    rows: Iterable[Any] = session.execute(
        select(
            Series.series_instance_uid,
            Series.modality,
            Instance.sop_instance_uid,
            Instance.sop_class_uid,
            Instance.path,
            Instance.digest,
        )
        .join(Series, Series.id == Instance.series_id)
        .join(Study, Study.id == Series.study_id)
        .where(
            Study.study_instance_uid == study_uid,
            Instance.disposition == Disposition.ACCEPTED,
            Instance.relevant.is_(True),
        )
        .order_by(Series.series_instance_uid, Instance.sop_instance_uid)
    )
    grouped: dict[tuple[str, str | None], list[StoredInstance]] = {}
    for series_uid, modality, *identity in rows:
        stored = StoredInstance(*identity)
        grouped.setdefault((series_uid, modality), []).append(stored)
    return tuple(StoredSeries(uid, modality, tuple(found)) for (uid, modality), found in grouped.items())


def judge_series(session: Session, study_uid: str, judgements: Mapping[str, SeriesJudgement]) -> None:
    """Put on record what the series of a study are, by Series Instance UID. Raises `UnknownStudy`."""
    study = locked(session, study_uid)
    for series in session.scalars(select(Series).where(Series.study_id == study.id)):
        judgement = judgements.get(series.series_instance_uid)
        if judgement is not None:
            series.kind = judgement.kind
            series.why = judgement.why


def mark_complete(session: Session, seen: Receiving, detail: str, now: datetime) -> bool:
    """The study as ``seen`` has all that is needed; ``detail`` says by what evidence. False if more arrived since."""
    study = _still_receiving(session, seen)
    if study is None:
        return False
    move(study, StudyState.COMPLETE, now, detail=detail)
    audit_study(
        session,
        study,
        AuditAction.STUDY_COMPLETE,
        AuditOutcome.SUCCESS,
        now,
        who=COMPLETENESS,
        detail={"evidence": detail},
    )
    return True


def reject(session: Session, token: Receiving | Claimed, reason: Reason, detail: str, now: datetime) -> bool:
    """The study can't be analysed honestly. False if the token no longer holds: more arrived, or the lease ran out."""
    if isinstance(token, Claimed):
        study, who = claimed_study(session, token), token.owner
    else:
        study, who = _still_receiving(session, token), COMPLETENESS
    if study is None:
        return False
    move(study, StudyState.REJECTED, now, reason, detail)
    audit_study(
        session,
        study,
        AuditAction.STUDY_REJECTED,
        AuditOutcome.FAILURE,
        now,
        who=who,
        detail={"reason": reason, "found": detail},
    )
    return True


def claim_study(session: Session, owner: str, lease_s: float, now: datetime) -> Claimed | None:
    """The study that waited longest for analysis, now leased to ``owner``; None if none is due. No two get the same."""
    study = session.scalar(
        select(Study)
        .where(
            Study.state == StudyState.COMPLETE,
            or_(Study.next_attempt_at.is_(None), Study.next_attempt_at <= now),
        )
        .order_by(Study.updated_at, Study.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    if study is None:
        return None
    move(study, StudyState.ANALYSING, now)
    study.attempts += 1
    study.lease_owner = owner
    study.lease_expires_at = now + timedelta(seconds=lease_s)
    audit_study(
        session,
        study,
        AuditAction.ANALYSIS_STARTED,
        AuditOutcome.SUCCESS,
        now,
        who=owner,
        detail={"attempt": study.attempts},
    )
    series = relevant_series(session, study.study_instance_uid)
    return Claimed(study.study_instance_uid, study.revision, owner, study.attempts, series)


def release_claim_failed(
    session: Session,
    claim: Claimed,
    reason: Reason,
    detail: str,
    now: datetime,
    *,
    maximum_attempts: int,
    retry_at: datetime,
) -> StudyState | None:
    """The analysis failed: the study waits until ``retry_at``, or has failed if that was its last attempt.

    The new state, or None if the claim no longer holds.
    """
    study = claimed_study(session, claim)
    if study is None:
        return None
    return _failed(session, study, claim.owner, reason, detail, now, maximum_attempts, retry_at)


def put_back(session: Session, owner: str, reason: Reason, detail: str, now: datetime, *, retry_at: datetime) -> None:
    """What ``owner`` analysed waits until ``retry_at``: not the study, but disk or database kept it from its end.

    The attempt does not count. To be called by the owner alone, who works on none of it any more.
    """
    studies = session.scalars(
        select(Study)
        .where(Study.state == StudyState.ANALYSING, Study.lease_owner == owner)
        .order_by(Study.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for study in studies:
        found: dict[str, JsonValue] = {"reason": reason, "found": detail, "attempt": study.attempts}
        audit_study(session, study, AuditAction.ANALYSIS_FAILED, AuditOutcome.FAILURE, now, who=owner, detail=found)
        move(study, StudyState.COMPLETE, now, reason, detail)
        study.attempts -= 1
        study.next_attempt_at = retry_at


def expire_leases(
    session: Session, now: datetime, *, maximum_attempts: int, dead_owners: Collection[str] = ()
) -> tuple[str, ...]:
    """Take studies back from workers that hang or died: leases that ran out, and all of ``dead_owners``. Their UIDs.

    A node passes its own name as it starts, so that what it held when it was killed need not wait.
    """
    studies = session.scalars(
        select(Study)
        .where(
            Study.state == StudyState.ANALYSING,
            or_(Study.lease_expires_at <= now, held_by(Study.lease_owner, dead_owners)),
        )
        .order_by(Study.id)
        .with_for_update(skip_locked=not dead_owners)
        .execution_options(populate_existing=True)
    ).all()
    for study in studies:
        owner = study.lease_owner or ""
        late = study.lease_expires_at is not None and study.lease_expires_at <= now
        detail = f"{owner} did not finish attempt {study.attempts}."
        reason = Reason.ANALYSIS_TIMEOUT if late else Reason.WORKER_DIED
        _failed(session, study, owner, reason, detail, now, maximum_attempts, now)
    return tuple(study.study_instance_uid for study in studies)


def claimed_study(session: Session, claim: Claimed) -> Study | None:
    """The claimed study, locked; None if the claim no longer holds."""
    study = locked(session, claim.study_uid)
    holds = (study.state, study.revision, study.lease_owner, study.attempts) == (
        StudyState.ANALYSING,
        claim.revision,
        claim.owner,
        claim.attempt,
    )
    return study if holds else None


def _still_receiving(session: Session, seen: Receiving) -> Study | None:
    study = locked(session, seen.study_uid)
    now = (study.state, study.revision, study.last_arrival)
    return study if now == (StudyState.RECEIVING, seen.revision, seen.last_arrival) else None


def _failed(
    session: Session,
    study: Study,
    owner: str,
    reason: Reason,
    detail: str,
    now: datetime,
    maximum_attempts: int,
    retry_at: datetime,
) -> StudyState:
    last = study.attempts >= maximum_attempts
    move(study, StudyState.FAILED if last else StudyState.COMPLETE, now, reason, detail)
    study.next_attempt_at = None if last else retry_at
    found: dict[str, JsonValue] = {"reason": reason, "found": detail, "attempt": study.attempts}
    audit_study(session, study, AuditAction.ANALYSIS_FAILED, AuditOutcome.FAILURE, now, who=owner, detail=found)
    if last:
        audit_study(session, study, AuditAction.STUDY_FAILED, AuditOutcome.FAILURE, now, who=owner, detail=found)
    return study.state
