"""The supervisor's heartbeat, for `/health` and for systemd's watchdog (sd_notify(3))."""

import os
import socket
import time
from collections.abc import Callable

import structlog

log = structlog.get_logger()

TOO_LONG_S = 60.0
"""A supervisor that has not gone round for so long hangs: a round is half a second, a locked database 30 s."""


class Heartbeat:
    """Beats whenever the supervisor has gone round."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """Say that the supervisor goes round."""
        self._last = self._clock()
        notify("WATCHDOG=1")

    @property
    def age_s(self) -> float:
        """Seconds since the last beat."""
        return self._clock() - self._last


def notify(state: str) -> None:
    """Tell the service manager that started this process a state, as ``READY=1``; nothing happens without one."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        try:
            connection.sendto(state.encode(), f"\0{address[1:]}" if address.startswith("@") else address)
        except OSError as error:  # the manager then does what it does with a service that is silent
            log.warning("service manager not reached", address=address, detail=str(error))
