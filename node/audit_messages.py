"""Events of the audit trail in the words of PS3.15 Section A.5.

Events that the standard knows bear its Event ID; the others, and the exact action of each, a code of our own scheme.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from config.settings import Settings
from db.audit_actions import AuditAction, AuditOutcome
from db.queries import AuditEntry
from dicom_io.audit_message import (
    AuditMessage,
    Code,
    EventAction,
    EventOutcome,
    Participant,
    ParticipantObject,
    Role,
)

SCHEME = "99UPTAKE"
"""Coding scheme of the actions, whose code values are those of `db.audit_actions.AuditAction`."""


def audit_message(event: AuditEntry, settings: Settings, host: str) -> AuditMessage:
    """The message that tells an event; ``host`` is the name of the machine that tells it."""
    mapping = _MAPPINGS.get(event.action, _OWN)
    action_code = Code(event.action, SCHEME, event.action.replace("-", " ").capitalize())
    found = event.detail.get("found") or event.detail.get("reason")
    return AuditMessage(
        event=mapping.event or action_code,
        event_types=(*mapping.event_types, action_code),
        action=mapping.action,
        outcome=_OUTCOMES[event.outcome],
        outcome_description=found if isinstance(found, str) else "",
        at=event.at,
        source=f"{settings.listener.ae_title}@{host}",
        participants=mapping.participants(event, settings, host),
        objects=(*mapping.subjects(event, settings, host), *_patient_and_study(event)),
    )


_Participants = Callable[[AuditEntry, Settings, str], tuple[Participant, ...]]
_Objects = Callable[[AuditEntry, Settings, str], tuple[ParticipantObject, ...]]


def _node(settings: Settings, host: str, *, is_requestor: bool, role: Code | None = None) -> Participant:
    ae_title = settings.listener.ae_title
    return Participant(user_id=f"uptake@{host}", is_requestor=is_requestor, role=role, ae_title=ae_title, network=host)


def _somebody_at_the_node(event: AuditEntry, settings: Settings, host: str) -> tuple[Participant, ...]:
    return (_node(settings, host, is_requestor=False), Participant(user_id=event.who, is_requestor=True))


def _application(event: AuditEntry, settings: Settings, host: str) -> tuple[Participant, ...]:
    launcher = Participant(user_id=event.who, is_requestor=True, role=Role.APPLICATION_LAUNCHER)
    return (_node(settings, host, is_requestor=False, role=Role.APPLICATION), launcher)


def _received(event: AuditEntry, settings: Settings, host: str) -> tuple[Participant, ...]:
    source = Participant(
        user_id=event.who,
        is_requestor=True,
        role=Role.SOURCE,
        ae_title=event.who,
        network=event.detail.get("address"),
    )
    return (source, _node(settings, host, is_requestor=False, role=Role.DESTINATION))


def _sent(event: AuditEntry, settings: Settings, host: str) -> tuple[Participant, ...]:
    name = str(event.detail.get("destination", "unknown"))
    peer = next((peer for peer in settings.destinations if peer.name == name), None)
    destination = Participant(
        user_id=name,
        is_requestor=False,
        role=Role.DESTINATION,
        ae_title=peer.ae_title if peer else None,
        network=peer.host if peer else None,
    )
    return (_node(settings, host, is_requestor=True, role=Role.SOURCE), destination)


def _peer_and_node(event: AuditEntry, settings: Settings, host: str) -> tuple[Participant, ...]:
    address = event.detail.get("address")
    peer = Participant(user_id=event.who, is_requestor=True, ae_title=event.who, network=address)
    return (_node(settings, host, is_requestor=False), peer)


def _about_the_event(event: AuditEntry, settings: Settings, host: str) -> tuple[ParticipantObject, ...]:
    """What an event says beyond its codes, and the hash by which the trail can be compared with the messages."""
    name, details = "Event of the audit trail", _details(event)
    return (
        ParticipantObject(
            id=str(event.sequence), id_type=_EVENT_NUMBER, type_code=2, role=13, name=name, details=details
        ),
    )


def _audit_log(event: AuditEntry, settings: Settings, host: str) -> tuple[ParticipantObject, ...]:
    uri = f"uptake://{host}/audit"
    log = ParticipantObject(
        id=uri, id_type=_URI, type_code=2, role=13, name="Security Audit Log", details=_details(event)
    )
    return (log,)


def _alert(event: AuditEntry, settings: Settings, host: str) -> tuple[ParticipantObject, ...]:
    description = str(event.detail.get("found") or event.action)
    details = {"Alert Description": description, **_details(event)}
    return (ParticipantObject(id=host, id_type=_NODE_ID, type_code=2, role=13, name="Node", details=details),)


def _patient_and_study(event: AuditEntry) -> tuple[ParticipantObject, ...]:
    if event.study_uid is None and event.patient_id is None:
        return ()
    patient = ParticipantObject(
        id=event.patient_id or "unknown", id_type=_PATIENT_NUMBER, type_code=1, role=1, name="Patient", details={}
    )
    if event.study_uid is None:
        return (patient,)
    study = ParticipantObject(id=event.study_uid, id_type=_STUDY_UID, type_code=2, role=3, name="Study", details={})
    return (study, patient)


def _details(event: AuditEntry) -> dict[str, str]:
    told = {key: value if isinstance(value, str) else json.dumps(value) for key, value in event.detail.items()}
    instance = {"sop_instance_uid": event.sop_instance_uid} if event.sop_instance_uid else {}
    return {"sequence": str(event.sequence), "hash": event.hash, **instance, **told}


@dataclass(frozen=True, slots=True)
class _Mapping:
    """How the standard tells an action. ``event`` None: it does not know it."""

    event: Code | None
    action: EventAction
    event_types: tuple[Code, ...] = ()
    participants: _Participants = field(default=_somebody_at_the_node)
    subjects: _Objects = field(default=_about_the_event)


def _dicom(value: str, meaning: str) -> Code:
    return Code(value, "DCM", meaning)


_EVENT_NUMBER = Code("audit-event-number", SCHEME, "Audit event number")
_URI = Code("12", "RFC-3881", "URI")
_PATIENT_NUMBER = Code("2", "RFC-3881", "Patient Number")
_STUDY_UID = _dicom("110180", "Study Instance UID")
_NODE_ID = _dicom("110182", "Node ID")

_ACTIVITY = _dicom("110100", "Application Activity")
_LOG_USED = _dicom("110101", "Audit Log Used")
_ACCESSED = _dicom("110103", "DICOM Instances Accessed")
_TRANSFERRED = _dicom("110104", "DICOM Instances Transferred")
_SECURITY_ALERT = _dicom("110113", "Security Alert")

_OUTCOMES = {
    AuditOutcome.SUCCESS: EventOutcome.SUCCESS,
    AuditOutcome.WARNING: EventOutcome.MINOR_FAILURE,
    AuditOutcome.FAILURE: EventOutcome.SERIOUS_FAILURE,
}

_START, _STOP = (_dicom("110120", "Application Start"),), (_dicom("110121", "Application Stop"),)
_NODE_AUTHENTICATION = (_dicom("110126", "Node Authentication"),)
_SECURITY_CONFIGURATION = (_dicom("110129", "Security Configuration"),)

_OWN = _Mapping(None, EventAction.EXECUTE)
_ASSOCIATION = _Mapping(None, EventAction.EXECUTE, participants=_peer_and_node)
_RECEPTION = _Mapping(_TRANSFERRED, EventAction.CREATE, participants=_received)
_DELIVERY = _Mapping(_TRANSFERRED, EventAction.CREATE, participants=_sent)
_AUDIT_LOG = _Mapping(_LOG_USED, EventAction.READ, subjects=_audit_log)

_MAPPINGS = {
    AuditAction.NODE_STARTED: _Mapping(_ACTIVITY, EventAction.EXECUTE, _START, _application),
    AuditAction.NODE_STOPPED: _Mapping(_ACTIVITY, EventAction.EXECUTE, _STOP, _application),
    AuditAction.ASSOCIATION_OPENED: _ASSOCIATION,
    AuditAction.ASSOCIATION_CLOSED: _ASSOCIATION,
    AuditAction.ASSOCIATION_REFUSED: _Mapping(
        _SECURITY_ALERT, EventAction.EXECUTE, _NODE_AUTHENTICATION, _peer_and_node, _alert
    ),
    AuditAction.INSTANCES_RECEIVED: _RECEPTION,
    AuditAction.INSTANCE_CONFLICT: _RECEPTION,
    AuditAction.ANALYSIS_STARTED: _Mapping(_ACCESSED, EventAction.READ),
    AuditAction.REPORT_RECORDED: _Mapping(_ACCESSED, EventAction.CREATE),
    AuditAction.RESULT_SENT: _DELIVERY,
    AuditAction.RESULT_NOT_SENT: _DELIVERY,
    AuditAction.RESULT_COMMITTED: _DELIVERY,
    AuditAction.RESULT_NOT_COMMITTED: _DELIVERY,
    AuditAction.RESULT_RETURNED: _RECEPTION,
    AuditAction.INSTANCES_DELETED: _Mapping(_ACCESSED, EventAction.DELETE),
    AuditAction.CONFIGURATION_CHANGED: _Mapping(
        _SECURITY_ALERT, EventAction.EXECUTE, _SECURITY_CONFIGURATION, subjects=_alert
    ),
    AuditAction.AUDIT_QUERIED: _AUDIT_LOG,
    AuditAction.AUDIT_VERIFIED: _AUDIT_LOG,
}
