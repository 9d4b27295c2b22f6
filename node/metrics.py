"""Metrics for Prometheus: what the database, the spool and the processes say at the moment they are asked."""

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from config.reasons import Reason
from config.settings import Settings
from db.metrics import UNDER_WAY, Queues, queues
from db.nodes import NodeSeen, nodes
from db.session import Database
from db.states import DeliveryState, NodeState, StudyState
from node.disk import MIB
from node.health import Health
from node.spool import Spool
from node.supervisor import Child
from node.tally import Tally

Labels = TypeVar("Labels", bound=tuple[str, ...])

_TURN_S = 3.0
_PROBLEMS = (
    Reason.SUPERVISOR_HANGS,
    Reason.PROCESS_NOT_RUNNING,
    Reason.LISTENER_UNREACHABLE,
    Reason.DATABASE_UNREACHABLE,
    Reason.DISK_FULL,
    Reason.DISK_LOW,
    Reason.NODE_LOST,
    Reason.RAY_UNREACHABLE,
    Reason.RAY_FULL,
    Reason.RAY_DIFFERS,
)


def node_registry(
    settings: Settings,
    database: Database,
    children: Sequence[Child],
    health: Health,
    clock: Callable[[], datetime],
) -> CollectorRegistry:
    """Everything that is measured of a running node."""
    # They would say when the process began, not when the counting did.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    registry.register(_Node(settings, children, health))
    registry.register(_Stored(settings, database, health, clock))
    registry.register(_Processes(children))
    return registry


class _Node(Collector):
    """What can be said without the database."""

    def __init__(self, settings: Settings, children: Sequence[Child], health: Health) -> None:
        self._spool = Spool.of(settings)
        self._marks = {
            ("warn",): settings.disk.warn_below_mb,
            ("associations",): settings.disk.refuse_below_mb,
            ("instances",): settings.spool.minimum_free_mb,
        }
        self._children = children
        self._health = health

    def collect(self) -> Iterator[Metric]:
        condition = self._health.condition()
        said = {remark.reason for remark in (*condition.problems, *condition.warnings)}
        yield _gauge("uptake_build_info", "Version of the node.", ("version",), {(version("uptake"),): 1})
        yield _gauge("uptake_ready", "Whether a study sent now will be taken.", (), {(): condition.ready})
        told = {(reason,): reason in said for reason in {*_PROBLEMS, *said}}
        yield _gauge("uptake_problem", "What /health says is wrong.", ("reason",), told)
        running = {(child.name,): child.process is not None for child in self._children}
        yield _gauge("uptake_process_up", "Whether the process of a role runs.", ("role",), running)
        deaths = {(child.name,): child.deaths for child in self._children}
        yield _counter("uptake_process_deaths", "Processes of a role that died.", ("role",), deaths)
        yield from self._disk()
        yield from self._journal()

    def _disk(self) -> Iterator[Metric]:
        marks = {mark: mark_mb * MIB for mark, mark_mb in self._marks.items()}
        yield _gauge("uptake_disk_mark_bytes", "Free bytes below which somebody is told.", ("mark",), marks)
        try:
            usage = shutil.disk_usage(self._spool.folder)
        except OSError:  # then there is nothing to tell but the problem that health has found
            return
        yield _gauge("uptake_disk_free_bytes", "Free on the spool's disk.", (), {(): usage.free})
        yield _gauge("uptake_disk_size_bytes", "Size of the spool's disk.", (), {(): usage.total})

    def _journal(self) -> Iterator[Metric]:
        waiting, oldest_at = _journal(self._spool.incoming)
        age_s = max(0.0, time.time() - oldest_at) if waiting else 0.0
        yield _gauge(
            "uptake_journal_instances", "Acknowledged instances that intake has yet to take.", (), {(): waiting}
        )
        yield _gauge("uptake_journal_oldest_seconds", "Age of the oldest of them.", (), {(): age_s})


