"""``uptake status``: where every study is, or all about one."""

import dataclasses
import json
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from db.states import StudyState
from node.commands.database_access import opened
from node.commands.output import ConfigFile, Json, console, print_json, warn, wrong

_COLOURS = {
    "failed": "red",
    "rejected": "red",
    "lost": "red",
    "delivered": "green",
    "committed": "green",
    "sent": "green",
    "refused": "red",
    "omitted": "dim",
}


def status(
    study: Annotated[
        str | None, typer.Argument(metavar="STUDY_UID", help="Study Instance UID; all by default.")
    ] = None,
    state: Annotated[list[StudyState] | None, typer.Option(help="Only studies in this state; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The latest so many.")] = 50,
    as_json: Json = False,
    config: ConfigFile = None,
) -> None:
    """Show the studies and their states, and the nodes if there are several, or everything about one study."""
    from db.detail import study_detail
    from db.nodes import nodes
    from db.queries import study_list

    with opened(config) as database, database.reading() as session:
        found: Any = study_detail(session, study) if study else study_list(session, limit=limit, states=state or ())
        members = nodes(session)
    if as_json:
        print_json(_plain(found))
    elif study:
        _print_study(found)
    else:
        _print_list(found)
        _print_nodes(members)


def _print_list(studies: Any) -> None:
    """Two lines a study: how it stands, and which it is; a third of one that waits for a person: why, what to do."""
    for one in studies:
        facts = [f"revision {one.revision}", f"{one.instances} instances"]
        if one.lesions is not None:
            facts.append(f"{one.lesions} lesions")
        if one.conflicts:
            facts.append(f"{one.conflicts} in conflict")
        if one.deliveries:
            facts.append(f"{one.deliveries_sent} of {one.deliveries} sent")
        console.print(
            Text.assemble(f"{one.updated_at:%Y-%m-%d %H:%M:%S}  ", _state(one), f"  {', '.join(facts)}"), soft_wrap=True
        )
        console.print(Text(f"    {one.study_uid}  patient {one.patient_id or 'without ID'}", "dim"), soft_wrap=True)
        if one.reason:
            console.print(Text(f"    {one.detail or one.reason.meaning} — {one.reason.action}"), soft_wrap=True)
    console.print(f"{len(studies)} studies, times in UTC")


def _print_nodes(members: Any) -> None:
    """The nodes of a cluster, when each last beat by its own clock."""
    for one in members:
        words = Text.assemble(f"node {one.name}  ", Text(one.state, _COLOURS.get(one.state, "default")))
        words.append(f", since {one.started_at:%Y-%m-%d %H:%M:%S}, last heard of {one.beat_at:%Y-%m-%d %H:%M:%S}")
        console.print(words, soft_wrap=True)


def _print_study(found: Any) -> None:
    summary = found.summary
    facts = Table(title=f"Study {summary.study_uid}", title_justify="left", show_header=False)
    facts.add_row("state", _state(summary).append(f" — {summary.detail}" if summary.detail else "", "default"))
    facts.add_row("patient", f"{summary.patient_name or ''} ({summary.patient_id or 'no ID'})")
    facts.add_row("accession number", summary.accession_number or "")
    facts.add_row("revision", str(summary.revision))
    for arrival in found.arrivals:
        counts = f"{arrival.accepted} new, {arrival.duplicates} repeated, {arrival.conflicts} in conflict"
        facts.add_row(
            "arrived", f"{arrival.opened_at:%Y-%m-%d %H:%M:%S} from {arrival.calling_ae} ({arrival.address}): {counts}"
        )
    for (reason, detail), same in _together(found.unused).items():
        facts.add_row("not used", f"{len(same)} × {reason}: {detail} ({same[0].path}{', …' * (len(same) > 1)})")
    console.print(facts)
    series = Table(title="Series", title_justify="left")
    for name in ("description", "instances", "is", "because"):
        series.add_column(name, overflow="fold")
    for one in found.series:
        series.add_row(one.description or "", str(one.instances), one.kind or "", one.why or "")
    console.print(series)
    for report in found.reports:
        if report.outcome == "not-analysed":
            console.print(f"Report, revision {report.revision}: not analysed, uptake {report.software_version}")
        else:
            console.print(_findings(report))
            console.print(report.summary, soft_wrap=True)
        console.print(_deliveries(report))
        for result in report.results:
            for fault in result.faults:
                wrong(f"{result.kind}: {fault}")
        for remark in report.remarks:
            warn(str(remark))


def _together(unused: Any) -> dict[tuple[Any, Any], list[Any]]:
    """Unused instances by why they are not used: a series that was sent again has hundreds."""
    found: dict[tuple[Any, Any], list[Any]] = {}
    for instance in unused:
        found.setdefault((instance.reason, instance.detail), []).append(instance)
    return found


def _findings(report: Any) -> Table:
    heading = f"Report, revision {report.revision}: {report.tracer}, SUV factor {report.suv_factor:.6g}"
    table = Table(title=f"{heading}, uptake {report.software_version}", title_justify="left")
    for name in ("#", "kind", "SUVmax", "ml", "grade", "location", "caption"):
        table.add_column(name, overflow="fold")
    for finding in report.findings:
        row = (str(finding.number), str(finding.kind), f"{finding.suv_max:.1f}", f"{finding.mtv_ml:.1f}")
        grade = f"{finding.grade.scale} {finding.grade.score}" if finding.grade else ""
        table.add_row(
            *row, grade, finding.location_name, finding.caption, style=None if finding.kind == "lesion" else "dim"
        )
    return table


def _deliveries(report: Any) -> Table:
    quarantined = ", quarantined: not conformant, nothing is sent" if report.quarantined else ""
    table = Table(title=f"Results of revision {report.revision}{quarantined}", title_justify="left")
    for name in ("result", "destination", "state", "tries", "sent (UTC)", "detail"):
        table.add_column(name, overflow="fold")
    for result in report.results:
        for one in result.deliveries:
            when = f"{one.sent_at:%Y-%m-%d %H:%M:%S}" if one.sent_at else ""
            state = Text(one.state, _COLOURS.get(one.state, "yellow"))
            words = f"{one.reason}: {one.detail}" if one.reason else one.detail or ""
            if one.sent_instead:
                words = f"{one.sent_instead} instead; {words}"
            table.add_row(str(result.kind), one.destination, state, str(one.attempts), when, words)
        if not result.deliveries:
            table.add_row(str(result.kind), "–", "", "", "", result.path)
    return table


def _state(summary: Any) -> Text:
    words = Text(summary.state, _COLOURS.get(summary.state, "yellow"))
    return words.append(f" ({summary.reason})", "default") if summary.reason else words


def _plain(found: Any) -> Any:
    """Values that JSON knows."""
    items = [dataclasses.asdict(one) for one in found] if isinstance(found, tuple) else dataclasses.asdict(found)
    return json.loads(json.dumps(items, default=_word))


def _word(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
