"""``uptake db``: the database's schema."""

from typing import Annotated

import typer

from config.reasons import UptakeError
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


@app.callback()
def _root() -> None:
    pass
