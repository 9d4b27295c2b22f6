"""``uptake send``: C-STORE files to a peer."""

from pathlib import Path
from typing import Annotated

import typer

from config.settings import Destination
from node.commands.output import ConfigFile, Json, StudyPath, console, errors, print_json, settings_from, stages
from node.commands.peer import parse_peer


def send(
    path: StudyPath,
    to: Annotated[Destination, typer.Option("--to", parser=parse_peer, metavar="AET@HOST:PORT", help="The peer.")],
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Send every DICOM instance under PATH by C-STORE; succeeds only if every one was accepted."""
    from dicom_io.network.sender import send as send_files
    from dicom_io.reading.files import find_instances
    from node.commands.inventory import report_passed_over

    settings = settings_from(config)
    inventory = find_instances(path)
    files = [Path(header.filename) for header in inventory.headers]
    if not as_json:
        report_passed_over(inventory)
    with stages(f"Sending to {to.ae_title}", quiet=as_json) as progress:
        sent = 0

        def count(_: object) -> None:
            nonlocal sent
            sent += 1
            progress(f"{sent} of {len(files)}")

        outcomes = send_files(to, files, settings.listener.ae_title, count)
    refused = [outcome for outcome in outcomes if outcome.reason is not None]
    warned = [outcome for outcome in outcomes if outcome.warning]
    if as_json:
        print_json(
            {
                "sent": len(outcomes) - len(refused),
                "warnings": len(warned),
                "passed_over": len(inventory.passed_over),
                "refused": [
                    {"path": str(o.path), "reason": str(o.reason), "status": o.status, "detail": o.detail}
                    for o in refused
                ],
            }
        )
    else:
        console.print(
            f"{len(outcomes) - len(refused)} of {len(outcomes)} sent to {to.ae_title}"
            + (f", {len(warned)} with a warning" if warned else ""),
            highlight=False,
        )
        for outcome in refused[:5]:
            errors.print(f"  {outcome.path}: {outcome.reason} — {outcome.detail}", soft_wrap=True)
        if len(refused) > 5:
            errors.print(f"  and {len(refused) - 5} more", highlight=False)
    if refused or not outcomes:
        raise typer.Exit(1)
