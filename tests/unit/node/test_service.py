"""A start that fails half-way."""

import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from config.settings import Settings
from db.session import Database
from db.upgrade import upgrade
from node import service
from node.cluster import Member
from node.spool import Spool

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_a_node_that_can_not_say_that_it_started_ends_with_all_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def away(*_: object, **__: object) -> None:
        raise OperationalError("", None, Exception("away"))

    class Processes:
        children = ()

        def __init__(self, _: object) -> None: ...

        def start(self) -> None:
            done.append("started")

        def stop(self, grace_s: float) -> None:
            done.append("stopped")

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    spool = Spool(tmp_path)
    spool.create()
    settings = Settings(
        listener={"port": port}, spool={"folder": spool.folder, "minimum_free_mb": 0}, monitoring={"enabled": False}
    )
    monkeypatch.setattr(service, "Supervisor", Processes)
    monkeypatch.setattr(service, "_audit_node", away)
    upgrade(settings.database_url)
    database = Database.open(settings.database_url)
    member = Member(database, spool, settings, lambda: NOW)
    with pytest.raises(OperationalError):
        service._run(database, spool, settings, member, threading.Event(), {})
    database.close()
    assert done == ["started", "stopped"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
