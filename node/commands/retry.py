"""``uptake retry``: send a study on its way again."""

from typing import Annotated

import typer

from node.commands.database_access import opened
from node.commands.output import ConfigFile, done


def retry(
    study: Annotated[str, typer.Argument(metavar="STUDY_UID", help="Study Instance UID.")], config: ConfigFile = None
) -> None:
    """Retry a study that failed, was rejected, or waits for its next attempt."""
    from db.retry import retry as run
    from node.names import person, utc_now

    with opened(config) as database, database.transaction() as session:
        state = run(session, study, person(), utc_now())
    done(f"{study} is {state}.")