class _Processes(Collector):
    """What the client library says of a process, of each that the node has."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._of_role = {"node": ProcessCollector("uptake", registry=None)}
        self._of_role |= {child.name: ProcessCollector("uptake", child.process_id, registry=None) for child in children}

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for role, process in self._of_role.items():
            for found in process.collect():
                family = families.setdefault(
                    found.name, Metric(found.name, found.documentation, found.type, found.unit)
                )
                for sample in found.samples:
                    family.add_sample(sample.name, {"role": role}, sample.value)
        yield from families.values()


class _Stored(Collector):
    """What the database says; ``uptake_database_up`` alone while it does not answer."""

    def __init__(self, settings: Settings, database: Database, health: Health, clock: Callable[[], datetime]) -> None:
        self._destinations = [destination.name for destination in settings.destinations]
        self._database = database
        self._health = health
        self._clock = clock
        self._tally = Tally()
        self._turn = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        up = self._health.database() is None
        yield _gauge("uptake_database_up", "Whether the database answers.", (), {(): up})
        if up:
            with self._database.reading() as session:
                yield from self._queues(queues(session))
                yield _nodes(nodes(session))
            yield from self._counted()

    def _counted(self) -> tuple[Metric, ...]:
        """Nothing for who comes while a long trail is being read for the first time."""
        if not self._turn.acquire(timeout=_TURN_S):
            return ()
        try:
            with self._database.reading() as session:
                self._tally.update(session)
            return tuple(metric for one in self._tally.metrics for metric in one.collect())
        finally:
            self._turn.release()

    def _queues(self, found: Queues) -> Iterator[Metric]:
        now = self._clock()
        studies = {(state,): found.studies.get(state, 0) for state in StudyState}
        yield _gauge("uptake_studies", "Studies by state.", ("state",), studies)
        ages = {(state,): _age_s(found.since.get(state), now) for state in UNDER_WAY}
        yield _gauge("uptake_study_oldest_seconds", "How long a study is in a state already.", ("state",), ages)
        yield _gauge(
            "uptake_studies_reasons",
            "Studies that ended badly or wait for another try, by reason.",
            ("state", "reason"),
            found.study_reasons,
        )
        names = sorted({*self._destinations, *(destination for destination, _ in found.deliveries)})
        counts = {(name, state): found.deliveries.get((name, state), 0) for name in names for state in DeliveryState}
        yield _gauge("uptake_deliveries", "Result objects by destination and state.", ("destination", "state"), counts)
        due = {(name,): _age_s(found.due_since.get(name), now) for name in names}
        yield _gauge("uptake_delivery_oldest_seconds", "How long a result waits already.", ("destination",), due)
        yield _gauge(
            "uptake_deliveries_reasons",
            "Result objects that were not taken or wait for another try, by reason.",
            ("destination", "reason"),
            found.delivery_reasons,
        )
        yield _gauge("uptake_associations_open", "Associations under way.", (), {(): found.open_associations})
        arrivals = {(disposition,): count for disposition, count in found.arrivals.items()}
        yield _counter(
            "uptake_instances", "Instances that intake took, by what became of them.", ("disposition",), arrivals
        )


def _nodes(seen: Sequence[NodeSeen]) -> Metric:
    states = {(one.name, state): one.state is state for one in seen for state in NodeState}
    return _gauge("uptake_nodes", "Which state a node of the cluster is in.", ("node", "state"), states)


def _gauge(name: str, text: str, labels: Sequence[str], values: Mapping[Labels, float]) -> Metric:
    return _filled(GaugeMetricFamily(name, text, labels=labels), values)


def _counter(name: str, text: str, labels: Sequence[str], values: Mapping[Labels, float]) -> Metric:
    return _filled(CounterMetricFamily(name, text, labels=labels), values)


def _filled(
    family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[Labels, float]
) -> GaugeMetricFamily | CounterMetricFamily:
    for labels, value in values.items():
        family.add_metric([str(label) for label in labels], float(value))
    return family


def _age_s(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


def _journal(incoming: Path) -> tuple[int, float]:
    """How many instances wait in the journal, and when the oldest was written; intake may be removing them."""
    count, oldest_at = 0, time.time()
    for folder, _, names in os.walk(incoming):
        instances = [name for name in names if name.endswith(".dcm")]
        count += len(instances)
        if instances:
            with contextlib.suppress(FileNotFoundError):
                oldest_at = min(oldest_at, (Path(folder) / min(instances)).stat().st_mtime)
    return count, oldest_at
