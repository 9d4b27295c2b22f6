"""Events of the audit trail as DICOM audit messages."""

from base64 import b64decode
from datetime import UTC, datetime

import pytest

from config.settings import Destination, Listener, Settings
from db.audit_actions import AuditAction, AuditOutcome
from db.queries import AuditEntry
from node.audit_messages import audit_message
from tests.unit.audit_schema import validated

SETTINGS = Settings(
    listener=Listener(ae_title="UPTAKE"),
    destinations=(Destination(name="main PACS", ae_title="PACS", host="192.0.2.9", port=104),),
)


def told(action: AuditAction, outcome: AuditOutcome = AuditOutcome.SUCCESS, **event: object):
    """The message of an event, which the schema allows."""
    values = {"who": "SCANNER", "study_uid": "1.2.3", "patient_id": "P1", "detail": {"revision": 1}} | event
    moment = datetime(2026, 3, 4, tzinfo=UTC)
    entry = AuditEntry(7, moment, action, outcome, sop_instance_uid="1.2.3.4", hash="a" * 64, **values)
    return validated(audit_message(entry, SETTINGS, "node").to_xml())


def codes(message, path: str) -> list[str]:
    return [code.get("csd-code") for code in message.iterfind(f".//{path}")]


def roles(message) -> dict[str, str]:
    return {one.get("UserID"): one.find("RoleIDCode").get("csd-code") for one in message.iterfind("ActiveParticipant")}


@pytest.mark.parametrize("action", AuditAction)
@pytest.mark.parametrize("outcome", AuditOutcome)
def test_every_event_has_a_message_of_the_schema(action: AuditAction, outcome: AuditOutcome) -> None:
    message = told(action, outcome, study_uid=None, patient_id=None, detail={})
    assert action in [*codes(message, "EventID"), *codes(message, "EventTypeCode")]
    assert [one.get("UserIsRequestor") for one in message.iterfind("ActiveParticipant")].count("true") == 1


@pytest.mark.parametrize(
    ("action", "event", "types", "code"),
    [
        (AuditAction.NODE_STARTED, "110100", ["110120"], "E"),
        (AuditAction.NODE_STOPPED, "110100", ["110121"], "E"),
        (AuditAction.ASSOCIATION_REFUSED, "110113", ["110126"], "E"),
        (AuditAction.INSTANCES_RECEIVED, "110104", [], "C"),
        (AuditAction.ANALYSIS_STARTED, "110103", [], "R"),
        (AuditAction.REPORT_RECORDED, "110103", [], "C"),
        (AuditAction.RESULT_SENT, "110104", [], "C"),
        (AuditAction.CONFIGURATION_CHANGED, "110113", ["110129"], "E"),
        (AuditAction.AUDIT_QUERIED, "110101", [], "R"),
        (AuditAction.STUDY_RETRIED, "study-retried", [], "E"),
    ],
)
def test_events_that_the_standard_knows_bear_its_codes(
    action: AuditAction, event: str, types: list[str], code: str
) -> None:
    message = told(action)
    assert codes(message, "EventID") == [event]
    assert codes(message, "EventTypeCode") == [*types, action]
    assert message.find("EventIdentification").get("EventActionCode") == code


@pytest.mark.parametrize(
    ("outcome", "indicator"),
    [(AuditOutcome.SUCCESS, "0"), (AuditOutcome.WARNING, "4"), (AuditOutcome.FAILURE, "8")],
)
def test_the_outcome_is_told(outcome: AuditOutcome, indicator: str) -> None:
    message = told(AuditAction.RESULT_NOT_SENT, outcome, detail={"found": "0xA700"})
    assert message.find("EventIdentification").get("EventOutcomeIndicator") == indicator
    assert message.findtext("EventIdentification/EventOutcomeDescription") == "0xA700"


def test_what_came_names_the_sender_and_the_node() -> None:
    message = told(AuditAction.INSTANCES_RECEIVED, detail={"address": "192.0.2.7"})
    assert roles(message) == {"SCANNER": "110153", "uptake@node": "110152"}
    assert message.find("ActiveParticipant[@UserID='SCANNER']").get("NetworkAccessPointID") == "192.0.2.7"


def test_what_went_names_the_node_and_the_destination() -> None:
    message = told(AuditAction.RESULT_SENT, detail={"destination": "main PACS"})
    assert roles(message) == {"uptake@node": "110153", "main PACS": "110152"}
    destination = message.find("ActiveParticipant[@UserID='main PACS']")
    assert (destination.get("AlternativeUserID"), destination.get("NetworkAccessPointID")) == (
        "AETITLES=PACS",
        "192.0.2.9",
    )


def test_a_destination_that_is_not_in_the_settings_any_more_is_named_all_the_same() -> None:
    assert "old PACS" in roles(told(AuditAction.RESULT_SENT, detail={"destination": "old PACS"}))


def test_patient_and_study_are_participant_objects() -> None:
    objects = told(AuditAction.INSTANCES_RECEIVED).findall("ParticipantObjectIdentification")
    found = {
        one.find("ParticipantObjectIDTypeCode").get("csd-code"): (
            one.get("ParticipantObjectID"),
            one.get("ParticipantObjectTypeCode"),
            one.get("ParticipantObjectTypeCodeRole"),
        )
        for one in objects
    }
    assert found["110180"] == ("1.2.3", "2", "3")
    assert found["2"] == ("P1", "1", "1")


def test_a_message_says_which_link_of_the_chain_it_is_and_all_that_the_event_says() -> None:
    message = told(AuditAction.INSTANCES_RECEIVED, detail={"accepted": 3, "found": "山"})
    details = {
        one.get("type"): b64decode(one.get("value")).decode() for one in message.iterfind(".//ParticipantObjectDetail")
    }
    assert details == {"sequence": "7", "hash": "a" * 64, "sop_instance_uid": "1.2.3.4", "accepted": "3", "found": "山"}
