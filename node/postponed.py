"""What failed and is tried again later: soon at first, then less and less often."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)

FIRST_AFTER = timedelta(seconds=5)
LAST_AFTER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Failure:
    cause: str
    failed_at: datetime
    wait: timedelta


class Postponed(Generic[Key]):
    """Things that failed, each due again after 5 s, then after twice as long each time, 5 min at most.

    A clock that is set back keeps nothing waiting: what failed later than now is due.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._failures: dict[Key, _Failure] = {}

    def is_due(self, key: Key) -> bool:
        """Whether it may be tried: it never failed, or has waited long enough."""
        failure = self._failures.get(key)
        return failure is None or not failure.failed_at <= self._clock() < failure.failed_at + failure.wait

    def put_off(self, key: Key, error: Exception) -> bool:
        """It failed, again or for the first time; False if by the same cause as the last time, as a log wants to know.

        One that was not tried again for long after it was due, as by another process it was, is forgotten.
        """
        now, cause = self._clock(), f"{type(error).__name__}: {error}"
        self._failures = {
            other: failure for other, failure in self._failures.items() if now < failure.failed_at + 3 * LAST_AFTER
        }
        before = self._failures.get(key)
        wait = FIRST_AFTER if before is None else min(2 * before.wait, LAST_AFTER)
        self._failures[key] = _Failure(cause, now, wait)
        return before is None or before.cause != cause

    def due_at(self, key: Key) -> datetime:
        """When something that was put off is due again."""
        failure = self._failures[key]
        return failure.failed_at + failure.wait

    def succeeded(self, key: Key) -> None:
        """It is done. Had it failed before, what kept it may be over for all others too: they are due."""
        if key in self._failures:
            self._failures.clear()
