"""Bring a database's tables up to date."""

import io

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from postroom.errors import InvalidInputError

HEAD = "0003"
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
    config = _config()
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
    except CommandError as error:
        raise _misfit(engine.url.render_as_string(hide_password=True), error) from error
    finally:
        engine.dispose()


def script(dialect: str, present: str | None, revision: str = HEAD) -> str:
    """Return the SQL that brings a database from its `present` revision (None: empty) to another.

    For databases whose driver Alembic does not speak. The SQL is to be run in one transaction.
    Raises `InvalidInputError` if a newer release made the database.
    """
    written = io.StringIO()
    config = _config(written)
    config.attributes["dialect"] = dialect
    try:
        command.upgrade(config, f"{present}:{revision}" if present else revision, sql=True)
    except CommandError as error:
        raise _misfit("given", error) from error
    return written.getvalue()


def _config(written: io.StringIO | None = None) -> Config:
    config = Config() if written is None else Config(output_buffer=written)
    config.set_main_option("script_location", "postroom.storage:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _misfit(database: str, error: CommandError) -> InvalidInputError:
    return InvalidInputError(
        f"the database {database} does not fit this release ({error}); run the release that made"
        " it, or a newer one"
    )


def _begin_at_once(engine: sa.Engine) -> None:
    """Let transactions take SQLite's write lock when they begin, not at their first write."""

    def connect(connection: object, _record: object) -> None:
        # The driver must not begin transactions of its own accord.
        connection.isolation_level = None  # type: ignore[attr-defined]  # a sqlite3.Connection

    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", connect)
    sa.event.listen(engine, "begin", begin)
