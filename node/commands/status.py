"""``uptake status``: where every study is, or all about one."""

import dataclasses
import json
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from node.commands.database_access import opened
from node.commands.output import ConfigFile, Json, console, print_json

_COLOURS = {
    "failed": "red",
    "rejected": "red",
    "delivered": "green",
    "committed": "green",
    "sent": "green",
    "refused": "red",
}


def status(
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY_UID", help="Study Instance UID; all by default.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The latest so many.")] = 50,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """Show the studies and their states, or everything about one study."""
    from db.detail import study_detail
    from db.queries import study_list

    with opened(config) as database, database.reading() as session:
        found: Any = study_detail(session, study) if study else study_list(session, limit=limit)
    if as_json:
        print_json(_plain(found))
    elif study:
        _print_study(found)
    else:
        console.print(_list(found))


def _list(studies: Any) -> Table:
    table = Table(title=f"{len(studies)} studies", title_justify="left")
    table.add_column("study", overflow="fold", min_width=22)
    for name in ("patient", "state"):
        table.add_column(name, overflow="fold", min_width=9)
    for name in ("rev", "instances", "lesions", "sent", "updated (UTC)"):
        table.add_column(name, justify="right")
    for one in studies:
        table.add_row(
            one.study_uid,
            one.patient_id or "",
            _state(one),
            str(one.revision),
            str(one.instances),
            "" if one.lesions is None else str(one.lesions),
            f"{one.deliveries_sent}/{one.deliveries}" if one.deliveries else "",
            f"{one.updated_at:%m-%d %H:%M:%S}",
        )
    return table


def _print_study(found: Any) -> None:
    summary = found.summary
    facts = Table(title=f"Study {summary.study_uid}", title_justify="left", show_header=False)
    facts.add_row("state", _state(summary) + (f" — {summary.detail}" if summary.detail else ""))
    facts.add_row("patient", f"{summary.patient_name or ''} ({summary.patient_id or 'no ID'})")
    facts.add_row("accession number", summary.accession_number or "")
    facts.add_row("revision", str(summary.revision))
    for arrival in found.arrivals:
        counts = f"{arrival.accepted} new, {arrival.duplicates} repeated, {arrival.conflicts} in conflict"
        facts.add_row(
            "arrived", f"{arrival.opened_at:%Y-%m-%d %H:%M:%S} from {arrival.calling_ae} ({arrival.address}): {counts}"
        )
    for instance in found.unused:
        facts.add_row("not used", f"{instance.reason}: {instance.detail} ({instance.path})")
    console.print(facts)
    series = Table(title="Series", title_justify="left")
    for name in ("description", "instances", "is", "because"):
        series.add_column(name, overflow="fold")
    for one in found.series:
        series.add_row(one.description or "", str(one.instances), one.kind or "", one.why or "")
    console.print(series)
    for report in found.reports:
        console.print(_findings(report))
        console.print(_deliveries(report))
        for remark in report.remarks:
            console.print(f"[yellow]![/] {remark}", highlight=False, soft_wrap=True)


def _findings(report: Any) -> Table:
    heading = f"Report, revision {report.revision}: {report.tracer}, SUV factor {report.suv_factor:.6g}"
    table = Table(title=f"{heading}, uptake {report.software_version}", title_justify="left")
    for name in ("#", "kind", "SUVmax", "ml", "location", "caption"):
        table.add_column(name, overflow="fold")
    for finding in report.findings:
        row = (str(finding.number), str(finding.kind), f"{finding.suv_max:.1f}", f"{finding.mtv_ml:.1f}")
        table.add_row(*row, finding.location_name, finding.caption, style=None if finding.kind == "lesion" else "dim")
    return table


def _deliveries(report: Any) -> Table:
    table = Table(title=f"Results of revision {report.revision}", title_justify="left")
    for name in ("result", "destination", "state", "tries", "sent (UTC)", "detail"):
        table.add_column(name, overflow="fold")
    for result in report.results:
        for one in result.deliveries:
            when = f"{one.sent_at:%Y-%m-%d %H:%M:%S}" if one.sent_at else ""
            state = f"[{_COLOURS.get(one.state, 'yellow')}]{one.state}[/]"
            words = f"{one.reason}: {one.detail}" if one.reason else one.detail or ""
            table.add_row(str(result.kind), one.destination, state, str(one.attempts), when, words)
        if not result.deliveries:
            table.add_row(str(result.kind), "–", "", "", "", result.path)
    return table


def _state(summary: Any) -> str:
    words = f"[{_COLOURS.get(summary.state, 'yellow')}]{summary.state}[/]"
    return f"{words} ({summary.reason})" if summary.reason else words


def _plain(found: Any) -> Any:
    """Values that JSON knows."""
    items = [dataclasses.asdict(one) for one in found] if isinstance(found, tuple) else dataclasses.asdict(found)
    return json.loads(json.dumps(items, default=_word))


def _word(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
