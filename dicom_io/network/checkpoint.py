"""The point at which pynetdicom's reactor lets a request pass, without the race of the stock one."""

import threading
from collections.abc import Callable

_LOOK_S = 0.01


class Checkpoint:
    """Takes the place of ``Association._reactor_checkpoint``: ``clear`` returns only when the reactor has stopped here.

    pynetdicom's reactor announces that it pauses before it does. A request that begins in between finds its response
    taken by the reactor, waits for it until the time-out, and aborts: rare, but seen on a machine under load.

    Parameters
    ----------
    reactor
        The thread that passes here.
    idle_s
        How long the reactor may stay here if nothing is announced, in seconds; 0 if there is something to do.
    """

    def __init__(self, reactor: threading.Thread, idle_s: Callable[[], float] = lambda: 0.0) -> None:
        self._reactor = reactor
        self._idle_s = idle_s
        self._condition = threading.Condition()
        self._open = True
        self._parked = False

    def is_set(self) -> bool:
        return self._open

    def set(self) -> None:
        """Let the reactor go on."""
        with self._condition:
            self._open = True
            self._condition.notify_all()

    def announce(self) -> None:
        """Tell the reactor that there is something to do; it goes on if the checkpoint is open."""
        with self._condition:
            self._condition.notify_all()

    def clear(self) -> None:
        """Stop the reactor; returns when it has stopped, or has ended."""
        with self._condition:
            self._open = False
            if threading.current_thread() is self._reactor:
                return
            while not self._parked and self._reactor.is_alive():
                self._condition.wait(_LOOK_S)

    def wait(self) -> bool:
        """For the reactor: stay here while the checkpoint is closed or there is nothing to do."""
        with self._condition:
            while not self._open or (idle_s := self._idle_s()) > 0:
                self._parked = True
                self._condition.notify_all()
                self._condition.wait(idle_s if self._open else None)
            self._parked = False
        return True
