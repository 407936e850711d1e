"""The store on PostgreSQL as servers come and go: which host is taken, what is not believed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest
from tests.chaos.proxy import HOST, Proxy
from tests.contract import postgres
from tests.contract.store_cast import AUDIT, MINUTE, T0, notification, put, recording, settlement

from postroom.errors import UnavailableError
from postroom.storage.port import Recorded
from postroom.storage.postgres import PostgresStore, connection, hosts, open_store

SOON_SECONDS = 10


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def dsn(stack: AsyncExitStack) -> str:
    dsn = await postgres.server().new_database()
    stack.push_async_callback(postgres.server().give_back, dsn)
    return dsn


@pytest.fixture
async def node(dsn: str, stack: AsyncExitStack) -> PostgresStore:
    store = await open_store(dsn)
    stack.push_async_callback(store.close)
    await store.change([put("erp")], AUDIT)
    return store


# --- several hosts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dsn", "each"),
    [
        ("postgresql://one/p", ["postgresql://one/p"]),
        (
            "postgresql://me:a%40b@one:1,two/p?sslmode=require",
            [
                "postgresql://me:a%40b@one:1/p?sslmode=require",
                "postgresql://me:a%40b@two/p?sslmode=require",
            ],
        ),
        ("postgresql://[::1]:1,two/p", ["postgresql://[::1]:1/p", "postgresql://two/p"]),
        ("postgresql://me@/p?host=/run", ["postgresql://me@/p?host=/run"]),
        (
            "postgresql://me@/p?host=/a,b&port=1,2",
            ["postgresql://me@/p?host=%2Fa&port=1", "postgresql://me@/p?host=b&port=2"],
        ),
        (
            "postgresql://me@/p?host=a,b&port=1",
            ["postgresql://me@/p?host=a&port=1", "postgresql://me@/p?host=b&port=1"],
        ),
    ],
)
def test_each_host_of_a_dsn_is_one_of_its_own(dsn: str, each: list[str]) -> None:
    assert list(hosts.one_by_one(dsn)) == each


@pytest.mark.parametrize("is_silent", [True, False], ids=["says-nothing", "ends-at-once"])
async def test_a_host_that_only_takes_connections_does_not_keep_a_node_from_the_next(
    dsn: str, stack: AsyncExitStack, *, is_silent: bool
) -> None:
    held: list[asyncio.StreamWriter] = []

    async def take(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_silent:
            held.append(writer)
        else:
            writer.transport.abort()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    several = dsn.replace("host=", "host=127.0.0.1,") + f"&port={port},5432"
    try:
        store = await open_store(f"{several}&target_session_attrs=read-write")
        stack.push_async_callback(store.close)
        assert await store.revision() == 0
    finally:
        server.close()
        for writer in held:
            writer.transport.abort()


async def test_a_server_that_goes_silent_is_given_up_in_time(
    dsn: str, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ROAD_SECONDS", 0.2)
    node = await open_store(dsn)
    stack.push_async_callback(node.close)
    await node.change([put("erp")], AUDIT)
    holds, goes_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        other = await asyncpg.connect(dsn)
        async with other.transaction():
            await other.execute("LOCK notification")
            holds.set()
            await goes_on.wait()
        await other.close()

    held = asyncio.create_task(hold())
    await holds.wait()
    with pytest.raises(UnavailableError, match="in time"):
        await node.record(recording(notification(1), 1))
    goes_on.set()
    await held
    assert not (await node.record(recording(notification(1), 1))).is_duplicate


async def test_a_network_that_goes_silent_is_left_for_the_next_host(
    dsn: str, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what writes and by what reads, although many connections lay idle."""
    monkeypatch.setattr(hosts, "NEXT_HOST_SECONDS", 30)
    proxy = Proxy(Path(dsn.partition("host=")[2]) / ".s.PGSQL.5432")
    await proxy.open()
    stack.callback(proxy.close)
    several = dsn.replace("host=", f"host={HOST},") + f"&port={proxy.port},5432"
    monkeypatch.setattr(connection, "ROAD_SECONDS", 1.0)
    node = await open_store(several)
    stack.push_async_callback(node.close)
    await node.change([put("erp")], AUDIT)
    await asyncio.gather(*(node.revision() for _ in range(3)))
    await node.record(recording(notification(1), 1))

    monkeypatch.setattr(hosts, "NEXT_HOST_SECONDS", 0.1)
    proxy.hang()

    asked = [node.revision(), node.next_due([1])]
    kept, *outcomes = await asyncio.gather(
        node.record(recording(notification(2), 1)), *asked, return_exceptions=True
    )
    assert [type(one) for one in outcomes] == [UnavailableError] * 2
    assert isinstance(kept, Recorded), "what had not begun could be begun elsewhere"
    assert await node.revision() == 1
    assert list(await node.next_due([1])) == [1]


async def test_a_client_that_is_cut_off_holds_no_rows_for_long(node: PostgresStore) -> None:
    names = ("idle_in_transaction_session_timeout", "client_connection_check_interval")
    for name in names:
        said = await node._attempts.do(lambda tx, name=name: tx.sql.fetchval(f"SHOW {name}"))  # type: ignore[misc]  # what a lambda returns is not inferred
        assert said not in {"0", None}


# --- a standby to wait for ------------------------------------------------------------------------


@pytest.fixture
async def no_standby(node: PostgresStore, dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """Let every commit wait for a standby that is not there."""
    del node  # it is open by then, or its first commit would wait as well
    admin = await asyncpg.connect(dsn)
    await admin.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    await admin.execute("SELECT pg_reload_conf()")
    yield admin
    await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await admin.execute("SELECT pg_reload_conf()")
    await admin.close()


async def _waiting(admin: asyncpg.Connection) -> int:
    """Return the server's process whose commit waits for the standby, once there is one."""
    asked = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    async with asyncio.timeout(SOON_SECONDS):
        while (pid := await admin.fetchval(asked)) is None:  # noqa: ASYNC110  # nothing tells it
            await asyncio.sleep(0.02)
    return int(pid)


@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_a_commit_that_no_standby_has_is_not_acknowledged_and_sent_again_is_a_repeat(
    node: PostgresStore, no_standby: asyncpg.Connection, end: str
) -> None:
    """Cancelled while it waits, the server says COMMIT and warns; ended, it says nothing."""
    kept = asyncio.create_task(node.record(recording(notification(1), 1, leased=[1])))
    await no_standby.execute(f"SELECT {end}({await _waiting(no_standby)})")
    with pytest.raises(UnavailableError, match="PostgreSQL"):
        await kept
    await no_standby.execute("ALTER SYSTEM RESET synchronous_standby_names")
    await no_standby.execute("SELECT pg_reload_conf()")

    assert (await node.record(recording(notification(1), 1, leased=[1]))).is_duplicate

    # What it had leased nobody heard of: it is due again long before the lease ends.
    async with asyncio.timeout(SOON_SECONDS):
        while not (  # noqa: ASYNC110  # nothing tells it
            leased := await node.lease(
                1, limit=1, now=T0 + MINUTE, leased_until=T0 + 2 * MINUTE, token=5
            )
        ):
            await asyncio.sleep(0.05)
    assert (await node.settle(settlement(leased[0]))).was_ours
