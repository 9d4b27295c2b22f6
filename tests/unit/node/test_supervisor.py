import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.supervisor import Child, Supervisor, repeat


def append_process_id(stopping: Callable[[], bool], file: Path) -> None:
    with file.open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    while not stopping():
        time.sleep(0.01)


def ignore_the_request_to_stop(_: Callable[[], bool], file: Path) -> None:
    file.write_text(str(os.getpid()))
    time.sleep(60)


def wait_for(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def process_ids(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, told: list[str]) -> Iterator[Supervisor]:
    child = Child("child", append_process_id, (tmp_path / "ids",), lambda: told.append("died"))
    made = Supervisor([child])
    made.start()
    yield made
    made.stop(5.0)


def test_a_killed_child_is_noticed_and_restarted(supervisor: Supervisor, tmp_path: Path, told: list[str]) -> None:
    ids = tmp_path / "ids"
    wait_for(lambda: len(process_ids(ids)) == 1)
    os.kill(process_ids(ids)[0], signal.SIGKILL)

    def restarted() -> bool:
        supervisor.check()
        return len(process_ids(ids)) == 2

    wait_for(restarted)
    assert told == ["died"]


def test_a_child_ends_when_asked_to(supervisor: Supervisor, tmp_path: Path) -> None:
    wait_for(lambda: len(process_ids(tmp_path / "ids")) == 1)
    process = supervisor.children[0].process
    assert process is not None
    supervisor.stop(10.0)
    assert process.exitcode == 0


def test_a_child_that_will_not_end_is_killed(tmp_path: Path) -> None:
    supervisor = Supervisor([Child("stubborn", ignore_the_request_to_stop, (tmp_path / "id",), lambda: None)])
    supervisor.start()
    wait_for(lambda: bool(process_ids(tmp_path / "id")))
    process = supervisor.children[0].process
    assert process is not None
    supervisor.stop(0.2)
    assert process.exitcode == -signal.SIGKILL


def test_a_step_that_fails_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.supervisor._AFTER_ERROR_S", 0.0)
    calls: list[int] = []

    def step() -> bool:
        calls.append(len(calls))
        if len(calls) < 3:
            raise OSError("the disk is full")
        return True

    repeat(step, 0.0, lambda: len(calls) >= 4)
    assert len(calls) == 4


def test_a_log_that_can_not_be_written_ends_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.supervisor._AFTER_ERROR_S", 0.0)
    calls: list[int] = []

    class Full:
        def exception(self, *_: object, **__: object) -> None:
            raise OSError("no space left on device")

    def step() -> bool:
        calls.append(len(calls))
        raise ValueError("a defect")

    monkeypatch.setattr("node.supervisor.log", Full())
    repeat(step, 0.0, lambda: len(calls) >= 3)
    assert calls == [0, 1, 2]
