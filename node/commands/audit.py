"""``uptake audit``: what happened, and whether the trail is whole."""

import csv
import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from db.audit_actions import AuditAction, AuditOutcome
from node.commands.database_access import opened
from node.commands.output import ConfigFile, Json, console, fail, print_json

Moment = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], help="UTC, e.g. 2026-11-23T08:00."),
]


def audit(
    study: Annotated[str | None, typer.Option(help="Study Instance UID.")] = None,
    patient: Annotated[str | None, typer.Option(help="Patient ID.")] = None,
    action: Annotated[AuditAction | None, typer.Option(help="What was done.")] = None,
    since: Moment = None,
    until: Moment = None,
    outcome: Annotated[AuditOutcome | None, typer.Option(help="How it ended.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 1000,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """Query the audit trail and verify its hash chain; fails if an event was changed or removed."""
    from db.audit import verify_chain
    from db.queries import audit_events

    with opened(config) as database, database.reading() as session:
        broken = verify_chain(session)
        entries = audit_events(
            session,
            study=study,
            patient=patient,
            action=action,
            outcome=outcome,
            since=since and since.replace(tzinfo=UTC),
            until=until and until.replace(tzinfo=UTC),
            limit=limit,
        )
    rows = [_row(entry) for entry in entries]
    if as_csv:
        writer = csv.writer(sys.stdout)
        writer.writerow(_COLUMNS)
        writer.writerows([*row[:-1], json.dumps(row[-1], ensure_ascii=False)] for row in rows)
    elif as_json:
        print_json([dict(zip(_COLUMNS, row, strict=True)) for row in rows])
    else:
        console.print(_table(rows))
    if broken is not None:
        fail(f"The audit trail is broken at event {broken}: it, or one before it, was changed or removed.")


_WIDTH = 160
"""Characters of an event's detail in the table; CSV and JSON have all."""
_COLUMNS = ("sequence", "at", "action", "outcome", "who", "study_uid", "sop_instance_uid", "patient_id", "detail")


def _row(entry: Any) -> list[Any]:
    at = entry.at.isoformat(timespec="milliseconds")
    identifiers = [entry.study_uid, entry.sop_instance_uid, entry.patient_id]
    return [entry.sequence, at, str(entry.action), str(entry.outcome), entry.who, *identifiers, entry.detail]


def _table(rows: list[list[Any]]) -> Table:
    table = Table(title=f"{len(rows)} events, chain verified", title_justify="left")
    for name in ("#", "at (UTC)", "action", "outcome", "who", "study", "detail"):
        table.add_column(name, overflow="fold")
    colours = {"failure": "red", "warning": "yellow", "success": "green"}
    for sequence, at, action, outcome, who, study, _, _, detail in rows:
        words = ", ".join(f"{key} {value}" for key, value in detail.items() if value not in (None, [], {}))
        if len(words) > _WIDTH:
            words = words[:_WIDTH] + " …"
        table.add_row(
            str(sequence),
            at[:23].replace("T", " "),
            action,
            f"[{colours[outcome]}]{outcome}[/]",
            who,
            study or "",
            words,
        )
    return table
