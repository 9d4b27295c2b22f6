"""``uptake probe``: would a peer take our results?"""

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from config.settings import Destination, Settings
from node.commands.output import ConfigFile, Json, console, fail, print_json, settings_from, warn
from node.commands.peer import parse_peer

if TYPE_CHECKING:
    from db.capabilities import Capabilities


def probe(
    peer: Annotated[
        str, typer.Argument(metavar="NAME | AET@HOST:PORT", help="A destination by its name, or any peer.")
    ],
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Ask a peer by C-ECHO and negotiation which result objects it would accept; nothing is stored.

    What a destination answers is remembered for its deliveries.
    """
    from dicom_io.network.probe import probe as ask
    from node.capabilities import capabilities
    from node.names import utc_now

    settings = settings_from(config)
    configured = next((one for one in settings.destinations if one.name == peer), None)
    destination = configured or parse_peer(peer)
    found = ask(destination, settings.listener.ae_title)
    if as_json:
        print_json(
            {
                "reachable": found.reachable,
                "reason": found.remark and str(found.remark.reason),
                "echo_status": found.echo_status,
                "accepts": {
                    str(one.sop_class_uid): [str(uid) for uid in one.transfer_syntax_uids] for one in found.acceptances
                },
                "storage_commitment": found.storage_commitment,
                "implementation_class_uid": found.implementation_class_uid,
                "implementation_version_name": found.implementation_version_name,
                "maximum_pdu_bytes": found.maximum_pdu_bytes,
            }
        )
    elif found.reachable:
        console.print(_table(found))
    answer = capabilities(destination, found, utc_now())
    if configured is not None and answer is not None:
        _remember(configured, answer, settings, config, quiet=as_json)
    if found.remark is not None:
        fail(f"{destination.ae_title}: {found.remark}\n  {found.remark.reason.action}")
    if found.echo_status != 0:
        fail(f"{destination.ae_title} answered C-ECHO with status {found.echo_status}.")


def _remember(
    destination: Destination, answer: "Capabilities", settings: Settings, config: Path | None, *, quiet: bool
) -> None:
    from db.capabilities import remember
    from node.commands.database_access import is_there, opened

    if not is_there(settings):
        if not quiet:
            warn("Not remembered: the node has no database yet.")
        return
    with opened(config) as database, database.transaction() as session:
        remember(session, destination.name, answer, getpass.getuser())


def _table(found: Any) -> Table:
    from dicom_io.sop_classes import class_name

    heading = (
        f"{found.implementation_version_name or 'unnamed implementation'}, "
        f"maximum PDU {found.maximum_pdu_bytes} bytes, storage commitment {'yes' if found.storage_commitment else 'no'}"
    )
    table = Table(title=heading, title_justify="left")
    table.add_column("result object")
    table.add_column("accepted")
    table.add_column("transfer syntaxes", overflow="fold")
    for one in found.acceptances:
        names = ", ".join(uid.name for uid in one.transfer_syntax_uids)
        table.add_row(class_name(one.sop_class_uid), Text("yes", "green") if names else Text("no", "red"), names)
    return table
