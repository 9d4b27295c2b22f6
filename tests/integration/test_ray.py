"""Analysis on a Ray cluster of three nodes on this machine, the first of which has no room for an analysis."""

import os
import signal
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from structlog.testing import capture_logs

# Read when Ray is imported: nothing listens beyond loopback, and nothing is reported to anybody.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
pytest.importorskip("ray")

import ray
from ray.cluster_utils import Cluster

from config.reasons import Reason, Refused, Remark
from config.settings import AnalysisSettings, Compute, Settings
from config.settings import Models as ModelSettings
from config.tracers import PROFILES, Tracer
from db.audit_actions import AuditAction
from db.states import StudyState
from dicom_io.scanner.study import WrittenStudy
from inference.options import Options
from node.compute import Unavailable, prepare, start_compute
from node.lacks import told
from node.models import Models
from node.ray_analyst import Analyst
from node.ray_cluster import RayCluster
from node.worker import Worker

Write = Callable[..., WrittenStudy]

STORE_BYTES = 200 * 2**20
NODE = {"num_cpus": 1, "object_store_memory": STORE_BYTES}
FDG = Options(PROFILES[Tracer.FDG])


class Stalled(Analyst):
    """Hangs in its first analysis and leaves a note of where it does; the next one is as usual."""

    def load(self, settings):
        self._note = settings.spool.folder / "stalled"
        return super().load(settings)

    def analyse(self, *arguments):
        if not self._note.exists():
            self._note.write_text(f"{ray.get_runtime_context().get_node_id()} {os.getpid()}")
            time.sleep(60)
        return super().analyse(*arguments)


class Foreign(Analyst):
    def version(self):
        return "0.0.1"


class Refusing(Analyst):
    def analyse(self, *arguments):
        raise Refused(Reason.BUNDLE_CHANNELS, "There is no CT.")


class Greedy(Analyst):
    def analyse(self, *arguments):
        return np.ones(2**32, np.uint8)


class Indiscreet(Analyst):
    def load(self, settings):
        raise Refused(Reason.INTERNAL_ERROR, f"{settings.database_url} {settings.destinations} {settings.spool.folder}")


class Failing(Analyst):
    def analyse(self, *arguments):
        raise ZeroDivisionError("of the actor")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    head = {"num_cpus": 0, "object_store_memory": STORE_BYTES, "include_dashboard": False}
    running = Cluster(initialize_head=True, head_node_args=head)
    for _ in range(2):
        running.add_node(**NODE)
    yield running
    ray.shutdown()
    running.shutdown()


@pytest.fixture
def compute(cluster: Cluster) -> Iterator[Compute]:
    yield Compute(engine="ray", address=cluster.address, place_within_s=100)
    ray.shutdown()


@pytest.fixture
def equip(start_node, compute: Compute):
    """A node with a worker that analyses on the cluster; keyword arguments are sections of the settings."""

    def make(analyst: type[Analyst] = Analyst, **sections: object):
        node = start_node(**({"compute": compute} | sections))
        work_with(node, RayCluster(node.settings, prepare(node.settings)[1], analyst))
        return node

    return make


def work_with(node, compute) -> None:
    node.worker = Worker(node.database, node.spool, node.settings, compute, lambda: node.now)


def analysed(node, study: WrittenStudy):
    node.receive(study.files)
    node.run()
    node.wait()
    return node.study(study.study_uid)


def lacks(node) -> Reason | None:
    remark = told(node.spool, 1)
    return None if remark is None else remark.reason


def failures(node) -> list[str]:
    return [event.detail["reason"] for event in node.audit() if event.action is AuditAction.ANALYSIS_FAILED]


