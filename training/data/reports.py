"""Reports: a table that says where the lesions of many cases lie and what the CT shows there.

A row is a lesion. Columns, in any order, others are passed over:

- ``case``: the case's folder.
- ``component``: the lesion's number in the mask; in a binary mask they count from 1, the hottest first.
- ``point``: instead of a component, a point in or near the lesion, ``x y z`` in mm as viewers of NIfTI show it (RAS).
- ``location``: id (``L083``), name, or words that mean one leaf (``wording``).
- ``ct_finding``: one of ``inference.captioning.tokens.CT_FINDINGS``.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from training.data.problem import UnusableData
from training.data.wording import ct_finding_meant, leaf_meant

Point = tuple[float, float, float]

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class ReportedLesion:
    """A row: the lesion by its number or by a point (LPS, mm), and what is said of it."""

    row: int
    component: int | None
    point_mm: Point | None
    leaf: str | None
    ct_finding: str | None


@dataclass(frozen=True)
class Reports:
    """Rows by case, and what could not be understood, for people."""

    by_case: Mapping[str, tuple[ReportedLesion, ...]]
    remarks: tuple[str, ...]


def read_reports(path: Path) -> Reports:
    """Read a table in UTF-8, separated by tabs, semicolons or commas as its first line is.

    Raises
    ------
    UnusableData
        If it can't be read or lacks a column.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableData(f"{path} can't be read as UTF-8 text: {error}") from error
    header = lines[0] if lines else ""
    separator = next((mark for mark in "\t;" if mark in header), ",")
    table = csv.DictReader(lines, delimiter=separator)
    columns = {name: _column(name) for name in table.fieldnames or ()}
    _check(path, set(columns.values()))
    by_case: dict[str, list[ReportedLesion]] = {}
    places, findings, aimless = Counter[str](), Counter[str](), list[int]()
    for number, cells in enumerate(table, start=2):
        row = {columns[name]: (text or "").strip() for name, text in cells.items() if name in columns}
        lesion = _lesion(number, row)
        if lesion is None:
            aimless.append(number)
            continue
        by_case.setdefault(row["case"], []).append(lesion)
        if row.get("location") and lesion.leaf is None:
            places[row["location"]] += 1
        if row.get("ct_finding") and lesion.ct_finding is None:
            findings[row["ct_finding"]] += 1
    remarks = [
        *_unknown("locations", places),
        *_unknown("CT findings", findings),
        *([f"rows without a component or a point: {shorten(map(str, aimless))}"] if aimless else []),
    ]
    return Reports({case: tuple(rows) for case, rows in by_case.items()}, tuple(f"{path.name}: {r}" for r in remarks))


def shorten(items: Iterable[str]) -> str:
    """The first few of a list, and how many more there are."""
    listed = list(items)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def _check(path: Path, columns: set[str]) -> None:
    missing = {"case", "location"} - columns
    if missing or not columns & {"component", "point"}:
        wanted = "case, component or point, location and, if known, ct_finding"
        raise UnusableData(f"{path} has the columns {', '.join(sorted(columns)) or '(none)'}; expected are {wanted}.")


def _lesion(number: int, row: Mapping[str, str]) -> ReportedLesion | None:
    component, point = _number(row.get("component", "")), _point(row.get("point", ""))
    if component is None and point is None:
        return None
    leaf = leaf_meant(row["location"])
    finding = ct_finding_meant(row.get("ct_finding", ""))
    return ReportedLesion(number, component, point, leaf.id if leaf else None, finding)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and int(text) > 0 else None


def _point(text: str) -> Point | None:
    """RAS in the table, LPS here."""
    try:
        x, y, z = (float(part) for part in text.replace(",", " ").replace(";", " ").split())
    except ValueError:
        return None
    return -x, -y, z


def _column(name: str) -> str:
    return "_".join(name.lower().replace("_", " ").split())


def _unknown(what: str, counts: Counter[str]) -> list[str]:
    if not counts:
        return []
    said = shorten(f"{text!r} ({count})" for text, count in counts.most_common())
    return [f"{counts.total()} {what} are not in the vocabulary and teach nothing: {said}"]
