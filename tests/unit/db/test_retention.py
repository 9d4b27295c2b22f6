from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text
from sqlalchemy.orm import Session

from config.reasons import Reason
from db.audit_actions import AuditAction
from db.delivery import claim_deliveries, expire_deliveries, record_sent
from db.intake import RejectedInstance, record_rejected_instance
from db.queries import audit_events, study_summary
from db.retention import ENDS, ExpiredFile, Policy, expire_rejected, expire_study, expired_files, forget_files
from db.session import Database
from db.states import DeliveryState, Disposition, StudyState
from db.tables import Delivery, Instance, Study
from db.work import Claimed, relevant_series

DELIVERED = frozenset({StudyState.DELIVERED, StudyState.COMMITTED})
COMMITTED = frozenset({StudyState.COMMITTED})


@pytest.fixture
def delivered(database: Database, encoded: Callable[..., Claimed], now: datetime) -> Callable[..., None]:
    """A study of one instance that was delivered at a moment."""

    def delivers(study: str = "1.2.3", at: datetime = now) -> None:
        encoded(study, at=at)
        with database.transaction() as session:
            for claim in claim_deliveries(session, "pacs", "sender", 60, at):
                record_sent(session, claim, 0, None, at)

    return delivers


@pytest.fixture
def expire(database: Database, now: datetime) -> Callable[[Policy], str | None]:
    def expires(policy: Policy) -> str | None:
        with database.transaction() as session:
            return expire_study(session, policy, now)

    return expires


@pytest.fixture
def files(database: Database) -> Callable[[], tuple[ExpiredFile, ...]]:
    def finds() -> tuple[ExpiredFile, ...]:
        with database.reading() as session:
            return expired_files(session)

    return finds


Expire = Callable[[Policy], str | None]
Files = Callable[[], tuple[ExpiredFile, ...]]


def test_a_settled_study_is_let_go_when_its_time_has_come_and_not_before(
    delivered: Callable[..., None], expire: Expire, files: Files, later: Callable[[float], datetime]
) -> None:
    delivered(at=later(100))
    assert expire(Policy(DELIVERED, later(99), None)) is None
    assert expire(Policy(DELIVERED, later(100), None)) == "1.2.3"
    assert [file.path for file in files()] == ["1.2.3/1.dcm"]
    assert expire(Policy(DELIVERED, later(100), None)) is None


def test_what_is_delivered_is_kept_where_it_must_be_committed(
    delivered: Callable[..., None], expire: Expire, later: Callable[[float], datetime]
) -> None:
    delivered()
    assert expire(Policy(COMMITTED, later(1e6), None)) is None


@pytest.mark.parametrize("bring", ["arrive", "complete", "claimed", "encoded"])
def test_a_study_under_way_is_never_let_go(
    bring: str, request: pytest.FixtureRequest, expire: Expire, later: Callable[[float], datetime]
) -> None:
    request.getfixturevalue(bring)()
    assert expire(Policy(ENDS, later(1e9), later(1e9))) is None


def test_a_study_that_something_came_for_again_is_kept(
    delivered: Callable[..., None],
    arrive: Callable[..., Disposition],
    expire: Expire,
    later: Callable[[float], datetime],
) -> None:
    delivered()
    assert arrive(at=later(500)) is Disposition.DUPLICATE
    assert expire(Policy(DELIVERED, later(400), None)) is None


def test_the_trail_says_what_was_deleted_and_the_report_stays(
    database: Database, delivered: Callable[..., None], expire: Expire, now: datetime
) -> None:
    delivered()
    expire(Policy(DELIVERED, now, None))
    with database.reading() as session:
        (event,) = audit_events(session, action=AuditAction.INSTANCES_DELETED)
        summary = study_summary(session, "1.2.3")
        assert relevant_series(session, "1.2.3") == ()
    assert (event.study_uid, event.detail["instances"], event.detail["bytes"]) == ("1.2.3", 1, 33_000)
    assert summary is not None
    assert (summary.state, summary.instances, summary.lesions) == (StudyState.DELIVERED, 0, 1)


def test_an_instance_that_comes_back_is_new(
    database: Database,
    delivered: Callable[..., None],
    arrive: Callable[..., Disposition],
    expire: Expire,
    files: Files,
    now: datetime,
) -> None:
    delivered()
    expire(Policy(DELIVERED, now, None))
    assert arrive() is Disposition.ACCEPTED
    assert files() == ()
    with database.reading() as session:
        summary = study_summary(session, "1.2.3")
    assert summary is not None
    assert (summary.state, summary.revision, summary.instances) == (StudyState.RECEIVING, 2, 1)


def test_a_deleted_file_is_not_asked_for_again(
    database: Database, delivered: Callable[..., None], expire: Expire, files: Files, now: datetime
) -> None:
    delivered()
    expire(Policy(DELIVERED, now, None))
    with database.transaction() as session:
        forget_files(session, expired_files(session))
    assert files() == ()


def reject(database: Database, path: str, at: datetime, uid: str | None = None) -> None:
    rejected = RejectedInstance(
        association_id=None,
        reason=Reason.TRUNCATED,
        detail="",
        digest="d",
        path=path,
        size_bytes=7,
        sop_instance_uid=uid,
    )
    with database.transaction() as session:
        record_rejected_instance(session, rejected, at)


