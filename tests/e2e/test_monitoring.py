"""A running node as systemd and a monitor see it."""

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

STARTED_S = 60.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """Where systemd would listen (sd_notify(3))."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        yield listening


@pytest.fixture
def node(tmp_path: Path, port_base: int, manager: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """A node whose service manager is the test; it is ready."""
    settings = tmp_path / "uptake.toml"
    ports = f"[listener]\nport = {port_base + 1}\n[monitoring]\nport = {port_base + 2}\n"
    settings.write_text(f'{ports}[spool]\nfolder = "{tmp_path}/spool"\n')
    environment = {key: value for key, value in os.environ.items() if not key.startswith("UPTAKE_")}
    environment["NOTIFY_SOCKET"] = str(tmp_path / "notify")
    command = [sys.executable, "-m", "node", "serve", "--config", str(settings)]
    running = subprocess.Popen(command, env=environment, cwd=Path(__file__).parents[2])
    manager.settimeout(STARTED_S)
    assert manager.recv(100) == b"READY=1"
    yield running
    running.send_signal(signal.SIGCONT)
    running.terminate()
    running.wait(timeout=60)


def readable(listening: socket.socket) -> bool:
    return bool(select.select([listening], [], [], 0)[0])


def ask(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_systemd_hears_of_a_node_that_goes_round_and_no_more_of_one_that_hangs(
    node: subprocess.Popen[bytes], manager: socket.socket
) -> None:
    manager.settimeout(10.0)
    assert [manager.recv(100) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    node.send_signal(signal.SIGSTOP)
    time.sleep(1.0)
    while readable(manager):
        manager.recv(100)
    time.sleep(2.0)
    assert not readable(manager)


def test_systemd_hears_that_a_node_ends(node: subprocess.Popen[bytes], manager: socket.socket) -> None:
    node.terminate()
    manager.settimeout(10.0)
    while (said := manager.recv(100)) == b"WATCHDOG=1":
        pass
    assert said == b"STOPPING=1"


def test_a_worker_that_was_killed_is_counted_and_health_recovers(node: subprocess.Popen[bytes], port_base: int) -> None:
    def metric(name: str) -> float:
        lines = ask(port_base + 2, "/metrics")[1].decode().splitlines()
        return next((float(line.split()[-1]) for line in lines if line.startswith(name)), -1.0)

    roles = psutil.Process(node.pid).children()
    for role in roles:
        if "spawn_main" in " ".join(role.cmdline()):
            role.kill()
    deadline = time.monotonic() + STARTED_S
    while metric('uptake_process_deaths_total{role="worker"}') != 1.0 or ask(port_base + 2, "/health")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert metric('uptake_process_up{role="worker"}') == 1.0


def test_health_and_metrics_are_what_monitors_expect(node: subprocess.Popen[bytes], port_base: int) -> None:
    deadline = time.monotonic() + STARTED_S
    while ask(port_base + 2, "/health")[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert json.loads(ask(port_base + 2, "/health")[1])["ready"] is True
    promtool = shutil.which("promtool")
    if promtool is not None:
        metrics = ask(port_base + 2, "/metrics")[1]
        subprocess.run([promtool, "check", "metrics"], input=metrics, check=True)
