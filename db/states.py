"""States of studies and deliveries, the transitions that exist, and the other closed vocabularies of the database."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from config.reasons import UptakeError


class StudyState(StrEnum):
    """Where a study is on its way; ``REJECTED`` and ``FAILED`` carry a reason."""

    RECEIVING = "receiving"
    COMPLETE = "complete"
    ANALYSING = "analysing"
    ENCODED = "encoded"
    DELIVERED = "delivered"
    COMMITTED = "committed"
    REJECTED = "rejected"
    FAILED = "failed"


class DeliveryState(StrEnum):
    """Where one result object is on its way to one destination.

    ``REFUSED``: the destination said no for good, and a person must decide. ``REPLACED``: it does not take this kind
    and gets another instead. ``OMITTED``: it does not take this kind and can do without. ``FAILED``: attempts are
    exhausted. ``SUPERSEDED``: not sent any more because its study has a newer revision. ``UNCOMMITTED``: sent, and the
    destination has yet to say that it will keep it (PS3.4 Annex J); then it is ``COMMITTED``.
    """

    PENDING = "pending"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    REPLACED = "replaced"
    OMITTED = "omitted"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    UNCOMMITTED = "uncommitted"
    COMMITTED = "committed"


class Disposition(StrEnum):
    """What became of an instance that arrived.

    ``DUPLICATE`` is an answer only: the row it repeats is counted up. ``RETURNED``: a result object of this node.
    ``EXPIRED``: the retention policy says that its file be deleted; until that is done, it still has a path.
    """

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    REJECTED = "rejected"
    RETURNED = "returned"
    EXPIRED = "expired"


class AssociationOutcome(StrEnum):
    """How an association ended; ``LOST``: the node stopped before it did."""

    RELEASED = "released"
    ABORTED = "aborted"
    LOST = "lost"


class ReportOutcome(StrEnum):
    """What a report says. ``NOT_ANALYSED``: the study can't be analysed honestly; an analysis that failed has none."""

    LESIONS = "lesions"
    NO_LESIONS = "no-lesions"
    NOT_ANALYSED = "not-analysed"


class NodeState(StrEnum):
    """Where a node of a cluster is; ``LOST``: others found no sign of life. What it leaves, they take over."""

    UP = "up"
    STOPPED = "stopped"
    LOST = "lost"


class IllegalTransition(UptakeError):
    """A state change that the table of transitions does not hold: a defect of the caller, nothing was changed."""


State = TypeVar("State", StudyState, DeliveryState)

STUDY_TRANSITIONS: Mapping[StudyState, frozenset[StudyState]] = {
    StudyState.RECEIVING: frozenset({StudyState.COMPLETE, StudyState.REJECTED}),
    StudyState.COMPLETE: frozenset({StudyState.ANALYSING, StudyState.RECEIVING}),
    StudyState.ANALYSING: frozenset(
        {StudyState.ENCODED, StudyState.COMPLETE, StudyState.REJECTED, StudyState.FAILED, StudyState.RECEIVING}
    ),
    StudyState.ENCODED: frozenset({StudyState.DELIVERED, StudyState.FAILED, StudyState.RECEIVING}),
    StudyState.DELIVERED: frozenset(
        {StudyState.COMMITTED, StudyState.ENCODED, StudyState.FAILED, StudyState.RECEIVING}
    ),
    StudyState.COMMITTED: frozenset({StudyState.RECEIVING}),
    StudyState.REJECTED: frozenset({StudyState.RECEIVING}),
    StudyState.FAILED: frozenset({StudyState.COMPLETE, StudyState.ENCODED, StudyState.RECEIVING}),
}

DELIVERY_TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.SENDING, DeliveryState.FAILED, DeliveryState.SUPERSEDED}),
    DeliveryState.SENDING: frozenset(
        {
            DeliveryState.SENT,
            DeliveryState.UNCOMMITTED,
            DeliveryState.PENDING,
            DeliveryState.REFUSED,
            DeliveryState.REPLACED,
            DeliveryState.OMITTED,
            DeliveryState.FAILED,
            DeliveryState.SUPERSEDED,
        }
    ),
    DeliveryState.SENT: frozenset(),
    DeliveryState.REFUSED: frozenset({DeliveryState.PENDING}),
    DeliveryState.REPLACED: frozenset(),
    DeliveryState.OMITTED: frozenset(),
    DeliveryState.FAILED: frozenset({DeliveryState.PENDING}),
    DeliveryState.SUPERSEDED: frozenset({DeliveryState.PENDING}),
    DeliveryState.UNCOMMITTED: frozenset(
        {
            DeliveryState.COMMITTED,
            DeliveryState.PENDING,
            DeliveryState.SENT,
            DeliveryState.REFUSED,
            DeliveryState.FAILED,
            DeliveryState.SUPERSEDED,
        }
    ),
    DeliveryState.COMMITTED: frozenset(),
}

HELD = frozenset({DeliveryState.SENT, DeliveryState.UNCOMMITTED, DeliveryState.COMMITTED})
"""States in which the destination has said that it has stored the object."""


def transition(table: Mapping[State, frozenset[State]], current: State, to: State) -> State:
    """The state ``to``, if ``table`` allows to go there from ``current``.

    Raises
    ------
    IllegalTransition
        If it does not.
    """
    if to not in table[current]:
        allowed = ", ".join(sorted(table[current])) or "nothing"
        raise IllegalTransition(f"From {current} to {to}: not a transition; {current} leads to {allowed}.")
    return to