def results(node, study: WrittenStudy) -> dict[str, bytes]:
    folder = node.spool.result_folder(study.study_uid, 1)
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100.0
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_results_are_to_the_byte_those_of_a_node_by_itself(
    equip, start_node, write: Write, make_bundle, make_location_bundle, make_caption_bundle, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "lesions")
    make_location_bundle(tmp_path / "models" / "where", location="right kidney")
    make_caption_bundle(tmp_path / "models" / "words", location="right kidney", finding="low density lesion")
    models = ModelSettings(
        folder=tmp_path / "models",
        lesion_segmentation={Tracer.FDG: "lesions"},
        location_retrieval="where",
        captioning="words",
    )
    by_itself, on_cluster = start_node(models=models), equip(models=models)
    work_with(by_itself, start_compute(by_itself.settings, {}))
    study = write()
    details = [analysed(node, study) for node in (by_itself, on_cluster)]
    assert [detail.summary.state for detail in details] == [StudyState.ENCODED] * 2
    assert {"seg.dcm", "sr.dcm"} <= results(by_itself, study).keys()
    assert results(on_cluster, study) == results(by_itself, study)


def test_arrays_that_cannot_be_written_to_are_analysed_as_well(volumes) -> None:
    suv, ct = volumes["suv"], volumes["ct"]
    writable = Models(Settings()).analyse(suv, ct, FDG)
    for volume in (suv, ct):
        volume.values.setflags(write=False)
    read_only = Models(Settings()).analyse(suv, ct, FDG)
    assert read_only.findings == writable.findings
    assert np.array_equal(read_only.labels, writable.labels)


def test_a_node_that_dies_in_the_middle_of_an_analysis_loses_nothing(
    equip, cluster: Cluster, start_node, write: Write
) -> None:
    node, undisturbed, study = equip(Stalled), start_node(), write()
    note = node.settings.spool.folder / "stalled"

    def kill_its_node() -> None:
        wait_for(lambda: note.exists() and " " in note.read_text())
        (lost,) = [one for one in cluster.list_all_nodes() if one.node_id == note.read_text().split()[0]]
        cluster.remove_node(lost, allow_graceful=False)

    killer = threading.Thread(target=kill_its_node)
    killer.start()
    try:
        analysed(node, study)
        killer.join()
        wait_for(lambda: node.wait() or node.study(study.study_uid).summary.state is StudyState.ENCODED)
    finally:
        cluster.add_node(**NODE)
    analysed(undisturbed, study)
    assert results(node, study) == results(undisturbed, study)
    assert failures(node) == [Reason.WORKER_DIED]


def test_a_process_that_is_killed_in_the_middle_of_an_analysis_loses_nothing(equip, write: Write) -> None:
    node, study = equip(Stalled), write()
    note = node.settings.spool.folder / "stalled"

    def kill_it() -> None:
        wait_for(lambda: note.exists() and " " in note.read_text())
        psutil.Process(int(note.read_text().split()[1])).kill()

    killer = threading.Thread(target=kill_it)
    killer.start()
    analysed(node, study)
    killer.join()
    node.wait(10.0)
    assert node.study(study.study_uid).summary.state is StudyState.ENCODED
    assert failures(node) == [Reason.WORKER_DIED]


def test_while_the_cluster_is_away_studies_wait_and_the_log_says_so_once(
    start_node, equip, write: Write, port_base: int
) -> None:
    away = start_node(compute=Compute(engine="ray", address=f"127.0.0.1:{port_base}"))
    work_with(away, start_compute(away.settings, {}))
    study = write()
    with capture_logs() as said:
        detail = analysed(away, study)
        away.wait(10.0)
    assert detail.summary.state is StudyState.COMPLETE
    assert failures(away) == []
    told = [event["reason"] for event in said if event["event"] == "nothing can be analysed"]
    assert told == [Reason.RAY_UNREACHABLE]
    assert lacks(away) is Reason.RAY_UNREACHABLE
    work_with(away, RayCluster(equip().settings, {}))
    away.wait(10.0)
    assert away.study(study.study_uid).summary.state is StudyState.ENCODED
    assert lacks(away) is None


