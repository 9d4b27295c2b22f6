"""The tables: what arrived, what was made of it, where it went, and who did what.

All times are UTC. Paths are relative to the spool. Digests are SHA-256 in hexadecimal.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Double, ForeignKey, Index, MetaData, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeEngine

from config.finding import FindingKind, GradeScale
from config.reasons import Reason
from config.result_kind import ResultKind
from config.vocabulary import Laterality
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import CanonicalJson, JsonValue, StorableText, UtcDateTime, coded
from db.states import AssociationOutcome, DeliveryState, Disposition, NodeState, ReportOutcome, StudyState

_VOCABULARIES: tuple[type[StrEnum], ...] = (
    AssociationOutcome,
    AuditAction,
    AuditOutcome,
    DeliveryState,
    Disposition,
    FindingKind,
    GradeScale,
    Laterality,
    NodeState,
    Reason,
    ReportOutcome,
    ResultKind,
    StudyState,
)

_COLUMN_TYPES: dict[Any, TypeEngine[Any]] = {
    str: StorableText(),
    float: Double(),
    datetime: UtcDateTime(),
    **{vocabulary: coded(vocabulary) for vocabulary in _VOCABULARIES},
}


def _index_where(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows of which ``where`` holds, and no others: it stays small however much is on record."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = _COLUMN_TYPES


class Association(Base):
    """A DICOM association that a peer opened to ``listener``, the process that holds it.

    ``instance_count`` is known when it has closed.
    """

    __tablename__ = "associations"

    id: Mapped[str] = mapped_column(primary_key=True)
    listener: Mapped[str]
    calling_ae: Mapped[str]
    called_ae: Mapped[str]
    address: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(index=True)
    closed_at: Mapped[datetime | None]
    outcome: Mapped[AssociationOutcome | None]
    instance_count: Mapped[int | None]


class Study(Base):
    """A study and its state. ``revision`` counts the sets of inputs; ``attempts`` the analyses begun of this one.

    ``let_go_until``: what had arrived by then is not kept any more, see `db.retention`.
    """

    __tablename__ = "studies"
    __table_args__ = (
        _index_where("ix_studies_kept", "updated_at", where="let_go_until IS NULL OR let_go_until < last_arrival"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    study_instance_uid: Mapped[str] = mapped_column(unique=True)
    state: Mapped[StudyState] = mapped_column(index=True)
    reason: Mapped[Reason | None]
    detail: Mapped[str | None]
    revision: Mapped[int] = mapped_column(default=1)
    attempts: Mapped[int] = mapped_column(default=0)
    patient_id: Mapped[str | None] = mapped_column(index=True)
    issuer_of_patient_id: Mapped[str | None]
    patient_name: Mapped[str | None]
    accession_number: Mapped[str | None] = mapped_column(index=True)
    study_date: Mapped[str | None]
    first_arrival: Mapped[datetime]
    last_arrival: Mapped[datetime]
    lease_owner: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    next_attempt_at: Mapped[datetime | None]
    let_go_until: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(index=True)

    series: Mapped[list["Series"]] = relationship(back_populates="study", order_by="Series.id")
    reports: Mapped[list["Report"]] = relationship(back_populates="study", order_by="Report.revision")


class AssociationStudy(Base):
    """What one association brought of one study, counted by disposition."""

    __tablename__ = "association_studies"

    association_id: Mapped[str] = mapped_column(ForeignKey("associations.id"), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"), primary_key=True, index=True)
    accepted: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    conflicts: Mapped[int] = mapped_column(default=0)


class Series(Base):
    """A series; ``kind`` and ``why`` are known once its headers were judged."""

    __tablename__ = "series"
    __table_args__ = (UniqueConstraint("study_id", "series_instance_uid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    series_instance_uid: Mapped[str] = mapped_column(index=True)
    modality: Mapped[str | None]
    description: Mapped[str | None]
    kind: Mapped[str | None]
    why: Mapped[str | None]
    number_of_instances: Mapped[int] = mapped_column(default=0)

    study: Mapped[Study] = relationship(back_populates="series")


class Instance(Base):
    """An instance that arrived. Of one SOP Instance UID at most one row is accepted, others are kept as conflicts.

    ``relevant`` instances are inputs of the analysis. A rejected one may lack everything but its reason.
    """

    __tablename__ = "instances"
    __table_args__ = (
        UniqueConstraint("sop_instance_uid", "digest"),
        _index_where("ix_instances_accepted", "sop_instance_uid", where="disposition = 'accepted'", unique=True),
        _index_where("ix_instances_to_delete", "id", where="disposition = 'expired' AND path IS NOT NULL"),
        _index_where("ix_instances_rejected_path", "path", where="disposition = 'rejected'"),
        _index_where("ix_instances_rejected_received_at", "received_at", where="disposition = 'rejected'"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sop_instance_uid: Mapped[str | None]
    sop_class_uid: Mapped[str | None]
    transfer_syntax_uid: Mapped[str | None]
    study_instance_uid: Mapped[str | None] = mapped_column(index=True)
    series_id: Mapped[int | None] = mapped_column(ForeignKey("series.id"), index=True)
    association_id: Mapped[str | None] = mapped_column(ForeignKey("associations.id"), index=True)
    digest: Mapped[str | None]
    path: Mapped[str | None]
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    received_at: Mapped[datetime]
    times_received: Mapped[int] = mapped_column(default=1)
    relevant: Mapped[bool]
    disposition: Mapped[Disposition]
    reason: Mapped[Reason | None]
    detail: Mapped[str | None]


class Report(Base):
    """One analysis of one revision of a study, or that there is none and why: then ``remarks`` holds one, the reason.

    Of a ``quarantined`` one nothing is sent, because a result object has faults.
    """

    __tablename__ = "reports"
    __table_args__ = (UniqueConstraint("study_id", "revision"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("studies.id"))
    revision: Mapped[int]
    outcome: Mapped[ReportOutcome]
    pet_series_uid: Mapped[str]
    ct_series_uid: Mapped[str | None]
    tracer: Mapped[str | None]
    suv_factor: Mapped[float | None]
    input_digest: Mapped[str]
    settings_digest: Mapped[str]
    software_version: Mapped[str]
    remarks: Mapped[JsonValue] = mapped_column(CanonicalJson(), nullable=False)
    timings_s: Mapped[JsonValue] = mapped_column(CanonicalJson(), nullable=False)
    summary: Mapped[str] = mapped_column(default="")
    quarantined: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(index=True)

    study: Mapped[Study] = relationship(back_populates="reports")
    findings: Mapped[list["FindingRow"]] = relationship(back_populates="report", order_by="FindingRow.number")
    result_objects: Mapped[list["ResultObject"]] = relationship(back_populates="report", order_by="ResultObject.id")


class FindingRow(Base):
    """A finding of a report, with the units and index conventions of `config.finding.Measurements`."""

    __tablename__ = "findings"
    __table_args__ = (UniqueConstraint("report_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    number: Mapped[int]
    kind: Mapped[FindingKind]
    reason: Mapped[str]
    tracking_uid: Mapped[str] = mapped_column(index=True)
    location_id: Mapped[str] = mapped_column(index=True)
    location_name: Mapped[str]
    location_coarse: Mapped[str]
    laterality: Mapped[Laterality]
    location_confidence: Mapped[float]
    suv_max: Mapped[float]
    suv_peak: Mapped[float]
    suv_mean: Mapped[float]
    mtv_ml: Mapped[float]
    tlg: Mapped[float]
    long_axis_mm: Mapped[float]
    short_axis_mm: Mapped[float]
    centroid_x_mm: Mapped[float]
    centroid_y_mm: Mapped[float]
    centroid_z_mm: Mapped[float]
    first_slice: Mapped[int]
    last_slice: Mapped[int]
    grade_scale: Mapped[GradeScale | None]
    grade_score: Mapped[int | None]
    grade_why: Mapped[str | None]
    caption: Mapped[str]

    report: Mapped[Report] = relationship(back_populates="findings")


class ResultObject(Base):
    """A DICOM object that a report produced; ``faults`` are where it does not conform to the standard."""

    __tablename__ = "result_objects"

    id: Mapped[int] = mapped_column(primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"), index=True)
    kind: Mapped[ResultKind]
    sop_class_uid: Mapped[str]
    sop_instance_uid: Mapped[str] = mapped_column(unique=True)
    path: Mapped[str]
    digest: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    faults: Mapped[JsonValue] = mapped_column(CanonicalJson(), nullable=False, default=())

    report: Mapped[Report] = relationship(back_populates="result_objects")
    deliveries: Mapped[list["Delivery"]] = relationship(back_populates="result_object", order_by="Delivery.destination")


class Delivery(Base):
    """One result object to one destination.

    ``last_status``: C-STORE status of the last try (PS3.4 Table B.2-1). ``sent_instead``: what the destination gets in
    place of an object that it does not take. ``commitment_id``: the request for commitment whose answer is awaited.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("result_object_id", "destination"),
        Index("ix_deliveries_destination_state_next_attempt_at", "destination", "state", "next_attempt_at"),
        _index_where("ix_deliveries_sending", "id", where="state = 'sending'"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    result_object_id: Mapped[int] = mapped_column(ForeignKey("result_objects.id"))
    destination: Mapped[str]
    state: Mapped[DeliveryState]
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    lease_owner: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    reason: Mapped[Reason | None]
    detail: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    sent_instead: Mapped[ResultKind | None]
    commitment_id: Mapped[int | None] = mapped_column(ForeignKey("commitments.id"))
    committed_at: Mapped[datetime | None]

    result_object: Mapped[ResultObject] = relationship(back_populates="deliveries")


class Commitment(Base):
    """A request for storage commitment: that a destination answers for the objects of a report (PS3.4 Annex J).

    ``lease_owner``: who is about to make it.
    """

    __tablename__ = "commitments"

    id: Mapped[int] = mapped_column(primary_key=True)
    transaction_uid: Mapped[str] = mapped_column(unique=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("reports.id"))
    destination: Mapped[str]
    requested_at: Mapped[datetime]
    lease_owner: Mapped[str | None]


class Capability(Base):
    """What the peer of a destination said of itself when it was last asked; see `db.capabilities.Capabilities`."""

    __tablename__ = "capabilities"

    destination: Mapped[str] = mapped_column(primary_key=True)
    peer: Mapped[str]
    asked_at: Mapped[datetime]
    accepted: Mapped[JsonValue] = mapped_column(CanonicalJson(), nullable=False)
    storage_commitment: Mapped[bool]
    implementation_class_uid: Mapped[str]
    implementation_version_name: Mapped[str]
    maximum_pdu_bytes: Mapped[int] = mapped_column(BigInteger)


class AuditEvent(Base):
    """A link of the audit chain, see `db.audit`; the database itself refuses to change or delete one."""

    __tablename__ = "audit_events"
    __table_args__ = (
        Index("ix_audit_events_action_at_sequence", "action", "at", "sequence"),
        Index("ix_audit_events_outcome_at_sequence", "outcome", "at", "sequence"),
        Index("ix_audit_events_who_at_sequence", "who", "at", "sequence"),
    )

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(index=True)
    action: Mapped[AuditAction]
    outcome: Mapped[AuditOutcome]
    who: Mapped[str]
    study_instance_uid: Mapped[str | None] = mapped_column(index=True)
    sop_instance_uid: Mapped[str | None]
    patient_id: Mapped[str | None] = mapped_column(index=True)
    detail: Mapped[JsonValue] = mapped_column(CanonicalJson(), nullable=False)
    previous_hash: Mapped[str]
    hash: Mapped[str]


class AuditExport(Base):
    """How far the trail has been told to a collector: up to and with event ``sequence``; see `db.audit_export`."""

    __tablename__ = "audit_exports"

    collector: Mapped[str] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
    exported_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    detail: Mapped[str | None]
    lease_owner: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]


class Node(Base):
    """A node of a cluster, ``listener`` in leases; see `db.nodes`. Each start of it is another ``incarnation``.

    ``beats`` goes up while it lives. ``beat_at`` is by its own clock, for people. ``destinations``: by name, those that
    it knows.
    """

    __tablename__ = "nodes"

    name: Mapped[str] = mapped_column(primary_key=True)
    listener: Mapped[str]
    incarnation: Mapped[str]
    state: Mapped[NodeState]
    beats: Mapped[int] = mapped_column(BigInteger)
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    destinations: Mapped[JsonValue] = mapped_column(CanonicalJson(), nullable=False)
