"""Column types that mean the same in SQLite and PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, DateTime, Dialect, Enum, Text, bindparam
from sqlalchemy.types import TypeDecorator

JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]


def canonical_json(value: JsonValue) -> str:
    """JSON with sorted keys, no spaces and ASCII only: one text for one value.

    Raises ``ValueError`` for NaN and infinities, which JSON does not have.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def storable(text: str) -> str:
    """``text`` with U+FFFD for what no database stores: NUL and lone surrogates. Headers hold such things."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def coded(vocabulary: type[StrEnum]) -> Enum:
    """A column that holds a member of an enumeration as its value."""
    return Enum(vocabulary, native_enum=False, length=64, values_callable=lambda members: [m.value for m in members])


def inline(member: StrEnum) -> BindParameter[str]:
    """A member of an enumeration written into the statement: one with a parameter finds no index of some rows only."""
    return bindparam(None, member.value, literal_execute=True)


class StorableText(TypeDecorator[str]):
    """Text from anywhere; see `storable`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: timezone-aware in Python, UTC in the database. A naive datetime is a ``ValueError``."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone; moments are stored in UTC.")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class CanonicalJson(TypeDecorator[Any]):
    """A JSON value, stored as the text of `canonical_json`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: JsonValue, dialect: Dialect) -> str:
        return canonical_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)
