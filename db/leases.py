"""Leases: by the owner's name it is known what a dead one held."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, or_
from sqlalchemy.orm import InstrumentedAttribute


def held_by(lease_owner: InstrumentedAttribute[str | None], owners: Collection[str]) -> ColumnElement[bool]:
    """Whether one of ``owners`` holds a lease, or a part of one, as ``worker 1 of UPTAKE on a`` is of that node."""
    parts = (lease_owner.endswith(f" of {owner}", autoescape=True) for owner in owners)
    return or_(lease_owner.in_(owners), *parts)
