"""Completeness and the queue of analyses."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select

from config.reasons import Reason
from db.associations import close_association, open_association
from db.audit import AuditAction
from db.queries import StudySummary, audit_events, study_summary
from db.session import Database
from db.states import AssociationOutcome, Disposition, StudyState
from db.studies import UnknownStudy
from db.tables import Series
from db.work import (
    Claimed,
    Receiving,
    SeriesJudgement,
    claim_study,
    expire_leases,
    instance_counts,
    judge_series,
    mark_complete,
    put_back,
    reject,
    release_claim_failed,
    studies_receiving,
)

Arrive = Callable[..., Disposition]
Claim = Callable[..., Claimed]
Later = Callable[[float], datetime]


def summary(database: Database, study: str = "1.2.3") -> StudySummary:
    with database.reading() as session:
        found = study_summary(session, study)
    assert found is not None
    return found


def receiving(database: Database) -> tuple[Receiving, ...]:
    with database.reading() as session:
        return studies_receiving(session)


def claim(database: Database, at: datetime, owner: str = "other") -> Claimed | None:
    with database.transaction() as session:
        return claim_study(session, owner, 60, at)


def fail(database: Database, held: Claimed, at: datetime, retry_at: datetime, maximum: int = 2) -> StudyState | None:
    with database.transaction() as session:
        return release_claim_failed(
            session, held, Reason.OUT_OF_MEMORY, "2.1 GiB", at, maximum_attempts=maximum, retry_at=retry_at
        )


def test_an_association_that_is_open_is_named_with_the_study_it_brings(
    database: Database, arrive: Arrive, now: datetime, later: Later
) -> None:
    for name, sender in (("a1", "PACS"), ("a2", "CT")):
        with database.transaction() as session:
            open_association(session, name, listener="h", calling_ae=sender, called_ae="UPTAKE", address="", now=now)
    arrive("1.1", 1, association_id="a1", at=later(5))
    arrive("1.1", 2, association_id="a2", at=later(6))
    arrive("1.2", 1, association_id="a2", at=later(2))
    with database.transaction() as session:
        close_association(session, "a2", AssociationOutcome.RELEASED, later(9))
    assert receiving(database) == (
        Receiving("1.2", 1, later(2), (), later(9), ("CT",)),
        Receiving("1.1", 1, later(6), ("a1",), later(9), ("CT", "PACS")),
    )


def test_accepted_instances_are_counted_by_series(database: Database, arrive: Arrive) -> None:
    arrive("1.1", 1)
    arrive("1.1", 2)
    arrive("1.1", 2)
    arrive("1.2", 1)
    with database.reading() as session:
        assert instance_counts(session, "1.1") == {"1.1.1": 2}
        assert instance_counts(session, "1.9") == {}


def test_a_complete_study_leaves_intake_with_its_evidence(database: Database, complete: Callable[..., None]) -> None:
    complete()
    assert receiving(database) == ()
    assert (summary(database).state, summary(database).detail) == (StudyState.COMPLETE, "1 of 1 slices")


def test_a_study_that_grew_since_it_was_judged_is_not_complete(
    database: Database, arrive: Arrive, later: Later
) -> None:
    arrive()
    [seen] = receiving(database)
    arrive(n=2, at=later(1))
    with database.transaction() as session:
        assert not mark_complete(session, seen, "1 of 1 slices", later(2))
        assert not reject(session, seen, Reason.NO_CT, "no CT", later(2))
    assert summary(database).state is StudyState.RECEIVING


def test_an_incomplete_study_is_rejected_with_its_reason(database: Database, arrive: Arrive, now: datetime) -> None:
    arrive()
    with database.transaction() as session:
        [seen] = studies_receiving(session)
        assert reject(session, seen, Reason.NO_CT, "1 PET series, 0 CT series", now)
    assert (summary(database).state, summary(database).reason) == (StudyState.REJECTED, Reason.NO_CT)
    with database.reading() as session:
        [event] = audit_events(session, action=AuditAction.STUDY_REJECTED)
    assert event.detail == {"revision": 1, "reason": "no-ct", "found": "1 PET series, 0 CT series"}


def test_judgements_of_series_are_kept(database: Database, arrive: Arrive) -> None:
    arrive()
    with database.transaction() as session:
        judge_series(
            session,
            "1.2.3",
            {"1.2.3.1": SeriesJudgement("pet", "ATTN in Corrected Image"), "9": SeriesJudgement("ct", "")},
        )
    with database.reading() as session:
        series = session.scalars(select(Series)).one()
    assert (series.kind, series.why) == ("pet", "ATTN in Corrected Image")


def test_a_study_that_never_arrived_is_named(database: Database) -> None:
    with pytest.raises(UnknownStudy, match=r"9\.9\.9"), database.transaction() as session:
        judge_series(session, "9.9.9", {})


def test_a_claim_holds_the_accepted_inputs_and_nothing_else(
    database: Database, arrive: Arrive, complete: Callable[..., None], now: datetime
) -> None:
    arrive(n=10, series_uid="1.2.3.0", modality="CT")
    arrive(n=3)
    arrive(n=2)
    arrive(n=2, digest="f" * 64)
    arrive(n=4, relevant=False, modality="SR", series_uid="1.2.3.9")
    complete()
    held = claim(database, now)
    assert held is not None
    assert (held.study_uid, held.revision, held.owner, held.attempt) == ("1.2.3", 1, "other", 1)
    assert [(s.series_uid, s.modality, [i.path for i in s.instances]) for s in held.series] == [
        ("1.2.3.0", "CT", ["1.2.3/10.dcm"]),
        ("1.2.3.1", "PT", ["1.2.3/1.dcm", "1.2.3/2.dcm", "1.2.3/3.dcm"]),
    ]


def test_studies_are_claimed_in_the_order_in_which_they_were_complete(
    database: Database, complete: Callable[..., None], later: Later
) -> None:
    complete("1.2", later(2))
    complete("1.1", later(1))
    claims = [claim(database, later(3)) for _ in range(3)]
    assert [c and c.study_uid for c in claims] == ["1.1", "1.2", None]


def test_an_analysis_that_failed_waits_and_then_fails_for_good(
    database: Database, claimed: Claim, now: datetime, later: Later
) -> None:
    assert fail(database, claimed(), now, later(30)) is StudyState.COMPLETE
    assert (summary(database).reason, summary(database).next_attempt_at) == (Reason.OUT_OF_MEMORY, later(30))
    assert claim(database, later(29)) is None
    again = claim(database, later(30))
    assert again is not None
    assert again.attempt == 2
    assert fail(database, again, later(31), later(60)) is StudyState.FAILED
    assert claim(database, later(999)) is None
    with database.reading() as session:
        assert len(audit_events(session, action=AuditAction.ANALYSIS_FAILED)) == 2
        assert len(audit_events(session, action=AuditAction.STUDY_FAILED)) == 1


def test_an_analysis_that_refuses_rejects_the_study(database: Database, claimed: Claim, now: datetime) -> None:
    held = claimed()
    with database.transaction() as session:
        assert reject(session, held, Reason.NO_DOSE, "(0018,1074) absent", now)
    assert (summary(database).state, summary(database).reason) == (StudyState.REJECTED, Reason.NO_DOSE)


def test_a_late_slice_ends_the_claim(database: Database, claimed: Claim, arrive: Arrive, later: Later) -> None:
    held = claimed()
    arrive(n=2, at=later(1))
    assert fail(database, held, later(2), later(3)) is None
    with database.transaction() as session:
        assert not reject(session, held, Reason.NO_DOSE, "", later(2))
    assert (summary(database).state, summary(database).revision) == (StudyState.RECEIVING, 2)


def test_a_lease_that_ran_out_gives_the_study_to_the_next(database: Database, claimed: Claim, later: Later) -> None:
    held = claimed()
    with database.transaction() as session:
        assert expire_leases(session, later(59), maximum_attempts=2) == ()
        assert expire_leases(session, later(60), maximum_attempts=2) == ("1.2.3",)
    assert summary(database).reason is Reason.ANALYSIS_TIMEOUT
    again = claim(database, later(61))
    assert again is not None
    assert again.attempt == 2
    assert fail(database, held, later(62), later(63)) is None


def test_a_study_that_kills_every_worker_fails_instead_of_going_round(
    database: Database, claimed: Claim, later: Later
) -> None:
    claimed()
    for attempt in (1, 2):
        with database.transaction() as session:
            expire_leases(session, later(10 * attempt), maximum_attempts=2, dead_owners=["worker", "other"])
        claim(database, later(10 * attempt))
    assert (summary(database).state, summary(database).reason) == (StudyState.FAILED, Reason.WORKER_DIED)


def test_a_process_that_starts_takes_back_what_it_held_when_killed(
    database: Database, claimed: Claim, later: Later
) -> None:
    claimed("1.1", owner="host/worker")
    claimed("1.2", owner="other host/worker")
    with database.transaction() as session:
        taken = expire_leases(session, later(1), maximum_attempts=3, dead_owners=["host/worker"])
    assert taken == ("1.1",)


def test_what_its_owner_puts_back_waits_and_the_attempt_does_not_count(
    database: Database, complete: Callable[..., None], now: datetime, later: Later
) -> None:
    complete()
    for attempt in range(3):
        held = claim(database, later(60.0 * attempt))
        assert held is not None
        assert held.attempt == 1
        for owner in ("another", held.owner):
            with database.transaction() as session:
                until = later(60.0 * (attempt + 1))
                put_back(session, owner, Reason.DISK_FULL, "no room", later(60.0 * attempt), retry_at=until)
        assert claim(database, later(60.0 * attempt + 59)) is None
    found = summary(database)
    assert (found.state, found.reason, found.attempts) == (StudyState.COMPLETE, Reason.DISK_FULL, 0)
