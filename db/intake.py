"""What arrives: instances, and what they do to the state of their study.

Every function takes a session of `db.session.Database.transaction` and leaves the commit to it. Acknowledge an instance
only after that commit. Within one transaction, record the instances of several studies ordered by Study Instance UID.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from config.reasons import Reason
from db import audit
from db.audit_actions import AuditAction, AuditOutcome
from db.delivery import supersede_deliveries
from db.states import Disposition, StudyState
from db.studies import audit_study, locked, locked_if_any, move
from db.tables import Association, AssociationStudy, Instance, Series, Study

_TICK = timedelta(microseconds=1)
"""By this much an arrival is later than the one before where the clock says that it was earlier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRecord:
    """An instance that lies safely in the spool, as its headers name it.

    ``path`` is relative to the spool, ``digest`` its SHA-256 in hexadecimal. ``relevant``: it is an input of the
    analysis (CT, PET, Real World Value Mapping), so that it starts a new revision of a study that had left intake.
    """

    association_id: str | None
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    digest: str
    path: str
    size_bytes: int
    relevant: bool
    modality: str | None = None
    series_description: str | None = None
    patient_id: str | None = None
    issuer_of_patient_id: str | None = None
    patient_name: str | None = None
    accession_number: str | None = None
    study_date: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedInstance:
    """An instance that can't be used, with whatever is known of it; ``path`` if its bytes were kept."""

    association_id: str | None
    reason: Reason
    detail: str
    sop_instance_uid: str | None = None
    sop_class_uid: str | None = None
    transfer_syntax_uid: str | None = None
    study_uid: str | None = None
    patient_id: str | None = None
    digest: str | None = None
    path: str | None = None
    size_bytes: int | None = None


def record_instance(session: Session, instance: InstanceRecord, now: datetime) -> Disposition:
    """Put an instance on record and its study into the state that follows.

    - ``ACCEPTED``: new. A relevant one moves a study that had left intake back to ``receiving`` as the next revision;
      deliveries of the old revision that have not begun are superseded, and an analysis under way will find that its
      claim no longer holds.
    - ``DUPLICATE``: this UID with this content is known; it is counted and its file at ``path`` is not needed.
    - ``CONFLICT``: this UID is known with other content. It is kept aside, is not used, and changes no state.
    """
    study = _locked_or_new(session, instance, now)
    series = _series(session, study, instance)
    known = _known(session, instance.sop_instance_uid)
    brought = _brought(session, instance.association_id, study)
    same = next((row for row in known if row.digest == instance.digest), None)
    if same is not None and same.disposition not in (Disposition.REJECTED, Disposition.EXPIRED):
        same.times_received += 1
        disposition = Disposition.DUPLICATE if same.disposition is Disposition.ACCEPTED else Disposition.CONFLICT
    else:
        if same is not None:
            session.delete(same)
            session.flush()
        taken = any(row.disposition is Disposition.ACCEPTED for row in known)
        disposition = Disposition.CONFLICT if taken else Disposition.ACCEPTED
        row = instance_row(instance, disposition, now, study_uid=instance.study_uid)
        row.series_id, row.relevant = series.id, instance.relevant
        row.times_received = 1 if same is None else same.times_received + 1
        if taken:
            row.reason, row.detail = Reason.UID_CONFLICT, "An instance of this UID with other content came first."
        session.add(row)
    study.last_arrival = _later(study.last_arrival, now)
    _count(brought, disposition)
    if disposition is Disposition.ACCEPTED:
        series.number_of_instances += 1
        if instance.relevant and study.state is not StudyState.RECEIVING:
            _revise(session, study, instance, now)
    if disposition is Disposition.CONFLICT:
        audit_study(
            session,
            study,
            AuditAction.INSTANCE_CONFLICT,
            AuditOutcome.WARNING,
            now,
            who=_sender(session, instance.association_id),
            sop_instance_uid=instance.sop_instance_uid,
            detail={"reason": Reason.UID_CONFLICT, "digest": instance.digest},
        )
    return disposition


