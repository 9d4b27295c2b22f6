"""The point at which pynetdicom's reactor lets a request pass, without the race of the stock one."""

import threading

_LOOK_S = 0.01


class Checkpoint:
    """Takes the place of ``Association._reactor_checkpoint``: ``clear`` returns only when the reactor has stopped here.

    pynetdicom's reactor announces that it pauses before it does. A request that begins in between finds its response
    taken by the reactor, waits for it until the time-out, and aborts: rare, but seen on a machine under load.
    """

    def __init__(self, reactor: threading.Thread) -> None:
        self._reactor = reactor
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

    def clear(self) -> None:
        """Stop the reactor; returns when it has stopped, or has ended."""
        with self._condition:
            self._open = False
            if threading.current_thread() is self._reactor:
                return
            while not self._parked and self._reactor.is_alive():
                self._condition.wait(_LOOK_S)

    def wait(self) -> bool:
        """For the reactor: stay here while the checkpoint is closed."""
        with self._condition:
            while not self._open:
                self._parked = True
                self._condition.notify_all()
                self._condition.wait()
            self._parked = False
        return True