def test_what_could_not_be_used_is_let_go_by_its_age(
    database: Database, files: Files, later: Callable[[float], datetime]
) -> None:
    reject(database, "rejected/old.dcm", later(0))
    reject(database, "rejected/new.dcm", later(100))
    with database.transaction() as session:
        assert expire_rejected(session, later(50), later(200)) == 1
    assert [file.path for file in files()] == ["rejected/old.dcm"]


def test_a_file_that_a_later_instance_shares_is_kept(
    database: Database, files: Files, later: Callable[[float], datetime]
) -> None:
    reject(database, "rejected/same.dcm", later(0))
    reject(database, "rejected/same.dcm", later(100))
    with database.transaction() as session:
        expire_rejected(session, later(50), later(200))
    assert [file.shared for file in files()] == [True]


def test_a_rejected_instance_that_comes_back_is_kept_anew(
    database: Database, files: Files, later: Callable[[float], datetime]
) -> None:
    reject(database, "rejected/a.dcm", later(0), "1.2.3.4")
    with database.transaction() as session:
        expire_rejected(session, later(50), later(200))
    reject(database, "rejected/a.dcm", later(300), "1.2.3.4")
    assert files() == ()
    with database.reading() as session:
        assert [row.disposition for row in session.scalars(select(Instance))] == [Disposition.REJECTED]


def test_what_comes_after_a_study_was_let_go_goes_too_in_its_time(
    database: Database,
    delivered: Callable[..., None],
    arrive: Callable[..., Disposition],
    expire: Expire,
    later: Callable[[float], datetime],
) -> None:
    """Such as a screenshot, which moves the study to no other state."""
    delivered()
    assert expire(Policy(DELIVERED, later(0), None)) == "1.2.3"
    assert arrive(n=2, at=later(100), relevant=False) is Disposition.ACCEPTED
    assert expire(Policy(DELIVERED, later(99), None)) is None
    assert expire(Policy(DELIVERED, later(100), None)) == "1.2.3"


def test_a_study_of_which_nothing_was_kept_is_passed_over_and_not_on_the_trail(
    database: Database, delivered: Callable[..., None], expire: Expire, later: Callable[[float], datetime]
) -> None:
    delivered("1.2.3", later(0))
    delivered("4.5.6", later(100))
    with database.transaction() as session:
        session.execute(text("UPDATE instances SET disposition = 'expired' WHERE study_instance_uid = '1.2.3'"))
    assert expire(Policy(DELIVERED, later(100), None)) == "4.5.6"
    with database.reading() as session:
        (deleted,) = audit_events(session, action=AuditAction.INSTANCES_DELETED)
    assert deleted.study_uid == "4.5.6"


@pytest.fixture
def years(
    database: Database, encoded: Callable[..., Claimed], now: datetime, later: Callable[[float], datetime]
) -> None:
    """So much on record that an index is worth while: let go, deleted, sent, or rejected just now."""
    encoded()
    seen = {"first_arrival": now, "last_arrival": now, "let_go_until": now, "updated_at": now}
    gone = {"digest": "d", "received_at": now, "relevant": True, "disposition": Disposition.EXPIRED}
    rejected = {"relevant": False, "disposition": Disposition.REJECTED}
    sent = {"result_object_id": 1, "state": DeliveryState.SENT, "next_attempt_at": now}
    numbers = range(2000)
    with database.transaction() as session:
        studies = [{"study_instance_uid": f"9.{n}", "state": StudyState.DELIVERED, **seen} for n in numbers]
        session.execute(insert(Study), studies)
        session.execute(insert(Instance), [{"sop_instance_uid": f"9.{n}.1", **gone} for n in numbers])
        session.execute(insert(Instance), [{"sop_instance_uid": "9", "path": "studies/9/d.dcm", **gone}])
        unused = [{"path": f"rejected/{n}.dcm", "received_at": later(n + 1), **rejected} for n in numbers]
        session.execute(insert(Instance), unused)
        session.execute(insert(Delivery), [{"destination": f"pacs {n}", **sent} for n in numbers])
    with database.transaction() as session:
        session.execute(text("ANALYZE"))


@pytest.mark.usefixtures("years")
@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda session, now: expire_study(session, Policy(ENDS, now, now), now), "ix_studies_kept"),
        (lambda session, now: expire_rejected(session, now, now), "ix_instances_rejected_received_at"),
        (lambda session, now: expired_files(session), "ix_instances_to_delete"),
        (lambda session, now: expired_files(session), "ix_instances_rejected_path"),
        (lambda session, now: expire_deliveries(session, now), "ix_deliveries_sending"),
    ],
)
def test_what_is_still_to_do_is_found_without_reading_what_is_done(
    database: Database, now: datetime, ask: Callable[[Session, datetime], Any], index: str
) -> None:
    assert index in plans(database, lambda session: ask(session, now))


def plans(database: Database, ask: Callable[[Session], Any]) -> str:
    """How the database finds what it is asked for."""
    asked: list[tuple[str, Any]] = []
    with database.transaction() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *about: asked.append((about[2], about[3])))
        ask(session)
        explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        found = [connection.exec_driver_sql(f"{explain} {query}", values).all() for query, values in tuple(asked)]
    return "\n".join(str(row) for rows in found for row in rows)
