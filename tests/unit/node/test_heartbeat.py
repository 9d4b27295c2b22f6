import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.heartbeat import Heartbeat, notify


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where systemd would listen (sd_notify(3))."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(5.0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield listening


def test_a_state_is_told(manager: socket.socket) -> None:
    notify("READY=1")
    assert manager.recv(100) == b"READY=1"


def test_a_state_is_told_through_an_abstract_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{tmp_path}")
        listening.settimeout(5.0)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{tmp_path}")
        notify("STOPPING=1")
        assert listening.recv(100) == b"STOPPING=1"


def test_without_a_service_manager_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    notify("READY=1")


@pytest.mark.parametrize("address", ["/nowhere/notify", "relative"])
def test_a_service_manager_that_does_not_listen_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


def test_a_beat_resets_its_age_and_is_told(manager: socket.socket) -> None:
    now = [100.0]
    heartbeat = Heartbeat(lambda: now[0])
    now[0] = 130.0
    assert heartbeat.age_s == 30.0
    heartbeat.beat()
    assert heartbeat.age_s == 0.0
    assert manager.recv(100) == b"WATCHDOG=1"
