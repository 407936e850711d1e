"""Generations: a release serves newer tables of its own generation, and refuses a later one."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest
import structlog
from tests.contract import postgres
from tests.contract.store_cast import AUDIT, lease, notification, put, recording, settlement

from postroom import observe
from postroom.errors import InvalidInputError
from postroom.storage import migrations
from postroom.storage.port import Store
from postroom.storage.postgres import open_store as open_postgres
from postroom.storage.sqlite import open_store as open_sqlite

SET = "UPDATE alembic_version SET version_num = '{revision}'"
Mark = Callable[[str], Awaitable[None]]
Open = Callable[[], Awaitable[Store]]


@pytest.fixture(params=["sqlite", "postgres"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Open, Mark]:
    """Return what opens a database of this release, and what makes it of another revision."""
    if request.param == "sqlite":
        path = tmp_path / "postroom.db"

        async def open_one() -> Store:
            return await open_sqlite(path)

        async def mark(revision: str) -> None:
            with closing(sqlite3.connect(path)) as connection, connection:
                connection.execute(SET.format(revision=revision))

    else:
        dsn = await postgres.server().bare_database()

        async def open_one() -> Store:
            return await open_postgres(dsn)

        async def mark(revision: str) -> None:
            connection = await asyncpg.connect(dsn)
            await connection.execute(SET.format(revision=revision))
            await connection.close()

    await (await open_one()).close()
    return open_one, mark


async def test_newer_tables_of_the_same_generation_are_served_and_it_is_logged(
    place: tuple[Open, Mark], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_one, mark = place
    await mark("0999")
    said = structlog.testing.LogCapture()
    monkeypatch.setattr(observe, "log", structlog.wrap_logger(None, processors=[said]))
    store = await open_one()
    try:
        await store.change([put("erp")], AUDIT)
        await store.record(recording(notification(1), 1))
        (first,) = await lease(store, 1)
        assert (await store.settle(settlement(first))).was_ours
    finally:
        await store.close()
    assert [one["revision"] for one in said.entries] == ["0999"]


@pytest.mark.parametrize(
    ("revision", "said"), [("1001", "of generation 1"), ("abc", "does not know")]
)
async def test_a_later_generation_and_what_is_no_revision_are_refused_in_words(
    place: tuple[Open, Mark], revision: str, said: str
) -> None:
    open_one, mark = place
    await mark(revision)
    with pytest.raises(InvalidInputError, match=said) as refused:
        await open_one()
    assert "run the release that made them, or a newer one" in str(refused.value)


@pytest.mark.parametrize(
    ("present", "head", "fit"),
    [
        (None, "0003", "older"),
        ("0002", "0003", "older"),
        ("0003", "0003", "same"),
        ("0004", "0003", "newer"),
        ("0999", "1001", "older"),
        ("1002", "1001", "newer"),
    ],
)
def test_tables_are_older_the_same_or_newer(present: str | None, head: str, fit: str) -> None:
    assert migrations.fit(present, head) == fit
