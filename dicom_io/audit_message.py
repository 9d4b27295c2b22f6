"""DICOM audit messages as XML (PS3.15 Section A.5)."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from ipaddress import ip_address
from xml.etree.ElementTree import Element, SubElement, tostring

MAXIMUM_TEXT = 256
MAXIMUM_DETAIL_BYTES = 768
MAXIMUM_DETAILS = 16
"""What is longer is cut, so that every message fits into one datagram; the trail itself has all."""


@dataclass(frozen=True, slots=True)
class Code:
    """A coded value (PS3.15 Section A.5.1.1, CodedValueType)."""

    value: str
    scheme: str
    meaning: str


class EventAction(StrEnum):
    CREATE = "C"
    READ = "R"
    UPDATE = "U"
    DELETE = "D"
    EXECUTE = "E"


class EventOutcome(Enum):
    """Event Outcome Indicator."""

    SUCCESS = 0
    MINOR_FAILURE = 4
    SERIOUS_FAILURE = 8
    MAJOR_FAILURE = 12


class Role:
    """What an active participant was (CID 402)."""

    APPLICATION = Code("110150", "DCM", "Application")
    APPLICATION_LAUNCHER = Code("110151", "DCM", "Application Launcher")
    DESTINATION = Code("110152", "DCM", "Destination Role ID")
    SOURCE = Code("110153", "DCM", "Source Role ID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """A person or process that took part. ``network``: its IP address or host name."""

    user_id: str
    is_requestor: bool
    role: Code | None = None
    ae_title: str | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticipantObject:
    """What the event was about. Types and roles are those of PS3.15 Section A.5.1.2, details are told in base64."""

    id: str
    id_type: Code
    type_code: int
    role: int
    name: str
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditMessage:
    """An audit message. ``at`` has a time zone; ``source``: which application tells it."""

    event: Code
    event_types: tuple[Code, ...]
    action: EventAction
    outcome: EventOutcome
    outcome_description: str
    at: datetime
    source: str
    participants: tuple[Participant, ...]
    objects: tuple[ParticipantObject, ...]

    def to_xml(self) -> bytes:
        """The message as the schema of PS3.15 Section A.5.1 demands it, in UTF-8 and without XML declaration."""
        root = Element("AuditMessage")
        identification = SubElement(
            root,
            "EventIdentification",
            EventActionCode=self.action,
            EventDateTime=self.at.isoformat(timespec="milliseconds"),
            EventOutcomeIndicator=str(self.outcome.value),
        )
        _coded(identification, "EventID", self.event)
        for event_type in self.event_types:
            _coded(identification, "EventTypeCode", event_type)
        if self.outcome_description:
            SubElement(identification, "EventOutcomeDescription").text = _clean(self.outcome_description)
        for participant in self.participants:
            _participant(root, participant)
        source = SubElement(root, "AuditSourceIdentification", AuditSourceID=_clean(self.source))
        SubElement(source, "AuditSourceTypeCode", {"csd-code": _APPLICATION_SERVER})
        for one in self.objects:
            _object(root, one)
        xml: bytes = tostring(root, encoding="utf-8", xml_declaration=False)
        return xml


_APPLICATION_SERVER = "4"
_HOST_NAME, _IP_ADDRESS = "1", "2"


def _coded(parent: Element, name: str, code: Code) -> None:
    SubElement(parent, name, {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning})


def _participant(root: Element, participant: Participant) -> None:
    attributes = {"UserID": _clean(participant.user_id), "UserIsRequestor": str(participant.is_requestor).lower()}
    if participant.ae_title is not None:
        attributes["AlternativeUserID"] = _clean(f"AETITLES={participant.ae_title}")
    if participant.network is not None:
        attributes["NetworkAccessPointID"] = _clean(participant.network)
        attributes["NetworkAccessPointTypeCode"] = _access_point_type(participant.network)
    element = SubElement(root, "ActiveParticipant", attributes)
    if participant.role is not None:
        _coded(element, "RoleIDCode", participant.role)


def _object(root: Element, one: ParticipantObject) -> None:
    element = SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=_clean(one.id),
        ParticipantObjectTypeCode=str(one.type_code),
        ParticipantObjectTypeCodeRole=str(one.role),
    )
    _coded(element, "ParticipantObjectIDTypeCode", one.id_type)
    SubElement(element, "ParticipantObjectName").text = _clean(one.name)
    for kind, value in list(one.details.items())[:MAXIMUM_DETAILS]:
        content = value.encode("utf-8", "replace")[:MAXIMUM_DETAIL_BYTES]
        SubElement(element, "ParticipantObjectDetail", type=_clean(kind), value=b64encode(content).decode("ascii"))


def _access_point_type(network: str) -> str:
    try:
        ip_address(network)
    except ValueError:
        return _HOST_NAME
    return _IP_ADDRESS


def _clean(text: str) -> str:
    """``text``, cut, on one line, with U+FFFD for what XML 1.0 can't hold; headers hold anything."""
    cut = text[:MAXIMUM_TEXT]
    return "".join(character if _is_kept(ord(character)) else "\N{REPLACEMENT CHARACTER}" for character in cut)


def _is_kept(point: int) -> bool:
    return 0x20 <= point <= 0xD7FF or 0xE000 <= point <= 0xFFFD or point >= 0x10000
