"""A running node whose studies are analysed on a Ray cluster."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

# Read when Ray is imported: nothing listens beyond loopback, and nothing is reported to anybody.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
pytest.importorskip("ray")

from ray.cluster_utils import Cluster

from db.states import StudyState
from node.rehearsal import Rehearsal, rehearse

TIMEOUT_S = 90.0
SETTINGS = """
[compute]
engine = "ray"
workers = 2
address = "127.0.0.1:{0}"
"""


def wait_for(condition: Callable[[], bool], rehearsal: Rehearsal) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, log(rehearsal)
        time.sleep(0.1)


def log(rehearsal: Rehearsal) -> str:
    return (rehearsal.folder / "node.log").read_text()


def states(rehearsal: Rehearsal) -> set[str]:
    with sqlite3.connect(rehearsal.folder / "spool" / "uptake.db") as connection:
        return {state for (state,) in connection.execute("SELECT state FROM studies")}


def failures(rehearsal: Rehearsal) -> int:
    with sqlite3.connect(rehearsal.folder / "spool" / "uptake.db") as connection:
        query = "SELECT count(*) FROM audit_events WHERE action = 'analysis-failed'"
        return int(connection.execute(query).fetchone()[0])


def test_a_study_waits_for_the_cluster_and_is_then_analysed_there(write, tmp_path: Path, port_base: int) -> None:
    head_port = port_base + 10
    with rehearse(tmp_path / "rehearsal", port_base, SETTINGS.format(head_port)) as rehearsal:
        assert all(outcome.reason is None for outcome in rehearsal.send_study(write().files))
        wait_for(lambda: log(rehearsal).count("reason=ray-unreachable") == 2, rehearsal)  # by each worker
        wait_for(lambda: states(rehearsal) == {StudyState.COMPLETE}, rehearsal)
        head = {
            "gcs_server_port": head_port,
            "num_cpus": 2,
            "object_store_memory": 200 * 2**20,
            "include_dashboard": False,
        }
        cluster = Cluster(initialize_head=True, head_node_args=head)
        try:
            wait_for(lambda: states(rehearsal) == {StudyState.DELIVERED}, rehearsal)
            rehearsal.stop()
        finally:
            cluster.shutdown()
        assert failures(rehearsal) == 0
        assert log(rehearsal).count("ray-unreachable") == 2
        assert "process died" not in log(rehearsal)
        assert "process killed" not in log(rehearsal)
        assert "(raylet)" not in log(rehearsal)
