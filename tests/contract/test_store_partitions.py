"""What was put apart to be forgotten together: whole spans go at once, what is owed stays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from os import urandom

import asyncpg
import pytest
from tests.contract import postgres
from tests.contract.store_cast import (
    A1,
    AUDIT,
    DAY,
    GIVEN_UP,
    MINUTE,
    T0,
    envelope,
    event_id,
    lease,
    notification,
    put,
    recording,
    settle,
    settlement,
)

from postroom.clock import SECOND
from postroom.model import Replay
from postroom.storage import migrations
from postroom.storage.port import NotificationQuery, Ordered, Store
from postroom.storage.postgres import PostgresStore, open_store, partitions
from postroom.storage.postgres.writer import Transaction
from postroom.workers.retention import PARTITIONS, retain

PUT_OFF_AT_MOST = 50
REPLAY = Replay(id="rpl_1", reason="bug")


async def _keep(store: Store, numbers: range, *, settled: bool = True, **changed: int) -> list[int]:
    """Keep notifications of an envelope each, owed to listener 1; return the deliveries."""
    ids = []
    for number in numbers:
        fresh = notification(number, envelope_id=envelope(number), **changed)
        (leased,) = (await store.record(recording(fresh, 1, leased=[1]))).leases
        if settled:
            await settle(store, leased)
        ids.append(leased.delivery_id)
    return ids


async def _bodies(store: Store) -> set[int]:
    """Return the numbers of the notifications whose bodies are left."""
    found = await store.notifications(NotificationQuery(account_id=A1, limit=1000))
    return {int(one.notification.id.removeprefix("evt_"), 16) for one in found if one.has_body}


# --- on both databases ----------------------------------------------------------------------------


async def test_beginning_a_partition_changes_nothing_that_anybody_sees(store: Store) -> None:
    await store.record(recording(notification(1), 1))
    await store.begin_partition(T0 + MINUTE, MINUTE // 2)
    await store.record(recording(notification(2), 1))

    assert (await store.record(recording(notification(1), 1))).is_duplicate
    (first,) = await lease(store, 1)
    assert first.notification == notification(1)
    settled = await store.settle(settlement(first, wants_next=True))
    assert settled.next is not None
    assert settled.next.notification == notification(2)
    listed = await store.notifications(NotificationQuery(account_id=A1))
    assert [one.notification.id for one in listed] == [event_id(2), event_id(1)]


async def test_a_span_that_is_past_goes_but_for_what_is_owed(store: Store) -> None:
    delivered = await _keep(store, range(1, 5))
    await _keep(store, range(5, 6), settled=False)
    await store.begin_partition(T0 + MINUTE, MINUTE // 2)
    await _keep(store, range(61, 64))

    assert await store.forget_bodies(T0 + 30 * SECOND, 100) == 4

    assert await _bodies(store) == {5, 61, 62, 63}
    assert await store.forget_bodies(T0 + 30 * SECOND, 100) == 0
    (owed,) = await lease(store, 1, now=T0 + 10 * MINUTE)
    assert owed.notification == notification(5, envelope_id=envelope(5))
    # What has no body is not replayed; what has one is, and forgotten in its turn.
    orders = [Ordered(delivery_id=one, due_at=T0) for one in (delivered[0], owed.delivery_id)]
    assert await store.replay(orders, REPLAY, now=T0, audit=AUDIT) == 1
    await settle(store, owed)
    assert await store.forget_bodies(T0 + 30 * SECOND, 100) == 0
    (again,) = await lease(store, 1, now=T0 + 20 * MINUTE)
    await settle(store, again)
    assert await store.forget_bodies(T0 + 30 * SECOND, 100) == 1


async def test_of_a_span_that_is_not_past_only_what_is_older_goes(store: Store) -> None:
    await _keep(store, range(10))
    await store.begin_partition(T0 + MINUTE, MINUTE // 2)
    await _keep(store, range(61, 63))

    assert await store.forget_bodies(T0 + 4 * SECOND, 100) == 4
    assert await _bodies(store) == {4, 5, 6, 7, 8, 9, 61, 62}


async def test_whole_notifications_go_whatever_they_were_put_together_with(store: Store) -> None:
    await _keep(store, range(4))
    await store.begin_partition(T0 + MINUTE, MINUTE // 2)
    await _keep(store, range(61, 63))

    assert await store.forget(T0 + 2 * SECOND, 100) == 2
    assert await _bodies(store) == {2, 3, 61, 62}
    assert await store.forget(T0 + DAY, 100) == 4
    assert (await store.counts()).notifications == 0


async def test_bodies_are_kept_for_so_many_days_and_rows_for_longer(store: Store) -> None:
    """Two messages a day, ten days for bodies (a tenth more at most), twenty for rows."""
    for day in range(30):
        await _keep(store, range(2 * day, 2 * day + 2), received_at=T0 + day * DAY)
        await retain(store, T0 + day * DAY, body_days=10, row_days=20)
        for _ in range(PUT_OFF_AT_MOST):
            if len(await _bodies(store)) <= 2 * 12:
                break
            # A vacuum was in the way: upkeep, too, comes again.
            await asyncio.sleep(0.1)
            await retain(store, T0 + day * DAY, body_days=10, row_days=20)
        bodies, kept = await _bodies(store), (await store.counts()).notifications

        assert bodies >= set(range(max(0, 2 * (day - 10)), 2 * day + 2))
        assert len(bodies) <= 2 * 12
        assert kept == min(2 * (day + 1), 2 * 21)


# --- on PostgreSQL --------------------------------------------------------------------------------


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def dsn() -> str:
    return await postgres.server().bare_database()


@pytest.fixture
async def node(dsn: str, stack: AsyncExitStack) -> PostgresStore:
    store = await open_store(dsn)
    stack.push_async_callback(store.close)
    await store.change([put("erp")], AUDIT)
    return store


@pytest.fixture
async def beside(dsn: str, stack: AsyncExitStack) -> asyncpg.Connection:
    connection = await asyncpg.connect(dsn)
    stack.push_async_callback(connection.close)
    return connection


async def _places(beside: asyncpg.Connection) -> dict[str, int]:
    """Return how many bodies each partition has."""
    found = await beside.fetch(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'content'::regclass"
    )
    return {row[0]: await beside.fetchval(f"SELECT count(*) FROM {row[0]}") for row in found}  # noqa: S608  # tables of ours


async def test_a_partition_begins_when_the_present_one_is_old_enough(
    node: PostgresStore, beside: asyncpg.Connection
) -> None:
    assert not await node.begin_partition(T0 + DAY, MINUTE)
    await _keep(node, range(3))
    assert not await node.begin_partition(T0 + MINUTE - 1, MINUTE)
    assert await node.begin_partition(T0 + MINUTE, MINUTE)
    assert not await node.begin_partition(T0 + DAY, MINUTE)
    await _keep(node, range(60, 65))

    assert await _places(beside) == {"content_0": 3, "content_1": 5, "content_rest": 0}


async def test_what_will_soon_go_together_may_stay_until_then(node: PostgresStore) -> None:
    await _keep(node, range(10))
    await node.begin_partition(T0 + MINUTE, MINUTE // 2)
    await _keep(node, range(61, 63))

    assert await node.forget_bodies(T0 + 8 * SECOND, 100, grace_us=5 * SECOND) == 3
    assert await _bodies(node) == {3, 4, 5, 6, 7, 8, 9, 61, 62}


async def test_nodes_that_begin_a_partition_at_once_begin_one(
    dsn: str, node: PostgresStore, beside: asyncpg.Connection, stack: AsyncExitStack
) -> None:
    other = await open_store(dsn)
    stack.push_async_callback(other.close)
    await _keep(node, range(3))
    await asyncio.gather(*(one.begin_partition(T0 + DAY, MINUTE) for one in (node, other) * 3))
    await _keep(node, range(60, 62))
    await _keep(other, range(62, 64))

    assert await _places(beside) == {"content_0": 3, "content_1": 4, "content_rest": 0}


async def test_a_past_partition_is_gone_and_what_is_owed_has_moved(
    node: PostgresStore, beside: asyncpg.Connection
) -> None:
    for first in (0, 100, 200):
        await _keep(node, range(first, first + 3))
        await _keep(node, range(first + 3, first + 4), settled=False)
        await node.begin_partition(T0 + first * SECOND + MINUTE, MINUTE)

    while await node.forget_bodies(T0 + 150 * SECOND, 100):
        pass

    assert await _places(beside) == {"content_2": 4, "content_3": 0, "content_rest": 2}
    tables = await beside.fetch("SELECT relname FROM pg_class WHERE relname ~ '^content_[0-9]+$'")
    assert {row[0] for row in tables} == {"content_2", "content_3"}


async def test_there_are_so_many_partitions_and_no_more(
    node: PostgresStore, beside: asyncpg.Connection
) -> None:
    for day in range(20):
        await _keep(node, range(day, day + 1), received_at=T0 + day * DAY)
        await retain(node, T0 + day * DAY, body_days=5, row_days=0)

    places = await _places(beside)
    assert len(places) <= PARTITIONS + 3
    assert places["content_rest"] == 0


async def test_what_has_numbers_that_no_partition_takes_is_kept_all_the_same(
    node: PostgresStore, beside: asyncpg.Connection
) -> None:
    """As after numbers were copied from another database."""
    await beside.execute(f"SELECT setval('notification_seq', {5 * partitions.WIDTH + 7})")
    await _keep(node, range(3))
    assert await node.begin_partition(T0 + DAY, MINUTE)
    await _keep(node, range(60, 62))

    assert await _places(beside) == {"content_0": 0, "content_6": 2, "content_rest": 3}
    assert await node.forget_bodies(T0 + 10 * SECOND, 10) == 3


async def test_who_leases_while_a_partition_is_emptied_waits_and_has_the_body(
    node: PostgresStore, beside: asyncpg.Connection
) -> None:
    await _keep(node, range(3))
    await _keep(node, range(3, 4), settled=False)
    await node.begin_partition(T0 + MINUTE, MINUTE)
    emptied, go_on = asyncio.Event(), asyncio.Event()

    async def empty_slowly(tx: Transaction) -> None:
        assert await partitions._empty(tx, number=0)
        emptied.set()
        await go_on.wait()

    emptying = asyncio.create_task(node._people.do(empty_slowly))
    await emptied.wait()
    leasing = asyncio.create_task(lease(node, 1, now=T0 + 10 * MINUTE))
    # Meanwhile whatever arrives is kept as ever.
    await node.record(recording(notification(70, envelope_id=envelope(70)), 1))
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'content_0'::regclass"
    while not await beside.fetchval(waits):
        assert not leasing.done()
    go_on.set()
    await emptying

    leases = {one.notification.id: one.notification for one in await leasing}
    assert leases[event_id(3)] == notification(3, envelope_id=envelope(3))


async def test_a_reader_in_the_way_puts_forgetting_off_and_holds_up_nobody_for_long(
    node: PostgresStore, beside: asyncpg.Connection
) -> None:
    await _keep(node, range(3))
    await node.begin_partition(T0 + MINUTE, MINUTE)
    reading = beside.transaction()
    await reading.start()
    await beside.fetch("SELECT count(*) FROM content")
    forgetting = asyncio.create_task(node.forget_bodies(T0 + 30 * SECOND, 100, grace_us=MINUTE))
    await _keep(node, range(60, 63))

    assert await forgetting == 0
    assert await _bodies(node) == {0, 1, 2, 60, 61, 62}
    await reading.rollback()
    assert await node.forget_bodies(T0 + 30 * SECOND, 100) == 3


async def test_vacuuming_puts_forgetting_off_too(
    node: PostgresStore, beside: asyncpg.Connection
) -> None:
    """It may be at what a partition keeps beside itself, which emptying finds out late."""
    await _keep(node, range(3))
    await node.begin_partition(T0 + MINUTE, MINUTE)
    beside_itself = await beside.fetchval(
        "SELECT reltoastrelid::regclass::text FROM pg_class WHERE relname = 'content_0'"
    )
    vacuuming = beside.transaction()
    await vacuuming.start()
    # What a vacuum holds, held by a look at it.
    await beside.fetch(f"SELECT count(*) FROM {beside_itself}")  # noqa: S608  # a table of ours

    assert await node.forget_bodies(T0 + 30 * SECOND, 100, grace_us=MINUTE) == 0
    await vacuuming.rollback()
    assert await node.forget_bodies(T0 + 30 * SECOND, 100, grace_us=MINUTE) == 3


async def test_a_partition_of_which_most_is_owed_goes_body_by_body(
    node: PostgresStore, beside: asyncpg.Connection
) -> None:
    await _keep(node, range(3))
    for number in range(3, 9):
        fresh = notification(number, envelope_id=envelope(number))
        (leased,) = (await node.record(recording(fresh, 1, leased=[1]))).leases
        await settle(node, leased, GIVEN_UP)
    await node.begin_partition(T0 + MINUTE, MINUTE)

    assert await node.forget_bodies(T0 + 30 * SECOND, 2) == 2
    assert await node.forget_bodies(T0 + 30 * SECOND, 2) == 1
    assert await _places(beside) == {"content_1": 0, "content_rest": 6}


async def test_a_partition_whose_bodies_all_went_one_by_one_goes_with_the_room_it_takes(
    node: PostgresStore, beside: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "FEW_BYTES", 100_000)
    for number in range(20):
        fresh = notification(number, envelope_id=envelope(number), body=urandom(20_000))
        await node.record(recording(fresh))
    await node.begin_partition(T0 + MINUTE, MINUTE)
    await beside.execute("DELETE FROM content")

    assert await node.forget_bodies(T0 + MINUTE, 100) == 0
    assert await _places(beside) == {"content_1": 0, "content_rest": 0}


async def test_what_the_release_before_kept_is_the_first_partition(stack: AsyncExitStack) -> None:
    dsn = await postgres.server().bare_database()
    old = await asyncpg.connect(dsn)
    stack.push_async_callback(old.close)
    await old.execute(migrations.script("postgresql", None, "0004"))
    await old.execute("INSERT INTO content (notification_seq, body) VALUES (7, 'seven')")
    file = await old.fetchval("SELECT pg_relation_filenode('content')")
    await old.execute(migrations.script("postgresql", "0004", "0005"))

    assert await old.fetchval("SELECT pg_relation_filenode('content_0')") == file
    assert await old.fetchval("SELECT body FROM content WHERE notification_seq = 7") == b"seven"
    assert await _places(old) == {"content_0": 1, "content_rest": 0}


async def test_everybody_waits_for_the_upgrade_no_longer_the_more_there_is(
    stack: AsyncExitStack,
) -> None:
    dsn = await postgres.server().bare_database()
    old = await asyncpg.connect(dsn, server_settings={"client_min_messages": "debug1"})
    stack.push_async_callback(old.close)
    await old.execute(migrations.script("postgresql", None, "0004"))
    for statement in (*migrations.ahead("0004"), *migrations.ahead("0004")):
        await old.execute(statement)
    said: list[str] = []
    old.add_log_listener(lambda _, message: said.append(message.message))
    await old.execute(migrations.script("postgresql", "0004", "0005"))

    assert [one for one in said if "content_0" in one and "implied by existing" in one]
    left = "SELECT count(*) FROM pg_constraint WHERE conname = 'content_fits'"
    assert await old.fetchval(left) == 0
