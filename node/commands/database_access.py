"""The node's database, for commands that ask it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from config.settings import Settings
from node.commands.output import fail, settings_from

if TYPE_CHECKING:
    from db.session import Database


@contextmanager
def opened(config: Path | None) -> Iterator["Database"]:
    """The database that the settings name; ends the command with a clear message where there is none."""
    from sqlalchemy.exc import SQLAlchemyError

    from config.reasons import UptakeError
    from db.session import Database
    from db.upgrade import is_current

    settings = settings_from(config)
    try:
        if not is_there(settings):
            sqlite = settings.database_url.removeprefix("sqlite:///")
            fail(f"There is no database at {sqlite}; has the node run with these settings?")
        if not is_current(settings.database_url):
            fail("The database's schema is not this version's; run `uptake db upgrade`.")
        database = Database.open(settings.database_url)
        try:
            yield database
        finally:
            database.close()
    except (UptakeError, SQLAlchemyError) as error:
        fail(str(error))


def is_there(settings: Settings) -> bool:
    """Whether the node has ever made its database; always, as far as can be seen, on a server of PostgreSQL."""
    sqlite = settings.database_url.removeprefix("sqlite:///")
    return sqlite == settings.database_url or Path(sqlite).is_file()
