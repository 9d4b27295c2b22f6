"""Changes of the settings, put into the audit trail when the node starts with them."""

import getpass
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from config.settings import Settings
from db import audit
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue
from db.queries import audit_events
from db.session import Database
from node.names import listener_name


def audit_configuration(database: Database, settings: Settings, now: datetime) -> None:
    """Audit what differs from the settings with which this node last started; the first time, all of them.

    Secrets are masked, so that a new password does not show.
    """
    present = dict(_flat("", settings.model_dump(mode="json")))
    who = listener_name(settings)
    with database.transaction() as session:
        earlier = audit_events(session, who=who, action=AuditAction.CONFIGURATION_CHANGED, limit=1)
        before: dict[str, Any] = earlier[0].detail["settings"] if earlier else {}
        if before == present:
            return
        changed: dict[str, JsonValue] = {
            name: [before.get(name), present.get(name)]
            for name in sorted(before.keys() | present.keys())
            if before.get(name) != present.get(name) or (name in before) != (name in present)
        }
        detail: dict[str, JsonValue] = {
            "changed": changed if earlier else {},
            "found": ", ".join(changed) if earlier else "first start",
            "user": getpass.getuser(),
            "settings": present,
        }
        audit.record(session, AuditAction.CONFIGURATION_CHANGED, AuditOutcome.SUCCESS, now, who=who, detail=detail)


def _flat(name: str, value: Any) -> Iterator[tuple[str, JsonValue]]:
    """Every setting by its dotted name; items of lists of tables by their number."""
    if isinstance(value, dict):
        items = [(f"{name}.{key}" if name else key, item) for key, item in value.items()]
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        items = [(f"{name}[{number}]", item) for number, item in enumerate(value)]
    else:
        yield name, value
        return
    for key, item in items:
        yield from _flat(key, item)
