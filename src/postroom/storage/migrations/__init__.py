"""Bring a database's tables up to date."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from postroom.errors import InvalidInputError

HEAD = "0002"
"""The newest revision; a database that has it needs no upgrade."""


def upgrade(url: str | sa.URL, revision: str = HEAD) -> None:
    """Create the tables, or bring them from an older release's shape to this one's.

    A `revision` before the newest is for rehearsals: a database as an older release made it.

    One transaction that no other process can be inside of: two programs that open a new
    database at once do not get in each other's way. Raises `InvalidInputError` if the database
    was made by a newer release.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    if engine.dialect.name == "sqlite":
        _begin_at_once(engine)
    config = Config()
    config.set_main_option("script_location", "postroom.storage:migrations")
    config.set_main_option("path_separator", "os")
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except CommandError as error:
        raise InvalidInputError(
            f"the database {engine.url.render_as_string(hide_password=True)} does not fit this"
            f" release ({error}); run the release that made it, or a newer one"
        ) from error
    finally:
        engine.dispose()


def _begin_at_once(engine: sa.Engine) -> None:
    """Let transactions take SQLite's write lock when they begin, not at their first write."""

    def connect(connection: object, _record: object) -> None:
        # The driver must not begin transactions of its own accord.
        connection.isolation_level = None  # type: ignore[attr-defined]  # a sqlite3.Connection

    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", connect)
    sa.event.listen(engine, "begin", begin)
