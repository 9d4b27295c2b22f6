"""The nodes of a cluster: which of them live, and what becomes of what a dead one held.

A node that lives counts up its ``beats``. Others look at that counter, never at its clock. Once it is not up any more,
its beat fails: it knows then that others do its work, and ends. Every function takes a session of
`db.session.Database.transaction`.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from config.reasons import UptakeError
from db import audit
from db.associations import lose_open_associations
from db.audit_actions import AuditAction, AuditOutcome
from db.audit_export import release_exports
from db.columns import JsonValue
from db.commitment import release_commitments
from db.delivery import expire_deliveries
from db.states import NodeState
from db.tables import Association, Node
from db.work import expire_leases


class NodeRemains(UptakeError):
    """A node can't be forgotten: there is no such node, or it is up."""


@dataclass(frozen=True, slots=True)
class NodeSeen:
    """A node at one moment; ``beat_at`` is by its own clock."""

    name: str
    listener: str
    incarnation: str
    state: NodeState
    beats: int
    started_at: datetime
    beat_at: datetime


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What a dead node held: studies under analysis, by UID, and the numbers of all else."""

    studies: tuple[str, ...]
    deliveries: int
    commitments: int
    associations: int


def nodes(session: Session) -> tuple[NodeSeen, ...]:
    """All nodes that ever joined, by name. Reads only."""
    return tuple(
        NodeSeen(row.name, row.listener, row.incarnation, row.state, row.beats, row.started_at, row.beat_at)
        for row in session.scalars(select(Node).order_by(Node.name))
    )


def known_destinations(session: Session) -> frozenset[str]:
    """The names of the destinations of all nodes that are up. Reads only."""
    known = session.scalars(select(Node.destinations).where(Node.state == NodeState.UP))
    return frozenset(str(name) for names in known for name in cast(list[str], names))


def join(session: Session, name: str, listener: str, destinations: Collection[str], now: datetime) -> str:
    """A node starts; its new incarnation, which an earlier one of the same name that still runs will miss."""
    row = session.get(Node, name, with_for_update=True)
    if row is None:
        row = Node(name=name, beats=0)
        session.add(row)
    row.listener, row.destinations, row.state = listener, sorted(destinations), NodeState.UP
    row.incarnation = uuid.uuid4().hex
    row.started_at = row.beat_at = now
    return row.incarnation


def beat(session: Session, name: str, incarnation: str, now: datetime) -> bool:
    """A node lives. False if it was found lost, or has another incarnation: then it must do no more."""
    return _touch(session, name, incarnation, beats=Node.beats + 1, beat_at=now)


def leave(session: Session, name: str, incarnation: str, now: datetime) -> bool:
    """A node stops in order. What still lies in its journal others may take over."""
    return _touch(session, name, incarnation, state=NodeState.STOPPED, beat_at=now)


def lose(
    session: Session, seen: NodeSeen, by: str, now: datetime, *, maximum_attempts: int, journal: Collection[str]
) -> GivenBack | None:
    """A node was found dead ``by`` another: what it held is given back. None if it has moved since it was ``seen``.

    Its associations are lost, except for those of which intake has yet to take the ``journal``.
    """
    row = session.get(Node, seen.name, with_for_update=True, populate_existing=True)
    if row is None or (row.incarnation, row.state, row.beats) != (seen.incarnation, NodeState.UP, seen.beats):
        return None
    row.state = NodeState.LOST
    given = give_back(session, row.listener, now, maximum_attempts=maximum_attempts, journal=journal)
    detail: dict[str, JsonValue] = {
        "node": seen.name,
        "found": f"It stood still at beat {seen.beats}.",
        "studies": list(given.studies),
        "deliveries": given.deliveries,
        "commitments": given.commitments,
        "associations": given.associations,
    }
    audit.record(session, AuditAction.NODE_LOST, AuditOutcome.WARNING, now, who=by, detail=detail)
    return given


def give_back(
    session: Session, listener: str, now: datetime, *, maximum_attempts: int, journal: Collection[str]
) -> GivenBack:
    """Give back all that a node held that does not live, or starts anew, as in `lose`."""
    release_exports(session, listener)
    return GivenBack(
        studies=expire_leases(session, now, maximum_attempts=maximum_attempts, dead_owners=[listener]),
        deliveries=expire_deliveries(session, now, listener),
        commitments=release_commitments(session, listener, now),
        associations=lose_open_associations(session, listener, now, except_for=journal),
    )


def is_gone(session: Session, name: str) -> bool:
    """Whether a node is not up; then it is so until the transaction ends, for which a node that starts waits."""
    row = session.get(Node, name, with_for_update=True, populate_existing=True)
    return row is not None and row.state is not NodeState.UP


def forget(session: Session, name: str, who: str, now: datetime) -> None:
    """A node will not come back, says somebody; raises `NodeRemains`."""
    row = session.get(Node, name, with_for_update=True)
    if row is None:
        raise NodeRemains(f"There is no node {name}.")
    if row.state is NodeState.UP:
        raise NodeRemains(f"{name} is up; stop it first.")
    session.delete(row)
    audit.record(session, AuditAction.NODE_FORGOTTEN, AuditOutcome.SUCCESS, now, who=who, detail={"node": name})


def inherit(session: Session, associations: Collection[str], listener: str) -> None:
    """Of those of these associations that are open another listener sees to the end."""
    open_ones = (Association.id.in_(associations), Association.closed_at.is_(None))
    session.execute(update(Association).where(*open_ones).values(listener=listener))


def _touch(session: Session, name: str, incarnation: str, **values: Any) -> bool:
    mine = (Node.name == name, Node.incarnation == incarnation, Node.state == NodeState.UP)
    result = session.execute(update(Node).where(*mine).values(**values))
    return cast(CursorResult[Any], result).rowcount == 1
