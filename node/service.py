"""The service: listener, clerk and worker under one supervisor.

The listener lives in this process. The clerk (intake, completeness, delivery) and the worker (analysis) are processes
of their own, so that neither decoding nor inference delays an acknowledgement, and none can take the node down.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.reasons import Reason, UptakeError
from config.settings import Settings
from db import audit
from db.audit_actions import AuditAction, AuditOutcome
from db.columns import JsonValue
from db.delivery import expire_deliveries, withdraw_deliveries
from db.nodes import give_back, known_destinations
from db.session import Database
from db.upgrade import is_current, upgrade
from db.work import expire_leases
from dicom_io.network.listener import Listener
from node.cluster import Lost, Member
from node.compute import prepare, start_compute
from node.configuration import audit_configuration
from node.disk import DiskWatch, Watermarks
from node.heartbeat import Heartbeat, notify
from node.listener_events import ListenerEvents
from node.log import configure
from node.monitoring import Monitoring
from node.names import delivery_name, listener_name, utc_now, worker_name
from node.spool import Spool
from node.supervisor import Child, Supervisor, repeat

log = structlog.get_logger()

_CHECK_S = 0.5
_POLL_S = 0.2
_EXPORT_POLL_S = 1.0
_EXPIRE_EVERY_S = 10.0
_GRACE_S = 30.0
_LISTENER_GRACE_S = 10.0


def serve(settings: Settings) -> None:
    """Run the node until SIGTERM or SIGINT.

    Raises
    ------
    UptakeError
        If another node works in the spool, the database's schema is not this version's, a bundle that the settings
        name can't be loaded, or, later, the other nodes of a cluster have taken over this one's work (``Lost``).
    OSError
        If the spool can't be written or the port can't be opened.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    spool = Spool.of(settings)
    spool.create()
    with spool.locked():
        prepared, digests = prepare(settings)
        database = _open_database(settings)
        with Member(database, spool, settings, utc_now).joined() as member:
            _recover(database, spool, settings)
            audit_configuration(database, settings, utc_now())
            _run(database, spool, prepared, member, stop, digests)
        database.close()
    log.info("node stopped")


def _run(
    database: Database,
    spool: Spool,
    settings: Settings,
    member: Member,
    stop: threading.Event,
    digests: Mapping[str, str],
) -> None:
    """Have all parts work until ``stop`` is set, or until others have taken over."""
    supervisor = Supervisor(_children(database, settings, digests))
    watermarks = Watermarks.of(settings)
    events = ListenerEvents(database, spool, listener_name(settings))
    listener = Listener(
        settings.listener,
        spool.own,
        settings.spool.minimum_free_mb,
        events,
        congestion=lambda: member.congestion() or watermarks.congestion(),
    )
    heartbeat, disk = Heartbeat(), DiskWatch(watermarks)
    monitoring = Monitoring(settings, database, supervisor.children, heartbeat)
    monitoring.start()
    try:
        listener.start()
    except OSError as error:
        where = f"{settings.listener.host}:{settings.listener.port}"
        raise UptakeError(f"The node can't listen on {where}: {error.strerror or error}.") from error
    leases_checked = time.monotonic()
    grace_s = _GRACE_S
    try:
        supervisor.start()
        _audit_node(database, AuditAction.NODE_STARTED, models=dict(digests))
        log.info("node started", ae_title=settings.listener.ae_title, host=settings.listener.host, port=listener.port)
        notify("READY=1")
        while not stop.wait(_CHECK_S):
            heartbeat.beat()
            member.check()
            with _database_may_be_away():
                supervisor.check()
            if time.monotonic() - leases_checked > _EXPIRE_EVERY_S:
                leases_checked = time.monotonic()
                disk.look()
                with _database_may_be_away():
                    _give_back(database, settings)
                    events.catch_up()
    except Lost:
        grace_s = 0.0
        raise
    finally:
        log.info("node stopping")
        notify("STOPPING=1")
        monitoring.stop()
        listener.stop(min(_LISTENER_GRACE_S, grace_s))
        supervisor.stop(grace_s)
        with _database_may_be_away():
            _audit_node(database, AuditAction.NODE_STOPPED)


