"""``uptake retry``: send studies on their way again."""

from typing import Annotated

import typer

from config.reasons import Reason
from node.commands.database_access import opened
from node.commands.output import ConfigFile, done


def retry(
    study: Annotated[str | None, typer.Argument(metavar="STUDY_UID", help="Study Instance UID.")] = None,
    reason: Annotated[
        Reason | None, typer.Option(metavar="REASON", help="Instead: every study that failed for this reason.")
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Retry a study that failed, was rejected, or waits for its next attempt; or all that failed for one reason."""
    from db.retry import failed_for
    from db.retry import retry as run
    from node.names import person, utc_now

    if (study is None) == (reason is None):
        raise typer.BadParameter("Name a study, or a reason.")
    with opened(config) as database, database.transaction() as session:
        named = () if study is None else (study,)
        studies = named if reason is None else failed_for(session, reason)
        states = {uid: run(session, uid, person(), utc_now()) for uid in studies}
    for uid, state in states.items():
        done(f"{uid} is {state}.")
    if not states:
        done(f"No study has failed as {reason}.")
