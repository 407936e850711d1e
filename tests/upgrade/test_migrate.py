"""`postroom migrate`, and who may migrate by merely starting."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
from tests.contract import postgres
from tests.flow.test_cli_output import log_of_its_own  # noqa: F401  # a fixture for all tests here
from tests.upgrade.last_release import KEY
from typer.testing import CliRunner

from postroom import app
from postroom.cli.program import program
from postroom.settings import Settings
from postroom.storage import migrations
from postroom.storage.postgres import tables

AT_ONCE = 3
OLD = "0003"


def told(*arguments: str, ends: int) -> str:
    """Run a command in this process; return what it printed, on one line."""
    done = CliRunner().invoke(program, arguments, env=KEY)
    assert done.exit_code == ends, done.output
    return " ".join(done.output.split())


async def of_kind(kind: str, folder: Path, revision: str | None) -> str:
    """Return a database of each kind with the tables of a revision."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'postroom.db'}"
        if revision is not None:
            await asyncio.to_thread(migrations.upgrade, url, revision)
            with closing(sqlite3.connect(folder / "postroom.db")) as opened:
                opened.execute("PRAGMA journal_mode = WAL")  # as every release leaves it
        return url
    dsn = await postgres.server().bare_database()
    if revision is not None:
        connection = await asyncpg.connect(dsn)
        await connection.execute(migrations.script("postgresql", None, revision))
        await connection.close()
    return dsn


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize(("revision", "said"), [(None, "has no tables yet"), (OLD, OLD)])
async def test_a_server_that_may_not_migrate_refuses_older_tables_and_names_the_command(
    kind: str, revision: str | None, said: str, tmp_path: Path
) -> None:
    database = await of_kind(kind, tmp_path, revision)
    asked = ("serve", "--database", database, "--no-migrate")
    refused = await asyncio.to_thread(told, *asked, ends=4)
    assert said in refused
    assert "run `postroom migrate` first" in refused
    checked = await asyncio.to_thread(told, "migrate", "--check", "--database", database, ends=1)
    assert "by `postroom migrate`" in checked, "nothing was changed"


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
@pytest.mark.parametrize("revision", [None, OLD])
async def test_nodes_that_start_at_once_migrate_once(
    kind: str, revision: str | None, tmp_path: Path
) -> None:
    database = await of_kind(kind, tmp_path, revision)
    settings = Settings.load(database=database, secret_key=KEY["POSTROOM_SECRET_KEY"])
    steps = await asyncio.gather(
        *(app.migrate(settings, told=lambda _: None) for _ in range(AT_ONCE))
    )
    assert sorted(map(len, steps)) == [0, 0, len(migrations.steps(revision))]
    assert await app.revision(settings) == migrations.HEAD


async def test_a_migration_steps_back_from_a_table_that_is_read_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "TABLE_SECONDS", 0.05)
    dsn = await of_kind("postgres", tmp_path, OLD)
    reader, other = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    reading = reader.transaction()
    await reading.start()
    await reader.execute("SELECT * FROM content")

    migration = asyncio.create_task(tables.prepare(dsn))
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'content'::regclass"
    while not await other.fetchval(waits):
        pass
    while await other.fetchval(waits):  # it begins again, having let go of everything
        pass
    # Who reads or writes the table meanwhile waits for a moment, not for the long reader.
    await asyncio.wait_for(other.fetch("SELECT * FROM content"), 5)
    assert not migration.done()
    await reading.rollback()
    steps = await migration
    assert steps[-1].revision == migrations.HEAD
    for one in (reader, other):
        await one.close()


def test_the_steps_of_a_file_that_is_not_there_are_told_and_it_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "postroom.db"
    assert "There are no tables yet" in told(
        "migrate", "--check", "--database", f"sqlite:///{path}", ends=1
    )
    assert not path.exists()
