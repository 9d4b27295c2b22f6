"""``uptake probe``: would a peer take our results?"""

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from config.settings import Destination
from node.commands.output import ConfigFile, Json, console, fail, print_json, settings_from
from node.commands.peer import parse_peer


def probe(
    peer: Annotated[Destination, typer.Argument(parser=parse_peer, metavar="AET@HOST:PORT", help="The peer.")],
    config: ConfigFile = None,
    as_json: Json = False,
) -> None:
    """Ask a peer by C-ECHO and negotiation which result objects it would accept; nothing is stored."""
    from dicom_io.network.probe import probe as ask

    found = ask(peer, settings_from(config).listener.ae_title)
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
    if found.remark is not None:
        fail(f"{peer.ae_title}: {found.remark}\n  {found.remark.reason.action}")
    if found.echo_status != 0:
        fail(f"{peer.ae_title} answered C-ECHO with status {found.echo_status}.")


def _table(found: Any) -> Table:
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
        table.add_row(one.sop_class_uid.name, Text("yes", "green") if names else Text("no", "red"), names)
    return table