def test_a_cluster_without_room_is_told_within_the_time_set(start_node, cluster: Cluster) -> None:
    wanted = Compute(engine="ray", address=cluster.address, actor_cpus=2, place_within_s=1)
    node = start_node(compute=wanted)
    with pytest.raises(Unavailable, match="ray-full: No node had 2 CPUs and 0 GPUs free within 1 s"):
        RayCluster(node.settings, {}).ready()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("Version mismatch: Ray 2.52.0 there, 2.60.0 here"), Reason.RAY_DIFFERS),
        (ConnectionError("Failed to connect to Ray cluster"), Reason.RAY_UNREACHABLE),
    ],
)
def test_a_cluster_that_does_not_take_the_node_is_told(
    start_node, compute: Compute, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: Reason
) -> None:
    def turned_away(**_: object) -> None:
        raise error

    monkeypatch.setattr(ray, "init", turned_away)
    with pytest.raises(Unavailable) as told:
        RayCluster(start_node(compute=compute).settings, {}).ready()
    assert told.value.remark == Remark(reason, str(error))


def test_a_ray_node_on_which_uptake_is_not_installed_is_told(start_node, compute: Compute) -> None:
    class OnlyHere(Analyst): ...

    OnlyHere.__module__, OnlyHere.__qualname__ = "only_here", "OnlyHere"
    sys.modules["only_here"] = types.ModuleType("only_here")
    sys.modules["only_here"].OnlyHere = OnlyHere
    with pytest.raises(Unavailable, match="ray-differs: ModuleNotFoundError: No module named 'only_here'"):
        RayCluster(start_node(compute=compute).settings, {}, OnlyHere).ready()
    del sys.modules["only_here"]


def test_another_version_of_uptake_is_not_used(start_node, compute: Compute) -> None:
    node = start_node(compute=compute)
    with pytest.raises(Unavailable, match=r"ray-differs: It has uptake 0\.0\.1, expected"):
        RayCluster(node.settings, {}, Foreign).ready()


def test_a_bundle_that_has_changed_since_the_start_is_not_used(
    start_node, compute: Compute, make_bundle, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "models" / "toy")
    models = ModelSettings(folder=tmp_path / "models", lesion_segmentation={Tracer.FDG: "toy"})
    node = start_node(compute=compute, models=models)
    with pytest.raises(Unavailable, match=r"ray-differs: Its bundle toy has the digest .*, expected 0000"):
        RayCluster(node.settings, {"toy": "0000"}).ready()


def test_a_refusal_is_one(equip, write: Write) -> None:
    detail = analysed(equip(Refusing), write())
    assert detail.summary.state is StudyState.REJECTED
    assert detail.summary.reason == Reason.BUNDLE_CHANNELS


@pytest.mark.parametrize(("analyst", "reason"), [(Greedy, Reason.OUT_OF_MEMORY), (Failing, Reason.INTERNAL_ERROR)])
def test_a_failure_has_its_reason_and_is_tried_again(equip, write: Write, analyst: type[Analyst], reason: str) -> None:
    node = equip(analyst, analysis=AnalysisSettings(memory_budget_mb=3000, maximum_attempts=2))
    with capture_logs():  # whose traces would be long
        detail = analysed(node, write())
    assert detail.summary.state is StudyState.FAILED
    assert failures(node) == [reason] * 2


def test_the_worker_still_ends_when_told_to_and_reports_to_nobody(equip) -> None:
    before = signal.getsignal(signal.SIGTERM)
    node = equip()
    assert node.worker.step() is False
    assert signal.getsignal(signal.SIGTERM) is before
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


def test_an_actor_is_told_where_to_look_and_no_secret(compute: Compute, tmp_path: Path) -> None:
    settings = Settings(
        compute=compute,
        database={"url": "postgresql+psycopg://node:secret@db.hospital/uptake"},
        destinations=[{"name": "pacs", "ae_title": "PACS", "host": "pacs.hospital", "port": 104}],
        spool={"folder": tmp_path},
    )
    with pytest.raises(Refused) as told:
        RayCluster(settings, {}, Indiscreet).ready()
    assert told.value.detail == f"sqlite:///{tmp_path}/uptake.db () {tmp_path}"
