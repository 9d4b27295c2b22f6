"""``uptake audit``: what happened, and whether the trail is whole. Every question is itself put on record."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from db.audit_actions import AuditAction, AuditOutcome
from node.commands.database_access import opened
from node.commands.output import ConfigFile, Json, console, done, fail
from node.commands.rows import Csv, print_rows, visible

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

app = typer.Typer(help="Ask the audit trail, and verify it.", invoke_without_command=True)

Moment = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"], help="UTC, e.g. 2026-11-23T08:00."),
]
StudyUid = Annotated[str, typer.Argument(metavar="STUDY_UID", help="Study Instance UID.")]
Limit = Annotated[int, typer.Option(min=1, help="The newest so many.")]


@app.callback()
def events(
    context: typer.Context,
    study: Annotated[str | None, typer.Option(help="Study Instance UID.")] = None,
    patient: Annotated[str | None, typer.Option(help="Patient ID.")] = None,
    who: Annotated[str | None, typer.Option(help="AE title, person or process.")] = None,
    action: Annotated[
        AuditAction | None, typer.Option(metavar="ACTION", help="What was done, e.g. report-recorded.")
    ] = None,
    since: Moment = None,
    until: Moment = None,
    outcome: Annotated[AuditOutcome | None, typer.Option(help="How it ended.")] = None,
    limit: Limit = 1000,
    as_csv: Csv = False,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """What happened: all events that match everything given."""
    if context.invoked_subcommand is not None:
        return
    from db.queries import AuditEntry, audit_events

    asked = {"study": study, "patient": patient, "who": who, "action": action, "outcome": outcome}
    times = {"since": since and since.replace(tzinfo=UTC), "until": until and until.replace(tzinfo=UTC)}
    question: dict[str, Any] = {name: value for name, value in (asked | times).items() if value is not None}
    found = _answer(config, "events", question, lambda session: audit_events(session, **question, limit=limit))
    if as_csv or as_json:
        print_rows(AuditEntry, found, as_json=as_json, as_csv=as_csv)
        return
    for event in found:
        _print_event(event)
    console.print(f"{_number(found, limit)} events, times in UTC")


@app.command()
def senders(study: StudyUid, as_csv: Csv = False, as_json: Json = False, config: ConfigFile = None) -> None:
    """Who sent a study: association by association."""
    from db.audit_answers import Sending, who_sent

    found = _answer(config, "senders", {"study": study}, lambda session: who_sent(session, study))
    print_rows(Sending, found, as_json=as_json, as_csv=as_csv)


@app.command()
def findings(study: StudyUid, as_csv: Csv = False, as_json: Json = False, config: ConfigFile = None) -> None:
    """What was said of a study, and by which models."""
    from db.audit_answers import Statement, what_was_said

    found = _answer(config, "findings", {"study": study}, lambda session: what_was_said(session, study))
    print_rows(Statement, found, as_json=as_json, as_csv=as_csv)


@app.command()
def deliveries(study: StudyUid, as_csv: Csv = False, as_json: Json = False, config: ConfigFile = None) -> None:
    """What of a study went where, and when it was committed."""
    from db.audit_answers import Journey, what_went_where

    found = _answer(config, "deliveries", {"study": study}, lambda session: what_went_where(session, study))
    print_rows(Journey, found, as_json=as_json, as_csv=as_csv)


@app.command()
def failures(
    days: Annotated[float, typer.Option(min=0, help="Of the last so many days.")] = 7.0,
    limit: Limit = 1000,
    as_csv: Csv = False,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """What failed lately."""
    from db.audit_answers import what_failed
    from db.queries import AuditEntry
    from node.names import utc_now

    until = utc_now()
    since = until - timedelta(days=days)
    found = _answer(config, "failures", {"since": since}, lambda session: what_failed(session, since, until, limit))
    if as_csv or as_json:
        print_rows(AuditEntry, found, as_json=as_json, as_csv=as_csv)
        return
    for event in found:
        _print_event(event)
    console.print(f"{_number(found, limit)} failures since {since:%Y-%m-%d %H:%M} UTC")


@app.command()
def collectors(as_csv: Csv = False, as_json: Json = False, config: ConfigFile = None) -> None:
    """How far the trail has been told to each collector."""
    from db.audit_export import CollectorState, collector_states

    with opened(config) as database, database.reading() as session:
        found = collector_states(session)
    print_rows(CollectorState, found, as_json=as_json, as_csv=as_csv)


def _parse_anchor(text: str) -> tuple[int, str]:
    sequence, _, digest = text.partition(":")
    if not sequence.isdigit() or len(digest) != 64:
        raise typer.BadParameter(f"{text!r} is not NUMBER:HASH as an earlier `uptake audit verify` printed it")
    return int(sequence), digest


@app.command()
def verify(
    anchor: Annotated[
        str | None, typer.Option(metavar="NUMBER:HASH", help="Last event of an earlier run: fails if it is gone.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Verify the hash chain from the first event on; names the first link that is broken."""
    from db.audit import ChainHead, chain_head, record, verify_chain
    from node.names import person, utc_now

    known = None if anchor is None else ChainHead(*_parse_anchor(anchor))
    with opened(config) as database:
        with database.reading() as session:
            head = chain_head(session)
            broken = verify_chain(session, known)
        outcome = AuditOutcome.SUCCESS if broken is None else AuditOutcome.FAILURE
        detail: dict[str, Any] = {"head": head.sequence, "first_broken": broken, "anchor": anchor}
        with database.transaction() as session:
            record(session, AuditAction.AUDIT_VERIFIED, outcome, utc_now(), who=person(), detail=detail)
    if broken is not None:
        fail(f"The audit trail is broken at event {broken}: it was changed, put in or removed.")
    done(f"The trail is whole up to its last event, {head.sequence}:{head.hash}")


def _answer(
    config: Path | None, kind: str, question: dict[str, Any], ask: Callable[["Session"], Sequence[Any]]
) -> Sequence[Any]:
    """What the trail answers, once it is on record who asked what and how much was answered."""
    from db.audit import record
    from node.names import person, utc_now

    with opened(config) as database:
        with database.reading() as session:
            found = ask(session)
        detail: dict[str, Any] = {
            "asked": kind,
            "answers": len(found),
            **{name: str(value) for name, value in question.items()},
        }
        with database.transaction() as session:
            record(
                session,
                AuditAction.AUDIT_QUERIED,
                AuditOutcome.SUCCESS,
                utc_now(),
                who=person(),
                study_uid=question.get("study"),
                patient_id=question.get("patient"),
                detail=detail,
            )
    return found


_COLOURS = {"failure": "red", "warning": "yellow", "success": "green"}


def _number(found: Any, limit: int) -> str:
    """How many there are, and that there may be more."""
    return f"the newest {limit}" if len(found) == limit else str(len(found))


def _print_event(event: Any) -> None:
    """Two lines: what happened, and to what; CSV and JSON have all."""
    what = f"{event.sequence:>6}  {event.at:%Y-%m-%d %H:%M:%S}  {event.action:<20} "
    console.print(
        Text.assemble(what, (f"{event.outcome:<8}", _COLOURS[event.outcome]), f" {visible(event.who)}"),
        no_wrap=True,
        overflow="ellipsis",
    )
    facts = {"study": event.study_uid, "instance": event.sop_instance_uid, **event.detail}
    words = ", ".join(f"{key} {value}" for key, value in facts.items() if value not in (None, [], {}))
    if words:
        console.print(Text(f"        {visible(words)}", "dim"), no_wrap=True, overflow="ellipsis")