def run_clerk(stopping: Callable[[], bool], settings: Settings) -> None:
    """The clerk's process: intake, completeness and retention in turn; a thread for each peer that is asked or told.

    However much comes in, studies are judged at least once a second.
    """
    from node.archive import archives
    from node.audit_export import AuditExport
    from node.commitment import Commitment, CommitmentAnswers
    from node.completeness import Completeness
    from node.delivery import Delivery
    from node.intake import Intake
    from node.retention import Retention
    from node.turns import Turns

    configure(settings.logging)
    spool = Spool.of(settings)
    database = Database.open(settings.database_url)
    intake = Intake(database, spool, listener_name(settings), utc_now)
    asked = archives(settings, utc_now)
    completeness = Completeness(database, spool, settings, utc_now, asked)
    retention = Retention(database, spool, settings, utc_now)
    steps = [CommitmentAnswers(database, spool, settings, utc_now).step, *(archive.step for archive in asked.values())]
    for destination in settings.destinations:
        steps += [part(destination, database, spool, settings, utc_now).step for part in (Delivery, Commitment)]
    exports = [AuditExport(collector, database, settings, utc_now).step for collector in settings.audit_collectors]
    paused = [*((step, _POLL_S) for step in steps), *((step, _EXPORT_POLL_S) for step in exports)]
    threads = [threading.Thread(target=repeat, args=(step, pause_s, stopping)) for step, pause_s in paused]
    for thread in threads:
        thread.start()
    repeat(Turns((intake.step, completeness.step, retention.step)).step, _POLL_S, stopping)
    for thread in threads:
        thread.join()
    database.close()


def run_worker(stopping: Callable[[], bool], settings: Settings, digests: Mapping[str, str], number: int) -> None:
    """A worker's process: one analysis after the other; ``digests``: of the bundles that the node started with."""
    from node.worker import Worker

    configure(settings.logging)
    compute = start_compute(settings, digests)
    database = Database.open(settings.database_url)
    worker = Worker(database, Spool.of(settings), settings, compute, utc_now, number)
    repeat(worker.step, _POLL_S, stopping)
    database.close()


def _open_database(settings: Settings) -> Database:
    if settings.database_url.startswith("sqlite"):
        upgrade(settings.database_url)
    elif not is_current(settings.database_url):
        raise UptakeError("The database's schema is not this version's; run `uptake db upgrade` first.")
    return Database.open(settings.database_url)


def _recover(database: Database, spool: Spool, settings: Settings) -> None:
    """Close what was open when the node last stopped, and give back what its processes held."""
    spool.lose_open_associations()
    journal, attempts = spool.associations(), settings.analysis.maximum_attempts
    with database.transaction() as session:
        given = give_back(session, listener_name(settings), utc_now(), maximum_attempts=attempts, journal=journal)
    if given.associations:
        log.warning("associations were open when the node last stopped", count=given.associations)
    for study_uid in given.studies:
        log.warning("analysis did not end; the study is back in the queue", study=study_uid)
    _withdraw(database, settings)


def _give_back(database: Database, settings: Settings, *, workers: Sequence[int] = (), delivery: bool = False) -> None:
    """Return leases that ran out, and those of workers or of a delivery process that died."""
    now = utc_now()
    with database.transaction() as session:
        dead = [worker_name(settings, number) for number in workers]
        maximum_attempts = settings.analysis.maximum_attempts
        for study_uid in expire_leases(session, now, maximum_attempts=maximum_attempts, dead_owners=dead):
            log.warning("analysis did not end; the study is back in the queue", study=study_uid)
        expire_deliveries(session, now, delivery_name(settings) if delivery else None)


def _withdraw(database: Database, settings: Settings) -> None:
    """Fail what waits for destinations that were taken out of the settings, of all nodes if there are several."""
    names = {destination.name for destination in settings.destinations}
    with database.transaction() as session:
        withdrawn = withdraw_deliveries(session, names | known_destinations(session), utc_now())
    if withdrawn:
        log.warning("deliveries to destinations that are not configured any more", count=withdrawn)


@contextmanager
def _database_may_be_away() -> Iterator[None]:
    """Let the node go on without its database: the journal takes what comes, and what failed is tried again."""
    try:
        yield
    except SQLAlchemyError as error:
        log.warning("database does not answer", reason=Reason.DATABASE_UNREACHABLE, detail=type(error).__name__)


def _children(database: Database, settings: Settings, digests: Mapping[str, str]) -> list[Child]:
    return [
        Child("clerk", run_clerk, (settings,), lambda: _give_back(database, settings, delivery=True)),
        *(
            Child(
                "worker" if number == 1 else f"worker_{number}",
                run_worker,
                (settings, digests, number),
                partial(_give_back, database, settings, workers=(number,)),
            )
            for number in _worker_numbers(settings)
        ),
    ]


def _worker_numbers(settings: Settings) -> range:
    return range(1, settings.compute.workers + 1)


def _audit_node(database: Database, action: AuditAction, **detail: JsonValue) -> None:
    with database.transaction() as session:
        audit.record(
            session,
            action,
            AuditOutcome.SUCCESS,
            utc_now(),
            who="node",
            detail={"version": version("uptake"), "process_id": os.getpid(), **detail},
        )
