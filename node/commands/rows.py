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
        table = Table(*columns)
        for row in values:
            table.add_row(*(visible(_text(value)) for value in row))
        console.print(table)


def visible(text: str) -> str:
    """``text`` without what would act on a terminal; headers and peers send anything."""
    return "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cf") else c for c in text)


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
