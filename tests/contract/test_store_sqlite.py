"""What is particular to the embedded store: its file, its faults, and how it gets over them."""

import asyncio
import multiprocessing
import resource
import sqlite3
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from tests.contract.store_cast import A1, T0, event_id, notification, recording

from postroom.errors import InvalidInputError, UnavailableError
from postroom.model import DeliveryState
from postroom.storage import kept_queries, queries
from postroom.storage.port import DeliveryQuery, EnvelopeQuery, NotificationQuery
from postroom.storage.sqlite import SqliteStore, connection, open_store

BIG = notification(99, body=b"b" * 1_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "postroom.db"


@pytest.fixture
async def sqlite_store(path: Path) -> AsyncIterator[SqliteStore]:
    store = await open_store(path)
    yield store
    await store.close()


async def test_the_file_is_for_its_owner_only(path: Path, sqlite_store: SqliteStore) -> None:
    await sqlite_store.record(recording(notification(1)))
    for one in (path, Path(f"{path}-wal")):
        assert stat.S_IMODE(one.stat().st_mode) == 0o600


async def test_every_commit_reaches_the_disk(sqlite_store: SqliteStore) -> None:
    """`synchronous = FULL` in write-ahead mode: one fsync of the log a commit."""
    durable = await sqlite_store._writer.do(
        lambda tx: tx.sql.execute("SELECT (SELECT * FROM pragma_synchronous)").fetchone()[0]
    )
    mode = await sqlite_store._reader.read(
        lambda sql: sql.execute("PRAGMA journal_mode").fetchone()[0]
    )
    assert (durable, mode) == (2, "wal")


async def test_concurrent_recordings_share_commits(sqlite_store: SqliteStore) -> None:
    commits = 0

    def count(statement: str) -> None:
        nonlocal commits
        commits += statement == "COMMIT"

    await sqlite_store._writer.do(lambda tx: tx.sql.set_trace_callback(count))
    await asyncio.gather(*(sqlite_store.record(recording(notification(n))) for n in range(200)))
    await sqlite_store._writer.do(lambda tx: tx.sql.set_trace_callback(None))
    assert commits < 50


async def test_a_full_database_refuses_and_recovers(sqlite_store: SqliteStore) -> None:
    def limit(pages: int) -> None:
        sqlite_store._writer._connection.execute(f"PRAGMA max_page_count = {pages}")  # type: ignore[union-attr]  # open

    await sqlite_store.record(recording(notification(1)))
    used = await sqlite_store._writer.do(
        lambda tx: int(tx.sql.execute("PRAGMA page_count").fetchone()[0])
    )
    await sqlite_store._writer.do(lambda _: limit(used + 50))

    small = [sqlite_store.record(recording(notification(n))) for n in (2, 3)]
    outcomes = await asyncio.gather(
        small[0], sqlite_store.record(recording(BIG)), small[1], return_exceptions=True
    )

    assert [isinstance(one, UnavailableError) for one in outcomes] == [False, True, False]
    with pytest.raises(UnavailableError, match="make room"):
        await sqlite_store.record(recording(BIG))
    assert await sqlite_store.notification(BIG.id) is None
    assert (await sqlite_store.counts()).notifications == 3

    await sqlite_store._writer.do(lambda _: limit(10**6))

    assert not (await sqlite_store.record(recording(BIG))).is_duplicate
    assert await sqlite_store.notification(BIG.id) is not None


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size`, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_disk_that_stops_writing_loses_nothing_that_was_kept(
    sqlite_store: SqliteStore,
) -> None:
    for number in range(5):
        await sqlite_store.record(recording(notification(number)))
    large = [recording(notification(n, body=b"b" * 400_000)) for n in range(5, 8)]
    with largest_file(300_000):
        for one in large:
            with pytest.raises(UnavailableError, match="disk"):
                await sqlite_store.record(one)
            assert (await sqlite_store.counts()).notifications == 5

    for one in large:
        assert not (await sqlite_store.record(one)).is_duplicate

    assert (await sqlite_store.counts()).notifications == 8
    assert await sqlite_store.notification(event_id(0)) is not None


async def test_another_process_that_holds_the_lock_too_long_is_said_to(
    path: Path, sqlite_store: SqliteStore
) -> None:
    await sqlite_store._writer.do(lambda tx: tx.sql.execute("SELECT 1").close())
    sqlite_store._writer._connection.execute("PRAGMA busy_timeout = 20")  # type: ignore[union-attr]  # open
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        outcomes = await asyncio.gather(
            *(sqlite_store.record(recording(notification(n))) for n in range(5)),
            return_exceptions=True,
        )
        assert all(isinstance(one, UnavailableError) for one in outcomes)
        assert "another program" in str(outcomes[0])
        assert (await sqlite_store.counts()).notifications == 0
        other.execute("ROLLBACK")
    assert not (await sqlite_store.record(recording(notification(1)))).is_duplicate


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (DeliveryQuery(states=(DeliveryState.HELD,)), "delivery_undecided"),
        (DeliveryQuery(listener_id=1, states=(DeliveryState.CROSSED,)), "delivery_undecided"),
        (
            DeliveryQuery(listener_id=1, states=(DeliveryState.GIVEN_UP,), not_superseded=True),
            "delivery_failed",
        ),
        (DeliveryQuery(listener_id=1), "delivery_by_listener"),
        (NotificationQuery(only="unclaimed"), "notification_unclaimed"),
    ],
)
async def test_a_list_of_few_reads_the_index_of_those_few(
    path: Path, sqlite_store: SqliteStore, query: DeliveryQuery | NotificationQuery, index: str
) -> None:
    """Among a million deliveries that is 0.2 ms instead of 100."""
    statement = (
        queries.deliveries(query)
        if isinstance(query, DeliveryQuery)
        else queries.notifications(query)
    )
    assert index in (await _plan(path, sqlite_store, statement))[0]


@pytest.mark.parametrize(
    ("query", "step"),
    [
        ({}, "kept_envelope_by_change (account_id=?)"),
        ({"statuses": ("sent",)}, "kept_envelope_by_change (account_id=?)"),
        ({"moment_from": T0}, "kept_envelope_by_change (account_id=? AND status_changed_at>?)"),
        (
            {"by": "created", "moment_from": T0, "order_by": "created"},
            "kept_envelope_by_creation (account_id=? AND created_at>?)",
        ),
        ({"ids": ("a", "b"), "moment_from": T0}, "kept_envelope_by_id (id=?)"),
        ({"transaction_ids": ("a",)}, "kept_envelope_by_transaction (transaction_id=?)"),
        ({"field": ("a", "b"), "moment_from": T0}, "(account_id=? AND name=? AND value=?)"),
    ],
)
async def test_a_page_of_envelopes_is_found_by_an_index(
    path: Path, sqlite_store: SqliteStore, query: dict[str, Any], step: str
) -> None:
    asked = EnvelopeQuery(account_id=A1, **query)
    page = await _plan(path, sqlite_store, kept_queries.envelopes(asked))
    count = await _plan(path, sqlite_store, kept_queries.envelope_count(asked))

    assert any(step in one for one in page), page
    assert not any("SCAN" in one for one in (*page, *count)), (page, count)
    if {"ids", "transaction_ids", "field"} & set(query):
        # Nothing goes through all that the account has.
        assert not any("(account_id=?)" in one for one in (*page, *count)), (page, count)


@pytest.mark.parametrize("order", ["status_changed", "created"])
async def test_a_page_in_the_order_of_an_index_sorts_nothing_but_itself(
    path: Path, sqlite_store: SqliteStore, order: Literal["status_changed", "created"]
) -> None:
    query = EnvelopeQuery(account_id=A1, order_by=order)
    plan = await _plan(path, sqlite_store, kept_queries.envelopes(query))
    inner = plan[plan.index(next(step for step in plan if "SUBQUERY" in step)) :]
    assert [step for step in plan if "B-TREE" in step] == ["USE TEMP B-TREE FOR ORDER BY"]
    assert inner[-1] == "USE TEMP B-TREE FOR ORDER BY"


async def test_what_is_due_is_found_by_its_own_index(path: Path, sqlite_store: SqliteStore) -> None:
    plan = await _plan(path, sqlite_store, kept_queries.envelopes_due(T0, 10))
    assert plan == ["SEARCH kept_envelope USING INDEX kept_envelope_due (next_at<?)"]


async def _plan(path: Path, store: SqliteStore, statement: sa.Select[Any]) -> list[str]:
    """Return the steps in which SQLite answers a statement."""
    compiled = statement.compile(
        dialect=sqlite.dialect(paramstyle="qmark"), compile_kwargs={"render_postcompile": True}
    )
    values = [compiled.params[name] for name in compiled.positiontup or ()]
    await store.revision()
    with closing(connection.open_reader(path)) as reader:
        return [row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {compiled}", values)]


async def test_two_stores_on_one_file_see_each_others_writes(
    path: Path, sqlite_store: SqliteStore
) -> None:
    """A command beside a running server."""
    command = await open_store(path)
    await asyncio.gather(
        *(sqlite_store.record(recording(notification(n))) for n in range(50)),
        *(command.record(recording(notification(n))) for n in range(25, 75)),
    )
    await command.close()
    assert (await sqlite_store.counts()).notifications == 75


async def test_a_file_that_was_taken_away_does_not_come_back_empty(
    path: Path, sqlite_store: SqliteStore
) -> None:
    sqlite_store._writer._drop_connection()
    away = path.with_suffix(".away")
    await asyncio.to_thread(path.rename, away)
    with pytest.raises(UnavailableError, match="cannot be opened"):
        await sqlite_store.record(recording(notification(1)))
    await asyncio.to_thread(away.rename, path)
    assert not (await sqlite_store.record(recording(notification(1)))).is_duplicate


def test_a_file_of_another_kind_is_refused_and_left_alone(path: Path) -> None:
    path.write_bytes(b"not a database, but somebody's file " * 100)
    before = path.read_bytes()
    with pytest.raises(UnavailableError, match="not an SQLite database"):
        asyncio.run(_open_and_close(path))
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (id)")
    with pytest.raises(InvalidInputError, match="another program's"):
        asyncio.run(_open_and_close(path))


async def test_a_database_of_a_newer_release_is_refused(path: Path) -> None:
    await (await open_store(path)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(InvalidInputError, match="newer"):
        await open_store(path)


async def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="folder exists"):
        await open_store(tmp_path / "nowhere" / "postroom.db")


async def test_a_path_with_odd_characters_is_just_a_path(tmp_path: Path) -> None:
    odd = tmp_path / "a?b#c%20 d.db"
    store = await open_store(odd)
    await store.record(recording(notification(1)))
    await store.close()
    again = await open_store(odd)
    assert (await again.counts()).notifications == 1
    await again.close()


async def test_a_closed_store_says_so(path: Path) -> None:
    store = await open_store(path)
    await store.close()
    await store.close()
    with pytest.raises(UnavailableError, match="closed"):
        await store.record(recording(notification(1)))
    with pytest.raises(UnavailableError, match="closed"):
        await store.revision()


async def test_closing_finishes_what_was_begun(path: Path) -> None:
    store = await open_store(path)
    begun = [asyncio.create_task(store.record(recording(notification(n)))) for n in range(100)]
    await asyncio.sleep(0)
    await store.close()
    assert not any(one.is_duplicate for one in await asyncio.gather(*begun))
    again = await open_store(path)
    assert (await again.counts()).notifications == 100
    await again.close()


async def _open_and_close(path: Path) -> None:
    await (await open_store(path)).close()


def _be_a_process(path: Path) -> None:
    asyncio.run(_open_and_close(path))


def test_processes_that_open_a_new_file_at_once_do_not_get_in_each_others_way(path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.map(_be_a_process, [path] * 6)


def test_an_unknown_fault_is_passed_on_as_it_is() -> None:
    fault = sqlite3.ProgrammingError("a fault of ours")
    assert connection.trouble(fault) is fault
