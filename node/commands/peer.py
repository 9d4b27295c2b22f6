"""A DICOM peer as it is written on a command line: ``AET@host:port``."""

import re

import typer

from config.settings import Destination

_PEER = re.compile(r"^(?P<aet>[^@\\]{1,16})@(?P<host>\[[0-9A-Fa-f:]+\]|[^:@\s]+):(?P<port>\d{1,5})$")


def parse_peer(text: str) -> Destination:
    """The destination that ``AET@host:port`` names; raises ``typer.BadParameter`` if it names none."""
    match = _PEER.match(text)
    if match is None or not 0 < int(match["port"]) < 65536:
        raise typer.BadParameter(f"{text!r} is not AET@host:port, e.g. PACS@10.0.0.5:104")
    return Destination(
        name=match["aet"], ae_title=match["aet"], host=match["host"].strip("[]"), port=int(match["port"])
    )
