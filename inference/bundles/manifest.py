"""Manifest: nested values as TOML, in the order given."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def as_toml(values: Mapping[str, Any]) -> str:
    """TOML 1.0 of strings, numbers, booleans, lists, and tables of these.

    Lists of tables become arrays of tables at the top level and inline tables below it.
    """
    return "\n".join(_table(values, ())) + "\n"


def _table(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    nested = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    arrays = {key: value for key, value in values.items() if not path and _is_list_of_tables(value)}
    for key, value in values.items():
        if key not in nested and key not in arrays:
            yield f"{_key(key)} = {_value(value)}"
    for key, tables in arrays.items():
        for table in tables:
            yield f"\n[[{_key(key)}]]"
            yield from _table(table, (key,))
    for key, table in nested.items():
        inner = (*path, key)
        yield f"\n[{'.'.join(map(_key, inner))}]"
        yield from _table(table, inner)


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else _string(key)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no place in a manifest")


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
