"""``uptake check``: is an object as the standard says?"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from node.commands.output import Json, console, done, print_json, warn, wrong

if TYPE_CHECKING:
    from pydicom import Dataset

    from config.reasons import Remark
    from dicom_io.check import Fault

Files = Annotated[
    list[Path], typer.Argument(help="SEG, SR, KOS, GSPS, SC or PDF of anybody.", exists=True, dir_okay=False)
]
Others = Annotated[
    list[Path],
    typer.Option("--among", help="What the objects refer to: images, other results; file or folder.", exists=True),
]


def check(files: Files, among: Others = [], as_json: Json = False) -> None:  # noqa: B006 (typer's default; only read)
    """Check objects as this node checks its own before it sends them; exit status 1 if one has an error."""
    opened = [_open(path) for path in files]
    checked = _check(opened, among)
    if as_json:
        print_json([one.as_dict() for one in checked])
    else:
        for one in checked:
            _report(one)
    if any(one.refusal for one in checked):
        raise typer.Exit(2)
    if any(one.errors for one in checked):
        raise typer.Exit(1)


@dataclass(frozen=True)
class _Checked:
    """A file with its object and what is wrong with it, or with the reason for which it is no object."""

    path: Path
    dataset: "Dataset | None" = None
    faults: "tuple[Fault, ...]" = ()
    refusal: "Remark | None" = None

    @property
    def errors(self) -> int:
        from dicom_io.check import Severity

        return sum(fault.severity is Severity.ERROR for fault in self.faults)

    @property
    def sop_class_uid(self) -> str:
        from dicom_io.header_values import text

        return "" if self.dataset is None else text(self.dataset, "SOPClassUID")

    def as_dict(self) -> dict[str, Any]:
        if self.refusal is not None:
            refused = {"reason": str(self.refusal.reason), "detail": self.refusal.detail}
            return {"file": str(self.path), "refused": refused}
        faults = [fault.as_dict() for fault in self.faults]
        return {"file": str(self.path), "sop_class_uid": self.sop_class_uid, "faults": faults}


def _open(path: Path) -> _Checked:
    from config.reasons import Refused
    from dicom_io.check.files import read_object

    try:
        return _Checked(path, read_object(path))
    except Refused as refused:
        return _Checked(path, refusal=refused.remark)


def _check(opened: Sequence[_Checked], among: Sequence[Path]) -> list[_Checked]:
    from dicom_io.check import check_all
    from dicom_io.reading.files import find_instances

    others = [header for path in among for header in find_instances(path).headers]
    faults = iter(check_all([one.dataset for one in opened if one.dataset is not None], others))
    return [one if one.dataset is None else replace(one, faults=next(faults)) for one in opened]


def _report(one: _Checked) -> None:
    from dicom_io.sop_classes import class_name

    if one.refusal is not None:
        wrong(f"{one.path}: {one.refusal}\n  {one.refusal.reason.action}")
        return
    title = f"{one.path}: {class_name(one.sop_class_uid) or 'no SOP Class'}"
    if not one.faults:
        done(f"{title}, no fault")
        return
    counted = f"{title}, {one.errors} errors, {len(one.faults) - one.errors} warnings"
    (wrong if one.errors else warn)(counted)
    console.print(_table(one.faults))


def _table(faults: "tuple[Fault, ...]") -> Table:
    """One row for what is wrong in the same way in several items of a sequence."""
    rows = Counter(
        (fault.severity.value, re.sub(r"\[\d+\]", "[…]", fault.where), fault.what, f"{fault.rule} ({fault.section})")
        for fault in faults
    )
    table = Table()
    for column in ("severity", "times", "where", "what", "rule"):
        table.add_column(column, overflow="fold")
    for (severity, where, what, rule), times in rows.items():
        table.add_row(Text(severity, "bold red" if severity == "error" else "yellow"), str(times), where, what, rule)
    return table
