"""Health: is the node alive, can it do its work, and if not, why."""

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from config.reasons import Reason, Remark
from config.settings import Settings
from db.nodes import nodes
from db.session import Database
from db.states import NodeState
from node.disk import Watermarks
from node.heartbeat import TOO_LONG_S, Heartbeat
from node.lacks import told
from node.spool import Spool
from node.supervisor import Child

_ANSWER_S = 5.0


@dataclass(frozen=True, slots=True)
class Condition:
    """``problems`` keep the node from its work, ``warnings`` soon will, or let studies wait.

    If it is not ``live``, restart it.
    """

    live: bool
    problems: tuple[Remark, ...]
    warnings: tuple[Remark, ...]

    @property
    def ready(self) -> bool:
        """Whether a study that is sent now will be taken, and analysed as soon as what `warnings` name is there."""
        return not self.problems


class Health:
    """Looks at the parts of a running node. For several threads at once."""

    def __init__(self, settings: Settings, database: Database, children: Iterable[Child], heartbeat: Heartbeat) -> None:
        self._address = (settings.listener.host, settings.listener.port)
        self._database = database
        self._watermarks = Watermarks.of(settings)
        self._children = tuple(children)
        self._heartbeat = heartbeat
        self._spool = Spool.of(settings)
        self._workers = range(1, settings.compute.workers + 1)
        self._asking = ThreadPoolExecutor(1, thread_name_prefix="health")
        self._lost: tuple[Remark, ...] = ()

    def condition(self) -> Condition:
        """Look at everything: within seconds, whatever hangs."""
        hangs, shortage, away = self.supervisor(), self._watermarks.shortage(), self.database()
        low = shortage is not None and shortage.reason is Reason.DISK_LOW
        found = (hangs, *self._processes(), self._listener(), away, None if low else shortage)
        lacks = (told(self._spool, number) for number in self._workers)
        soon = (shortage if low else None, *(self._lost if away is None else ()), *lacks)
        return Condition(live=hangs is None, problems=_each_once(found), warnings=_each_once(soon))

    def supervisor(self) -> Remark | None:
        """That the supervisor hangs."""
        age_s = self._heartbeat.age_s
        return Remark(Reason.SUPERVISOR_HANGS, f"Its last round was {age_s:.0f} s ago.") if age_s > TOO_LONG_S else None

    def database(self) -> Remark | None:
        """That the database does not answer."""
        try:
            self._asking.submit(self._ask).result(timeout=_ANSWER_S)
        except TimeoutError:
            return Remark(Reason.DATABASE_UNREACHABLE, f"No answer within {_ANSWER_S:.0f} s.")
        except SQLAlchemyError as error:
            return Remark(Reason.DATABASE_UNREACHABLE, f"{type(error).__name__}.")
        return None

    def _processes(self) -> tuple[Remark, ...]:
        return tuple(
            Remark(Reason.PROCESS_NOT_RUNNING, f"The {child.name}; it has died {child.deaths} times.")
            for child in self._children
            if child.process is None
        )

    def _listener(self) -> Remark | None:
        try:
            socket.create_connection(self._address, timeout=_ANSWER_S).close()
        except OSError as error:
            host, port = self._address
            return Remark(Reason.LISTENER_UNREACHABLE, f"{host}:{port}: {error.strerror or error}.")
        return None

    def _ask(self) -> None:
        with self._database.reading() as session:
            seen = nodes(session)
        self._lost = tuple(
            Remark(Reason.NODE_LOST, f"{one.name}, last heard of at {one.beat_at:%Y-%m-%d %H:%M:%S} UTC by its clock.")
            for one in seen
            if one.state is NodeState.LOST
        )


def _each_once(remarks: Iterable[Remark | None]) -> tuple[Remark, ...]:
    return tuple(dict.fromkeys(remark for remark in remarks if remark is not None))
