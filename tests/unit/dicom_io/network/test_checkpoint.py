import threading
import time
from collections.abc import Iterator

import pytest

from dicom_io.network.checkpoint import Checkpoint


class Reactor(threading.Thread):
    """Goes through a checkpoint over and over and counts what it does behind it, slowly, as on a loaded machine."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.checkpoint = Checkpoint(self)
        self.ended = False
        self.rounds = 0

    def run(self) -> None:
        while not self.ended:
            self.checkpoint.wait()
            time.sleep(0.002)
            self.rounds += 1


@pytest.fixture
def reactor() -> Iterator[Reactor]:
    made = Reactor()
    made.start()
    yield made
    made.ended = True
    made.checkpoint.set()
    made.join(5.0)


def test_nothing_happens_behind_a_checkpoint_once_clear_has_returned(reactor: Reactor) -> None:
    for _ in range(100):
        reactor.checkpoint.clear()
        before = reactor.rounds
        time.sleep(0.004)
        assert reactor.rounds == before
        reactor.checkpoint.set()


def test_the_reactor_goes_on_when_it_is_let(reactor: Reactor) -> None:
    reactor.checkpoint.clear()
    before = reactor.rounds
    reactor.checkpoint.set()
    deadline = time.monotonic() + 5.0
    while reactor.rounds == before:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_reactor_that_has_ended_does_not_keep_a_request_waiting(reactor: Reactor) -> None:
    reactor.ended = True
    reactor.join(5.0)
    reactor.checkpoint.clear()


def test_the_reactor_may_close_its_own_checkpoint() -> None:
    checkpoint = Checkpoint(threading.current_thread())
    checkpoint.clear()
    assert not checkpoint.is_set()
