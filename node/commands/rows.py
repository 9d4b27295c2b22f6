"""Rows of an answer: a table for people, JSON or CSV for programs."""

import csv
import dataclasses
import json
import sys
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from node.commands.output import console, print_json

Csv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]

_WIDER_THAN_ANY = 1_000_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def print_rows(kind: type, rows: Sequence[Any], *, as_json: bool, as_csv: bool) -> None:
    """Print dataclasses of one ``kind``; its fields are the columns, whether there are rows or not."""
    columns = [field.name for field in dataclasses.fields(kind)]
    values = [[getattr(row, column) for column in columns] for row in rows]
    if as_json:
        print_json([dict(zip(columns, map(_json, row), strict=True)) for row in values])
    elif as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in values)
    else:
        _print_table(columns, [[visible(_text(value)) for value in row] for row in values])


def visible(text: str) -> str:
    """``text`` without what would act on a terminal; headers and peers send anything."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cf") else c for c in text)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A line a row where they fit into the terminal, else a line a value, without those that are empty."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*row)
    unlimited = console.options.update(width=_WIDER_THAN_ANY)
    if console.measure(table, options=unlimited).maximum <= console.width:
        console.print(table)
        return
    for row in rows:
        fields = Table.grid("", "", padding=(0, 2))
        for column, value in zip(columns, row, strict=True):
            if value:
                fields.add_row(column, value)
        console.print(fields, "")


def _json(value: Any) -> Any:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, float):
        return f"{value:.2f}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)


def _cell(value: Any) -> Any:
    """A spreadsheet would run text that begins like a formula, so that such text gets an apostrophe before it."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    value = _json(value)
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
