"""Bring a database's tables up to date, and say which tables a release can serve.

Revisions are numbers of four digits, the first of which is their generation. Within a generation a
migration only adds (tables, columns that may be left out, indexes): a release serves the newer
tables of its own generation as they are, so that nodes can be upgraded one after the other. What
must take away or tighten begins a new generation, for which all nodes are stopped.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from postroom import observe
from postroom.errors import ConflictError, InvalidInputError
from postroom.model import Noun

HEAD = "0006"
"""The newest revision; a database that has it needs no upgrade."""

MIGRATION_SECONDS = 3600
"""How long one program waits for another that migrates the same file."""

Fit = Literal["older", "same", "newer"]
"""How tables stand to this release: they want an upgrade, or none, or are served as they are."""


def fit(present: str | None, head: str = HEAD) -> Fit:
    """Tell how the tables of a revision (None: there are none yet) stand to a release's.

    Raises `InvalidInputError` for tables of a later generation, and for what is no revision.
    """
    if present is None:
        return "older"
    if present == head:
        return "same"
    if not (present.isascii() and present.isdigit() and len(present) == len(head)):
        raise InvalidInputError(
            f"the tables are of a release that this one does not know ({present[:40]!r}); run the"
            " release that made them, or a newer one"
        )
    if present[0] > head[0]:
        raise InvalidInputError(
            f"the tables are of generation {present[0]} (revision {present}), and this release"
            f" serves generation {head[0]}; run the release that made them, or a newer one"
        )
    return "older" if present < head else "newer"


class Step(Noun, frozen=True, kw_only=True):
    """One migration: the revision it leads to, and what it brings, in a sentence."""

    revision: str
    says: str


Told = Callable[[Step], None]
"""Hears of each step as it begins."""


def is_wanted(present: str | None, *, may_migrate: bool) -> bool:
    """Tell whether tables must be brought up to date before this release serves them.

    Newer ones are served as they are, which is logged. Raises `InvalidInputError` as `fit` does,
    and `ConflictError` for older tables where no one `may_migrate` by merely opening them.
    """
    stands = fit(present)
    if stands == "newer":
        observe.log.warning(
            "the tables are of a newer release and are served as they are; upgrade this node soon",
            revision=present,
            known=HEAD,
        )
    if stands == "older" and not may_migrate:
        what = "has no tables yet" if present is None else f"has the tables of revision {present}"
        raise ConflictError(
            f"the database {what}, and this release needs those of {HEAD}; run `postroom migrate`"
            " first, or let `serve` do it by itself: --migrate"
        )
    return stands == "older"


def announce(step: Step, told: Told, *, is_new: bool) -> None:
    """Say that a step begins; of a database that is just made, the log needs no word."""
    if not is_new:
        observe.log.info("migrating the tables", to=step.revision, says=step.says)
    told(step)


def steps(present: str | None, revision: str = HEAD) -> tuple[Step, ...]:
    """Return what leads from one revision (None: no tables yet) to another, in order.

    Raises `InvalidInputError` for a revision that this release does not know.
    """
    with _in_words():
        found = ScriptDirectory.from_config(_config()).iterate_revisions(revision, present)
        upward = reversed(list(found))
    return tuple(Step(revision=one.revision, says=one.doc.strip()) for one in upward)


def ahead(present: str | None) -> tuple[str, ...]:
    """Return the statements for PostgreSQL that go before the steps from a revision.

    Each is to be run in a transaction of its own: what takes long is done while nodes serve. Raises
    `InvalidInputError` as `fit` does.
    """
    if present is None or fit(present) != "older":
        return ()
    with _in_words():
        found = ScriptDirectory.from_config(_config()).iterate_revisions(HEAD, present)
        upward = reversed(list(found))
    return tuple(statement for one in upward for statement in getattr(one.module, "AHEAD", ()))


def upgrade(
    url: str | sa.URL, revision: str = HEAD, *, told: Told = lambda _: None
) -> tuple[Step, ...]:
    """Create the tables, or bring them from an older release's shape to this one's.

    A `revision` before the newest is for rehearsals: a database as an older release made it.

    One transaction that no other process can be inside of: two programs that open a new
    database at once do not get in each other's way, and one of them returns no steps. Raises
    `InvalidInputError` if the tables are of revisions that this release does not know.
    """
    engine = sa.create_engine(
        url, poolclass=sa.NullPool, connect_args={"timeout": MIGRATION_SECONDS}
    )
    if engine.dialect.name == "sqlite":
        _begin_at_once(engine)
    config = _config()
    try:
        with engine.begin() as connection, _in_words():
            present = MigrationContext.configure(connection).get_current_revision()
            config.attributes["connection"] = connection
            made = steps(present, revision) if fit(present, revision) == "older" else ()
            for step in made:
                announce(step, told, is_new=present is None)
                command.upgrade(config, step.revision)
    finally:
        engine.dispose()
    return made


def script(dialect: str, present: str | None, revision: str = HEAD) -> str:
    """Return the SQL that brings a database from its `present` revision (None: empty) to another.

    For databases whose driver Alembic does not speak. The SQL is to be run in one transaction.
    Raises `InvalidInputError` for a revision that this release does not know.
    """
    written = io.StringIO()
    config = _config(written)
    config.attributes["dialect"] = dialect
    with _in_words():
        command.upgrade(config, f"{present}:{revision}" if present else revision, sql=True)
    return written.getvalue()


def _config(written: io.StringIO | None = None) -> Config:
    config = Config() if written is None else Config(output_buffer=written)
    config.set_main_option("script_location", "postroom.storage:migrations")
    config.set_main_option("path_separator", "os")
    return config


@contextmanager
def _in_words() -> Iterator[None]:
    """Say what Alembic complains of as a person can use it."""
    try:
        yield
    except CommandError as error:
        raise InvalidInputError(
            f"the tables are not of this release's making ({error}); run the release that made"
            " them, or a newer one"
        ) from error


def _begin_at_once(engine: sa.Engine) -> None:
    """Let transactions take SQLite's write lock when they begin, not at their first write."""

    def connect(connection: object, _record: object) -> None:
        # The driver must not begin transactions of its own accord.
        connection.isolation_level = None  # type: ignore[attr-defined]  # a sqlite3.Connection

    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    sa.event.listen(engine, "connect", connect)
    sa.event.listen(engine, "begin", begin)
