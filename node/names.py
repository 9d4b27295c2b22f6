"""How the parts of a node are called in leases and in the audit trail, the same after a restart; and its clock."""

import getpass
import os
from datetime import UTC, datetime

from config.settings import Settings


def listener_name(settings: Settings) -> str:
    return f"{settings.listener.ae_title} on {settings.cluster.node}"


def delivery_name(settings: Settings) -> str:
    return f"delivery of {listener_name(settings)}"


def worker_name(settings: Settings, number: int) -> str:
    """Workers are numbered from 1."""
    return f"worker {number} of {listener_name(settings)}"


def exporter_name(settings: Settings) -> str:
    return f"audit export of {listener_name(settings)}"


def person() -> str:
    """Who runs a command; behind sudo, the person before it, as far as the environment tells."""
    user, before = getpass.getuser(), os.environ.get("SUDO_USER")
    return f"{before} as {user}" if before and before != user else user


def utc_now() -> datetime:
    return datetime.now(UTC)
