"""Audit messages as XML."""

from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dicom_io.audit_message import (
    AuditMessage,
    Code,
    EventAction,
    EventOutcome,
    Participant,
    ParticipantObject,
    Role,
)
from tests.unit.audit_schema import schema, validated

STUDY = ParticipantObject(
    id="1.2.3",
    id_type=Code("110180", "DCM", "Study Instance UID"),
    type_code=2,
    role=3,
    name="Study",
    details={"accepted": "3"},
)
MESSAGE = AuditMessage(
    event=Code("110104", "DCM", "DICOM Instances Transferred"),
    event_types=(Code("instances-received", "99UPTAKE", "Instances received"),),
    action=EventAction.CREATE,
    outcome=EventOutcome.MINOR_FAILURE,
    outcome_description="the association was aborted",
    at=datetime(2026, 3, 4, 5, 6, 7, 89000, tzinfo=UTC),
    source="UPTAKE@node",
    participants=(
        Participant(user_id="SCANNER", is_requestor=True, role=Role.SOURCE, ae_title="SCANNER", network="192.0.2.7"),
        Participant(user_id="uptake@node", is_requestor=False, role=Role.DESTINATION, network="node"),
    ),
    objects=(STUDY,),
)


def test_a_message_says_what_when_who_and_to_what() -> None:
    found = validated(MESSAGE.to_xml())
    event = found.find("EventIdentification")
    assert dict(event.attrib) == {
        "EventActionCode": "C",
        "EventDateTime": "2026-03-04T05:06:07.089+00:00",
        "EventOutcomeIndicator": "4",
    }
    assert dict(event.find("EventID").attrib) == {
        "csd-code": "110104",
        "codeSystemName": "DCM",
        "originalText": "DICOM Instances Transferred",
    }
    assert event.findtext("EventOutcomeDescription") == "the association was aborted"
    sender, receiver = found.findall("ActiveParticipant")
    assert (sender.get("AlternativeUserID"), sender.get("UserIsRequestor")) == ("AETITLES=SCANNER", "true")
    assert [one.get("NetworkAccessPointTypeCode") for one in (sender, receiver)] == ["2", "1"]
    assert [one.find("RoleIDCode").get("csd-code") for one in (sender, receiver)] == ["110153", "110152"]
    study = found.find("ParticipantObjectIdentification")
    assert (study.get("ParticipantObjectID"), study.get("ParticipantObjectTypeCodeRole")) == ("1.2.3", "3")
    detail = study.find("ParticipantObjectDetail")
    assert (detail.get("type"), b64decode(detail.get("value"))) == ("accepted", b"3")


@given(text=st.text(st.characters(exclude_categories=())), key=st.text(st.characters(exclude_categories=())))
def test_whatever_headers_hold_the_message_is_valid(text: str, key: str) -> None:
    participants = (Participant(user_id=text, is_requestor=True, ae_title=text, network=text),)
    objects = (replace(STUDY, id=text, name=text, details={key: text}),)
    hostile = replace(MESSAGE, outcome_description=text, source=text, participants=participants, objects=objects)
    validated(hostile.to_xml())


def test_text_can_not_become_markup() -> None:
    forged = '"/><ActiveParticipant UserID="root" UserIsRequestor="true"/>'
    found = validated(replace(MESSAGE, outcome_description=forged, source=forged).to_xml())
    assert len(found.findall("ActiveParticipant")) == 2
    assert found.find("AuditSourceIdentification").get("AuditSourceID") == forged


def test_a_message_fits_into_a_datagram_whatever_is_to_be_told() -> None:
    long = '"' * 100_000
    details = {f"{number}{long}": long for number in range(100)}
    named = replace(STUDY, id=long, name=long)
    participants = 2 * (Participant(user_id=long, is_requestor=False, ae_title=long, network=long),)
    objects = (replace(named, details=details), named, named)
    told = replace(MESSAGE, outcome_description=long, source=long, participants=participants, objects=objects)
    assert len(told.to_xml()) < 65_000


@pytest.mark.parametrize(
    "wrong",
    [
        lambda message: message.find("EventIdentification").attrib.pop("EventDateTime"),
        lambda message: message.find("EventIdentification").set("EventOutcomeIndicator", "1"),
        lambda message: [message.remove(one) for one in message.findall("ActiveParticipant")],
        lambda message: message.find(".//ParticipantObjectDetail").set("value", "not base64!"),
    ],
)
def test_the_schema_finds_what_is_wrong(wrong) -> None:
    message = etree.fromstring(MESSAGE.to_xml())
    wrong(message)
    assert not schema().validate(message)
