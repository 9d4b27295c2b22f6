"""What goes into a column and comes back."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import StatementError

from db.columns import canonical_json, storable
from db.session import Database
from db.states import Disposition
from db.tables import Study

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_canonical_json_survives_a_round_trip_unchanged(value: object) -> None:
    written = canonical_json(value)  # type: ignore[arg-type]
    assert canonical_json(json.loads(written)) == written
    assert written.isascii()


def test_canonical_json_does_not_depend_on_the_order_of_keys() -> None:
    assert (
        canonical_json({"b": 1, "a": [1.0, None]})
        == canonical_json({"a": [1.0, None], "b": 1})
        == '{"a":[1.0,null],"b":1}'
    )


def test_canonical_json_refuses_what_json_lacks() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))


@given(st.text(st.characters()))
def test_storable_text_can_be_encoded_and_holds_no_nul(text: str) -> None:
    stored = storable(text)
    stored.encode("utf-8")
    assert "\0" not in stored
    assert storable(stored) == stored


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("𠮷野^家", "𠮷野^家"),
        ("Διονυσιος", "Διονυσιος"),
        ("a\0b", "a\ufffdb"),
        ("a\udc80b", "a\ufffdb"),
    ],
)
def test_names_are_kept_and_hostile_code_points_replaced(text: str, stored: str) -> None:
    assert storable(text) == stored


def test_a_hostile_name_does_not_stop_intake(database: Database, arrive: Callable[..., Disposition]) -> None:
    assert arrive(patient_name="a\0b\udcff", patient_id="\0") is Disposition.ACCEPTED
    with database.reading() as session:
        assert session.scalars(select(Study.patient_name)).one() == "a\ufffdb\ufffd"


def test_moments_come_back_as_the_same_moment_in_utc(database: Database, arrive: Callable[..., Disposition]) -> None:
    tokyo = datetime(2026, 1, 1, 0, 30, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    arrive(at=tokyo)
    with database.reading() as session:
        moment = session.scalars(select(Study.first_arrival)).one()
    assert moment == tokyo
    assert moment.isoformat() == "2025-12-31T15:30:00.123456+00:00"


def test_a_moment_without_time_zone_is_refused(arrive: Callable[..., Disposition]) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        arrive(at=datetime(2026, 1, 1))