def record_rejected_instance(session: Session, instance: RejectedInstance, now: datetime) -> None:
    """Put on record that an instance arrived and can't be used. No state changes; a repetition is counted."""
    again = None
    if instance.sop_instance_uid is not None and instance.digest is not None:
        again = next((i for i in _known(session, instance.sop_instance_uid) if i.digest == instance.digest), None)
    if again is not None and again.disposition is Disposition.EXPIRED:
        session.delete(again)
        session.flush()
        again = None
    if again is not None:
        again.times_received += 1
    else:
        row = instance_row(instance, Disposition.REJECTED, now, study_uid=instance.study_uid)
        row.reason, row.detail = instance.reason, instance.detail
        session.add(row)
    audit.record(
        session,
        AuditAction.INSTANCE_REJECTED,
        AuditOutcome.FAILURE,
        now,
        who=_sender(session, instance.association_id),
        study_uid=instance.study_uid,
        sop_instance_uid=instance.sop_instance_uid,
        patient_id=instance.patient_id,
        detail={"reason": instance.reason, "found": instance.detail, "sop_class_uid": instance.sop_class_uid},
    )


def instance_row(
    instance: InstanceRecord | RejectedInstance, disposition: Disposition, now: datetime, *, study_uid: str | None
) -> Instance:
    """A new row of an instance that arrived ``now`` for the first time and that no analysis reads."""
    return Instance(
        sop_instance_uid=instance.sop_instance_uid,
        sop_class_uid=instance.sop_class_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        study_instance_uid=study_uid,
        association_id=instance.association_id,
        digest=instance.digest,
        path=instance.path,
        size_bytes=instance.size_bytes,
        received_at=now,
        times_received=1,
        relevant=False,
        disposition=disposition,
    )


def _locked_or_new(session: Session, instance: InstanceRecord, now: datetime) -> Study:
    study = locked_if_any(session, instance.study_uid)
    if study is not None:
        return study
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    inserted = session.scalar(
        dialect.insert(Study)
        .values(
            study_instance_uid=instance.study_uid,
            state=StudyState.RECEIVING,
            revision=1,
            attempts=0,
            patient_id=instance.patient_id,
            issuer_of_patient_id=instance.issuer_of_patient_id,
            patient_name=instance.patient_name,
            accession_number=instance.accession_number,
            study_date=instance.study_date,
            first_arrival=now,
            last_arrival=now,
            updated_at=now,
        )
        .on_conflict_do_nothing(index_elements=[Study.study_instance_uid])
        .returning(Study.id)
    )
    study = locked(session, instance.study_uid)
    if inserted is not None:
        who = _sender(session, instance.association_id)
        audit_study(session, study, AuditAction.STUDY_ARRIVED, AuditOutcome.SUCCESS, now, who=who)
    return study


def _later(last_arrival: datetime, now: datetime) -> datetime:
    """When the next instance came: later than the last, by which whoever judges the study sees that more has come.

    The clock of this host may be behind that of another, or have been set back.
    """
    return now if now >= last_arrival else last_arrival + _TICK


def _series(session: Session, study: Study, instance: InstanceRecord) -> Series:
    series = session.scalar(
        select(Series).where(Series.study_id == study.id, Series.series_instance_uid == instance.series_uid)
    )
    if series is None:
        series = Series(
            study_id=study.id,
            series_instance_uid=instance.series_uid,
            modality=instance.modality,
            description=instance.series_description,
            number_of_instances=0,
        )
        session.add(series)
        session.flush()
    return series


def _known(session: Session, sop_instance_uid: str) -> Sequence[Instance]:
    return session.scalars(select(Instance).where(Instance.sop_instance_uid == sop_instance_uid)).all()


def _brought(session: Session, association_id: str | None, study: Study) -> AssociationStudy | None:
    if association_id is None:
        return None
    brought = session.get(AssociationStudy, (association_id, study.id))
    if brought is None:
        brought = AssociationStudy(
            association_id=association_id, study_id=study.id, accepted=0, duplicates=0, conflicts=0
        )
        session.add(brought)
    return brought


def _count(brought: AssociationStudy | None, disposition: Disposition) -> None:
    if brought is None:
        return
    if disposition is Disposition.ACCEPTED:
        brought.accepted += 1
    elif disposition is Disposition.DUPLICATE:
        brought.duplicates += 1
    else:
        brought.conflicts += 1


def _sender(session: Session, association_id: str | None) -> str:
    association = None if association_id is None else session.get(Association, association_id)
    return "node" if association is None else association.calling_ae


def _revise(session: Session, study: Study, instance: InstanceRecord, now: datetime) -> None:
    before = study.state
    supersede_deliveries(session, study)
    move(study, StudyState.RECEIVING, now)
    study.revision += 1
    study.attempts = 0
    audit_study(
        session,
        study,
        AuditAction.STUDY_REVISED,
        AuditOutcome.SUCCESS,
        now,
        who=_sender(session, instance.association_id),
        sop_instance_uid=instance.sop_instance_uid,
        detail={"was": before},
    )
