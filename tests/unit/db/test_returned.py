"""Results of the node that come back to it."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import select, update

from config.reasons import Reason
from db.audit import AuditAction, AuditOutcome
from db.detail import study_detail
from db.intake import InstanceRecord
from db.queries import audit_events
from db.retention import Policy, expire_study, expired_files, forget_files
from db.returned import own_result, record_returned
from db.session import Database
from db.states import Disposition, StudyState
from db.tables import Instance, Study
from db.work import Claimed

SEG = "1.2.3.91.8"


@pytest.fixture
def come_back(
    database: Database, instance: Callable[..., InstanceRecord], later: Callable[[float], datetime]
) -> Callable[..., None]:
    """A SEG of the study comes back after 1000 s."""

    def comes_back(*, changed: bool = False, **other: object) -> None:
        record = instance(sop_instance_uid=SEG, modality="SEG", relevant=False, **other)
        with database.transaction() as session:
            record_returned(session, record, "ORTHANC", later(1000), changed=changed)

    return comes_back


def test_an_own_result_is_known_by_its_uid(database: Database, encoded: Callable[..., Claimed]) -> None:
    encoded()
    with database.reading() as session:
        assert own_result(session, SEG) == "results/1.2.3/1/SEG.dcm"
        assert own_result(session, "1.2.3.1.1") is None


def test_it_is_on_record_and_changes_nothing(
    database: Database, encoded: Callable[..., Claimed], come_back: Callable[..., None]
) -> None:
    encoded()
    with database.reading() as session:
        before = study_detail(session, "1.2.3")
    come_back()
    with database.reading() as session:
        after = study_detail(session, "1.2.3")
        [event] = audit_events(session, action=AuditAction.RESULT_RETURNED)
    assert after.summary == before.summary
    assert after.series == before.series
    assert [(one.sop_instance_uid, one.disposition, one.reason) for one in after.unused] == [
        (SEG, Disposition.RETURNED, Reason.OWN_RESULT)
    ]
    assert after.unused[0].detail == "Came back from ORTHANC as it was sent."
    assert (event.who, event.outcome, event.sop_instance_uid) == ("ORTHANC", AuditOutcome.SUCCESS, SEG)


def test_it_is_kept_once_for_each_content(
    database: Database, encoded: Callable[..., Claimed], come_back: Callable[..., None]
) -> None:
    encoded()
    come_back()
    come_back()
    come_back(changed=True, digest="e" * 64)
    with database.reading() as session:
        rows = session.scalars(select(Instance).where(Instance.sop_instance_uid == SEG).order_by(Instance.id)).all()
        assert [(row.times_received, row.detail) for row in rows] == [
            (2, "Came back from ORTHANC as it was sent."),
            (1, "Came back from ORTHANC with other content."),
        ]
        outcomes = [event.outcome for event in audit_events(session, action=AuditAction.RESULT_RETURNED)]
    assert outcomes == [AuditOutcome.SUCCESS, AuditOutcome.SUCCESS, AuditOutcome.WARNING]


def test_it_belongs_to_the_study_that_it_was_made_of_whatever_its_header_says(
    database: Database, encoded: Callable[..., Claimed], come_back: Callable[..., None]
) -> None:
    encoded()
    come_back(study="9.9.9", changed=True)
    with database.reading() as session:
        assert len(study_detail(session, "1.2.3").unused) == 1
        assert study_detail(session, "1.2.3").summary.state is StudyState.ENCODED


def test_what_came_back_is_let_go_with_its_study_and_once_more_if_it_comes_once_more(
    database: Database,
    encoded: Callable[..., Claimed],
    come_back: Callable[..., None],
    later: Callable[[float], datetime],
) -> None:
    encoded()
    with database.transaction() as session:
        session.execute(update(Study).values(state=StudyState.DELIVERED))
    policy = Policy(frozenset({StudyState.DELIVERED}), later(2000), None)
    for _ in range(2):
        come_back(path="studies/1/back.dcm")
        with database.transaction() as session:
            assert expire_study(session, policy, later(3000)) == "1.2.3"
            files = expired_files(session)
            forget_files(session, files)
        assert "studies/1/back.dcm" in {file.path for file in files}
