"""What is known of destinations."""

from dataclasses import replace
from datetime import datetime

from db.audit import AuditAction
from db.capabilities import Capabilities, forget, known_capabilities, remember
from db.queries import audit_events
from db.session import Database

SEG, SR = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.88.33"
EXPLICIT = "1.2.840.10008.1.2.1"


def answer(now: datetime) -> Capabilities:
    return Capabilities(
        peer="PACS@10.0.0.5:104",
        asked_at=now,
        accepted={SEG: (EXPLICIT,), SR: ()},
        storage_commitment=True,
        implementation_class_uid="1.2.3.4",
        implementation_version_name="DUMB_1",
        maximum_pdu_bytes=16384,
    )


def test_what_a_destination_said_is_remembered(database: Database, now: datetime) -> None:
    with database.transaction() as session:
        remember(session, "main", answer(now), "radiographer")
    with database.reading() as session:
        assert known_capabilities(session, "main") == answer(now)
        assert known_capabilities(session, "other") is None


def test_who_accepts_no_transfer_syntax_refuses(now: datetime) -> None:
    assert answer(now).refused == {SR}


def test_the_last_answer_counts(database: Database, now: datetime) -> None:
    with database.transaction() as session:
        remember(session, "main", answer(now), "radiographer")
    with database.transaction() as session:
        remember(session, "main", replace(answer(now), accepted={SR: (EXPLICIT,)}), "delivery")
    with database.reading() as session:
        known = known_capabilities(session, "main")
        first, second = audit_events(session, action=AuditAction.DESTINATION_PROBED)
    assert known is not None
    assert known.accepted == {SR: (EXPLICIT,)}
    assert (first.who, first.detail["accepts"], first.detail["refuses"]) == ("radiographer", [SEG], [SR])
    assert (second.who, second.detail["destination"]) == ("delivery", "main")


def test_what_turned_out_wrong_is_forgotten(database: Database, now: datetime) -> None:
    with database.transaction() as session:
        remember(session, "main", answer(now), "radiographer")
    with database.transaction() as session:
        forget(session, "main")
        forget(session, "never known")
    with database.reading() as session:
        assert known_capabilities(session, "main") is None
