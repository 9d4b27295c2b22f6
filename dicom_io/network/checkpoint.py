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
    is_idle
        Whether it has nothing to do; what ends that is announced.
    longest_idle_s
        How long it stays here for that, in seconds.

    Attributes
    ----------
    is_parked
        Whether the reactor stays here.
    """

    def __init__(
        self, reactor: threading.Thread, is_idle: Callable[[], bool] = lambda: False, longest_idle_s: float = 0.0
    ) -> None:
        self._reactor = reactor
        self._is_idle = is_idle
        self._longest_idle_s = longest_idle_s
        self._condition = threading.Condition()
        self._open = True
        self.is_parked = False

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
            while not self.is_parked and self._reactor.is_alive():
                self._condition.wait(_LOOK_S)

    def wait(self) -> bool:
        """For the reactor: stay here while the checkpoint is closed, or for a while if there is nothing to do."""
        with self._condition:
            if self._is_idle():
                self._park(self._longest_idle_s)
            while not self._open:
                self._park(None)
        return True

    def _park(self, longest_s: float | None) -> None:
        self.is_parked = True
        self._condition.notify_all()
        self._condition.wait(longest_s)
        self.is_parked = False
