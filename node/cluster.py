"""Membership in a cluster: this node says that it lives, looks whether the others do, and takes over from the dead."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Self

import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.reasons import Reason, Remark, UptakeError
from config.settings import Settings
from db.nodes import NodeSeen, beat, inherit, is_gone, join, leave, lose, nodes
from db.session import Database
from db.states import NodeState
from dicom_io.network.admission import Refusal
from node.disk import CONGESTED
from node.names import listener_name
from node.spool import Spool
from node.supervisor import repeat
from node.watch import Watch

log = structlog.get_logger()

BEAT_S = 2.0


class Lost(UptakeError):
    """Others found no sign of life of this node and do its work."""

    def __init__(self) -> None:
        super().__init__("The other nodes found no sign of life of this one and took over its work; start it again.")


class Member:
    """This node among the others; without ``cluster.enabled`` there are none."""

    def __init__(
        self,
        database: Database,
        spool: Spool,
        settings: Settings,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._spool = spool
        self._settings = settings
        self._cluster = settings.cluster
        self._name = listener_name(settings)
        self._clock = clock
        self._monotonic = monotonic
        self._watch: Watch[tuple[str, str]] = Watch(settings.cluster.dead_after_s, monotonic)
        self._incarnation = ""
        self._lives_since = monotonic()
        self._lost = False

    @contextmanager
    def joined(self) -> Iterator[Self]:
        """Be up, and take a step now and then on a thread of its own; at the end be up no more."""
        if not self._cluster.enabled:
            yield self
            return
        self.join()
        leaving = threading.Event()
        steps = threading.Thread(target=repeat, args=(self.step, BEAT_S, leaving.is_set), name="cluster", daemon=True)
        steps.start()
        try:
            yield self
        finally:
            leaving.set()
            steps.join()
            self.leave()

    def join(self) -> None:
        """Be up. Whoever is just taking over from an earlier life of this node ends that first."""
        self._spool.adopt_from_before()
        destinations = [destination.name for destination in self._settings.destinations]
        self._lives_since = self._monotonic()
        with self._database.transaction() as session:
            self._incarnation = join(session, self._cluster.node, self._name, destinations, self._clock())

    def step(self) -> bool:
        """One beat, if database and spool let it, and a look at the others. False, so that a pause follows."""
        self._beat()
        if not self._lost:
            with self._database.reading() as session:
                others = [one for one in nodes(session) if one.name != self._cluster.node]
            beats = {(one.name, one.incarnation): one.beats for one in others if one.state is NodeState.UP}
            dead = self._watch.look(beats)
            for other in others:
                if (other.name, other.incarnation) in dead:
                    self._lose(other)
                elif other.state is not NodeState.UP:
                    self._take_over(other)
        return False

    def check(self) -> None:
        """Raise `Lost` if others have taken over."""
        if self._lost:
            raise Lost

    def congestion(self) -> Refusal | None:
        """Why no association is to be taken: others may have taken over, since this node can't say that it lives.

        They do not find so before, for they start to count when they see the beat, and this node before it beats.
        """
        silent_s = self._monotonic() - self._lives_since
        if not self._cluster.enabled or (silent_s < self._cluster.dead_after_s and not self._lost):
            return None
        return Refusal(Remark(Reason.NODE_LOST, f"It could not beat for {silent_s:.0f} s."), CONGESTED)

    def leave(self) -> None:
        """Be up no more, if the database hears of it."""
        try:
            with self._database.transaction() as session:
                leave(session, self._cluster.node, self._incarnation, self._clock())
        except SQLAlchemyError as error:
            log.warning("the other nodes are not told", node=self._cluster.node, detail=type(error).__name__)

    def _beat(self) -> None:
        now_s = self._monotonic()
        self._spool.touch()
        with self._database.transaction() as session:
            lives = beat(session, self._cluster.node, self._incarnation, self._clock())
        if lives:
            self._lives_since = now_s
        elif not self._lost:
            self._lost = True
            log.error("this node was found lost", node=self._cluster.node, reason=Reason.NODE_LOST)

    def _lose(self, other: NodeSeen) -> None:
        attempts = self._settings.analysis.maximum_attempts
        journal = self._spool.of_node(other.name).associations()
        with self._database.transaction() as session:
            given = lose(session, other, self._name, self._clock(), maximum_attempts=attempts, journal=journal)
        if given is not None:
            events = log.bind(node=other.name, reason=Reason.NODE_LOST)
            events.error("node lost", studies=len(given.studies), deliveries=given.deliveries)

    def _take_over(self, other: NodeSeen) -> None:
        left = self._spool.of_node(other.name)
        if left.is_empty():
            return
        with self._database.transaction() as session:
            if is_gone(session, other.name):
                inherit(session, left.associations(), self._name)
                self._spool.adopt(left)
                log.warning("journal of another node taken over", node=other.name)
