"""Turns: parts that share one thread, in the order of their urgency, of which none is kept waiting for ever."""

import time
from collections.abc import Callable, Sequence

AT_LEAST_EVERY_S = 1.0


class Turns:
    """The steps of several parts as one. Each is taken when those before it had nothing to do, or a second after its
    last: however much there is for the first, the last has its turn.
    """

    def __init__(self, steps: Sequence[Callable[[], bool]], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._steps = steps
        self._monotonic = monotonic
        self._taken_at = [monotonic()] * len(steps)

    def step(self) -> bool:
        """Let those step whose turn it is; False if none had anything to do."""
        busy = False
        for number, step in enumerate(self._steps):
            if not busy or self._monotonic() - self._taken_at[number] >= AT_LEAST_EVERY_S:
                busy = step() or busy
                self._taken_at[number] = self._monotonic()
        return busy
