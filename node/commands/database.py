"""``uptake db``: the database's schema."""

from typing import Annotated

import typer

from config.reasons import UptakeError
from node.commands.database_access import opened
from node.commands.output import ConfigFile, done, fail, settings_from

app = typer.Typer(help="Look after the database.", no_args_is_help=True)


@app.command()
def upgrade(config: ConfigFile = None) -> None:
    """Bring the database's schema to this version's; creates it where there is none."""
    from sqlalchemy.exc import SQLAlchemyError

    from db.upgrade import upgrade as run
    from node.spool import Spool

    settings = settings_from(config)
    try:
        Spool.of(settings).create()
        run(settings.database_url)
    except (UptakeError, OSError, SQLAlchemyError) as error:
        fail(str(error))
    done("The database is at this version's schema.")


@app.command()
def grant(
    role: Annotated[str, typer.Argument(help="The PostgreSQL role that the node will connect as.")],
    config: ConfigFile = None,
) -> None:
    """Let a role run the node without being able to change or delete audit events; PostgreSQL, as the owner."""
    from sqlalchemy.exc import SQLAlchemyError

    from db.privileges import grant_to_node

    try:
        grant_to_node(settings_from(config).database_url, role)
    except (UptakeError, SQLAlchemyError) as error:
        fail(str(error))
    done(f"{role} may run the node; audit events it may only read and add.")


@app.command()
def forget_node(
    node: Annotated[str, typer.Argument(help="Its name, as `uptake status` shows it.")], config: ConfigFile = None
) -> None:
    """Remove a node of a cluster whose host will not come back; others have to have taken over its journal."""
    from db.nodes import forget
    from node.names import person, utc_now
    from node.spool import Spool

    left = Spool.of(settings_from(config)).of_node(node)
    with opened(config) as database, database.transaction() as session:
        forget(session, node, person(), utc_now())
        if not left.is_empty():
            raise UptakeError(f"{left.own} holds what {node} received and no other node has taken over yet; start one.")
    done(f"{node} is forgotten.")


@app.callback()
def _root() -> None:
    pass
