"""``uptake serve``: the node."""

import os

from config.reasons import UptakeError
from node.commands.output import ConfigFile, fail, settings_from


def serve(config: ConfigFile = None) -> None:
    """Run the node: receive, analyse, deliver; SIGTERM or Ctrl-C shuts it down cleanly."""
    from sqlalchemy.exc import SQLAlchemyError

    from node.log import configure
    from node.service import serve as run

    os.umask(0o077)
    settings = settings_from(config)
    configure(settings.logging)
    try:
        run(settings)
    except (UptakeError, OSError, SQLAlchemyError) as error:
        fail(str(error))
