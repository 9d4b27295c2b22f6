"""Watching counters: whose stands still does not live. No clocks of two machines are compared."""

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Watch(Generic[Key]):
    """Tells by this machine's own clock whose counter has stood still for longer than ``dead_after_s``.

    After a pause in which nobody looked every counter is watched anew: if this process was stopped, or the database
    did not answer, it is not known whether anybody else stood still.
    """

    def __init__(self, dead_after_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._dead_after_s = dead_after_s
        self._clock = clock
        self._looked_at = clock()
        self._since: dict[Key, tuple[int, float]] = {}

    def look(self, counters: Mapping[Key, int]) -> frozenset[Key]:
        """Take note of the counters; the keys of those that stand still."""
        now = self._clock()
        before = self._since if now - self._looked_at < self._dead_after_s / 2 else {}
        self._looked_at = now
        self._since = {
            key: before[key] if key in before and before[key][0] == count else (count, now)
            for key, count in counters.items()
        }
        return frozenset(key for key, (_, since) in self._since.items() if now - since > self._dead_after_s)
