"""What an arriving instance does."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from config.reasons import Reason
from db.audit import AuditAction, AuditOutcome
from db.delivery import claim_deliveries
from db.intake import RejectedInstance, record_rejected_instance
from db.queries import audit_events, study_summary
from db.session import Database
from db.states import DeliveryState, Disposition, StudyState
from db.tables import Delivery, Instance, Series, Study
from db.work import Claimed, mark_complete, studies_receiving

Arrive = Callable[..., Disposition]
Later = Callable[[float], datetime]


def state(database: Database, study: str = "1.2.3") -> tuple[StudyState, int]:
    with database.reading() as session:
        summary = study_summary(session, study)
    assert summary is not None
    return summary.state, summary.revision


def test_the_first_instance_makes_the_study_and_says_so(database: Database, arrive: Arrive, now: datetime) -> None:
    assert arrive() is Disposition.ACCEPTED
    assert state(database) == (StudyState.RECEIVING, 1)
    with database.reading() as session:
        study = session.scalars(select(Study)).one()
        assert (study.patient_id, study.patient_name, study.accession_number) == ("P1", "Yamada^Tarou=山田^太郎", "A1")
        assert study.first_arrival == study.last_arrival == now
        [event] = audit_events(session)
    assert (event.action, event.study_uid, event.patient_id) == (AuditAction.STUDY_ARRIVED, "1.2.3", "P1")


def test_instances_of_one_series_are_counted_there(database: Database, arrive: Arrive, later: Later) -> None:
    for number in (1, 2, 3):
        arrive(n=number, at=later(number))
    arrive(n=4, series_uid="1.2.3.2", modality="CT", at=later(4))
    with database.reading() as session:
        series = {s.modality: s.number_of_instances for s in session.scalars(select(Series))}
        assert series == {"PT": 3, "CT": 1}
        assert session.scalars(select(Study.last_arrival)).one() == later(4)


def test_what_comes_by_a_clock_that_is_behind_still_comes_after_what_was_seen(
    database: Database, arrive: Arrive, later: Later
) -> None:
    arrive(n=1, at=later(10))
    with database.reading() as session:
        (before,) = studies_receiving(session)
    arrive(n=2, at=later(3))
    with database.transaction() as session:
        assert not mark_complete(session, before, "all that had come", later(11))
        (after,) = studies_receiving(session)
    assert before.last_arrival < after.last_arrival < later(10.001)


def test_the_same_instance_again_is_counted_once(database: Database, arrive: Arrive) -> None:
    arrive()
    assert arrive(path="1.2.3/again.dcm") is Disposition.DUPLICATE
    with database.reading() as session:
        row = session.scalars(select(Instance)).one()
        assert (row.times_received, row.path) == (2, "1.2.3/1.dcm")
        assert session.scalars(select(Series.number_of_instances)).one() == 1


def test_other_content_under_the_same_uid_is_kept_aside(database: Database, arrive: Arrive) -> None:
    arrive()
    assert arrive(digest="f" * 64, path="aside.dcm") is Disposition.CONFLICT
    assert arrive(digest="f" * 64, path="aside.dcm") is Disposition.CONFLICT
    with database.reading() as session:
        first, second = session.scalars(select(Instance).order_by(Instance.id))
        assert (first.disposition, first.reason) == (Disposition.ACCEPTED, None)
        assert (second.disposition, second.reason, second.path) == (
            Disposition.CONFLICT,
            Reason.UID_CONFLICT,
            "aside.dcm",
        )
        assert second.times_received == 2
        conflicts = audit_events(session, action=AuditAction.INSTANCE_CONFLICT)
    assert [event.outcome for event in conflicts] == [AuditOutcome.WARNING] * 2
    assert conflicts[0].sop_instance_uid == "1.2.3.1.1"


@pytest.mark.parametrize("was", [s for s in StudyState if s is not StudyState.RECEIVING])
def test_a_late_slice_starts_a_new_revision_whatever_the_state(
    database: Database, arrive: Arrive, later: Later, was: StudyState
) -> None:
    arrive()
    with database.transaction() as session:
        study = session.scalars(select(Study)).one()
        study.state = was
        study.attempts = 3
        study.lease_owner = "worker"
        study.reason = Reason.WORKER_DIED
    arrive(n=2, at=later(3600))
    assert state(database) == (StudyState.RECEIVING, 2)
    with database.reading() as session:
        study = session.scalars(select(Study)).one()
        assert (study.attempts, study.lease_owner, study.reason) == (0, None, None)
        [event] = audit_events(session, action=AuditAction.STUDY_REVISED)
    assert event.detail == {"revision": 2, "was": was.value}


def test_while_a_study_is_receiving_its_revision_stays(database: Database, arrive: Arrive) -> None:
    for number in range(5):
        arrive(n=number)
    assert state(database) == (StudyState.RECEIVING, 1)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"n": 2, "relevant": False}, id="our own report coming back"),
        pytest.param({"n": 1}, id="a duplicate"),
        pytest.param({"n": 1, "digest": "f" * 64}, id="a conflict"),
    ],
)
def test_what_changes_no_input_starts_no_revision(
    database: Database, complete: Callable[..., None], arrive: Arrive, other: dict[str, object]
) -> None:
    complete()
    arrive(**other)
    assert state(database) == (StudyState.COMPLETE, 1)


def test_a_new_revision_withdraws_results_that_wait_and_lets_those_under_way_end(
    database: Database, encoded: Callable[..., Claimed], arrive: Arrive, now: datetime
) -> None:
    encoded()
    with database.transaction() as session:
        claim_deliveries(session, "pacs", "sender", 60, now, limit=1)
    arrive(n=2)
    with database.reading() as session:
        states = session.scalars(select(Delivery.state).order_by(Delivery.result_object_id)).all()
    assert states == [DeliveryState.SENDING, DeliveryState.SUPERSEDED, DeliveryState.SUPERSEDED]


def test_a_rejected_instance_is_on_record_with_its_reason(database: Database, now: datetime) -> None:
    rejected = RejectedInstance(
        association_id=None,
        reason=Reason.TRUNCATED,
        detail="ends in (7FE0,0010)",
        sop_instance_uid="1.2.3.1.7",
        study_uid="1.2.3",
        digest="c" * 64,
        path="rejected/7",
    )
    for _ in range(2):
        with database.transaction() as session:
            record_rejected_instance(session, rejected, now)
    with database.reading() as session:
        row = session.scalars(select(Instance)).one()
        assert (row.disposition, row.reason, row.times_received) == (Disposition.REJECTED, Reason.TRUNCATED, 2)
        events = audit_events(session, study="1.2.3")
        assert session.scalars(select(Study)).all() == []
    assert [(e.action, e.outcome) for e in events] == [(AuditAction.INSTANCE_REJECTED, AuditOutcome.FAILURE)] * 2


def test_instances_of_which_nothing_is_known_are_each_on_record(database: Database, now: datetime) -> None:
    nothing = RejectedInstance(association_id=None, reason=Reason.DISK_FULL, detail="12 MB left, 1024 MB wanted")
    with database.transaction() as session:
        record_rejected_instance(session, nothing, now)
        record_rejected_instance(session, nothing, now)
    with database.reading() as session:
        assert [row.disposition for row in session.scalars(select(Instance))] == [Disposition.REJECTED] * 2


def test_what_was_rejected_once_can_be_accepted_later(database: Database, arrive: Arrive, now: datetime) -> None:
    with database.transaction() as session:
        record_rejected_instance(
            session,
            RejectedInstance(
                association_id=None,
                reason=Reason.UNSUPPORTED_TRANSFER_SYNTAX,
                detail="no decoder",
                sop_instance_uid="1.2.3.1.1",
                digest=f"{1:064x}",
            ),
            now,
        )
    assert arrive() is Disposition.ACCEPTED
    with database.reading() as session:
        row = session.scalars(select(Instance)).one()
    assert (row.disposition, row.times_received, row.reason) == (Disposition.ACCEPTED, 2, None)


def test_a_truncated_copy_does_not_stand_in_the_way_of_the_whole_one(
    database: Database, arrive: Arrive, now: datetime
) -> None:
    with database.transaction() as session:
        record_rejected_instance(
            session,
            RejectedInstance(
                association_id=None,
                reason=Reason.TRUNCATED,
                detail="short",
                sop_instance_uid="1.2.3.1.1",
                digest="d" * 64,
            ),
            now,
        )
    assert arrive() is Disposition.ACCEPTED
