"""``uptake audit``: what happened, and whether the trail is whole."""

import csv
import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from db.audit_actions import AuditAction, AuditOutcome
from node.commands.database_access import opened
from node.commands.output import ConfigFile, Json, console, done, fail, print_json

Moment = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], help="UTC, e.g. 2026-11-23T08:00."),
]


def _parse_anchor(text: str) -> tuple[int, str]:
    sequence, _, digest = text.partition(":")
    if not sequence.isdigit() or len(digest) != 64:
        raise typer.BadParameter(f"{text!r} is not NUMBER:HASH as an earlier `uptake audit` printed it")
    return int(sequence), digest


def audit(
    study: Annotated[str | None, typer.Option(help="Study Instance UID.")] = None,
    patient: Annotated[str | None, typer.Option(help="Patient ID.")] = None,
    action: Annotated[
        AuditAction | None, typer.Option(metavar="ACTION", help="What was done, e.g. report-recorded.")
    ] = None,
    since: Moment = None,
    until: Moment = None,
    outcome: Annotated[AuditOutcome | None, typer.Option(help="How it ended.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 1000,
    anchor: Annotated[
        tuple[int, str] | None,
        typer.Option(
            parser=_parse_anchor, metavar="NUMBER:HASH", help="Last event of an earlier run: fails if it is gone."
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """Query the audit trail and verify its hash chain; fails if an event was changed or removed."""
    from db.audit import ChainHead, chain_head, verify_chain
    from db.queries import audit_events

    with opened(config) as database, database.reading() as session:
        head = chain_head(session)
        broken = verify_chain(session, ChainHead(*anchor) if anchor else None)
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
        for row in rows:
            _print_event(row)
    if broken is not None:
        fail(f"The audit trail is broken at event {broken}: it, or one before it, was changed or removed.")
    if not as_csv and not as_json:
        done(f"{len(rows)} events shown; the trail is whole up to its last event, {head.sequence}:{head.hash}")


_COLUMNS = ("sequence", "at", "action", "outcome", "who", "study_uid", "sop_instance_uid", "patient_id", "detail")
_COLOURS = {"failure": "red", "warning": "yellow", "success": "green"}


def _row(entry: Any) -> list[Any]:
    at = entry.at.isoformat(timespec="milliseconds")
    identifiers = [entry.study_uid, entry.sop_instance_uid, entry.patient_id]
    return [entry.sequence, at, str(entry.action), str(entry.outcome), entry.who, *identifiers, entry.detail]


def _print_event(row: list[Any]) -> None:
    """Two lines: what happened, and to what; CSV and JSON have all."""
    sequence, at, action, outcome, who, study, instance, _, detail = row
    when = at[:19].replace("T", " ")
    console.print(
        Text.assemble(f"{sequence:>6}  {when}  {action:<20} ", (f"{outcome:<8}", _COLOURS[outcome]), f" {who}"),
        no_wrap=True,
        overflow="ellipsis",
    )
    facts = {"study": study, "instance": instance, **detail}
    words = ", ".join(f"{key} {value}" for key, value in facts.items() if value not in (None, [], {}))
    if words:
        console.print(Text(f"        {words}", "dim"), no_wrap=True, overflow="ellipsis")
