"""The nodes that deliver, and what one hears of the others: what every store promises of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from tests.contract import postgres
from tests.contract.conftest import Backend
from tests.contract.store_cast import (
    AUDIT,
    T0,
    envelope,
    notification,
    owed,
    put,
    recording,
    settle,
)

from postroom.errors import UnavailableError
from postroom.model import Lease
from postroom.storage.port import Crew, Heard, Store
from postroom.storage.postgres import PostgresStore, nodes, open_store

NOTHING: frozenset[int] = frozenset()


async def attend(store: Store, seen: int = 0, *draining: int, is_leaving: bool = False) -> Crew:
    return await store.attend(seen=seen, draining=frozenset(draining), is_leaving=is_leaving)


def numbers(crew: Crew) -> list[int]:
    return [one.number for one in crew.members]


# --- every store ----------------------------------------------------------------------------------


async def test_a_node_that_attends_is_one_of_the_crew_until_it_leaves(store: Store) -> None:
    first = await attend(store)
    assert first.members == (first.me,)
    again = await attend(store, first.me.joined, 7)
    assert again.members == (again.me,)
    assert (again.me.number, again.me.draining) == (first.me.number, frozenset({7}))
    leaving = await attend(store, first.me.joined, is_leaving=True)
    assert (leaving.me.is_leaving, leaving.me.draining) == (True, NOTHING)
    await store.leave()
    await store.leave()


async def test_nothing_of_a_node_that_is_there_is_freed_with_what_is_gone(
    store: Store, erp: int
) -> None:
    await attend(store)
    (leased,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    assert await store.free_gone(T0) == 0
    assert (await settle(store, leased)).was_ours


async def test_whoever_waits_to_hear_something_is_woken_by_the_end(backend: Backend) -> None:
    store = await backend.open()

    async def hear_for_good() -> None:
        while True:
            await store.heard()

    waiting = asyncio.create_task(hear_for_good())
    await asyncio.sleep(0)
    await store.close()
    with pytest.raises(UnavailableError, match="open it again"):
        await waiting


async def test_a_breaker_that_is_written_tells_the_revision_it_made(store: Store, erp: int) -> None:
    before = await store.states_revision()
    assert await store.set_down(erp, T0, T0) == before + 1
    assert await store.set_down(erp, None, None) == await store.states_revision() == before + 2


# --- of many nodes --------------------------------------------------------------------------------


@pytest.fixture
async def dsn() -> AsyncIterator[str]:
    dsn = await postgres.server().new_database()
    yield dsn
    await postgres.server().give_back(dsn)


@pytest.fixture
async def three(dsn: str) -> AsyncIterator[list[PostgresStore]]:
    """Return three stores on one database that attend, with the listener 1."""
    async with AsyncExitStack() as stack:
        opened: list[PostgresStore] = []
        for _ in range(3):
            opened.append(await open_store(dsn))
            stack.push_async_callback(opened[-1].close)
            await attend(opened[-1])
        await opened[0].change([put("erp")], AUDIT)
        yield opened


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let silence mean absence after a moment."""
    monkeypatch.setattr(nodes, "ABSENT_SECONDS", 0.3)
    monkeypatch.setattr(nodes, "PAUSE_SECONDS", 0.2)


async def watch(store: Store, *others: Store, until: int) -> Crew:
    """Attend again and again, with others, until so many are left."""
    async with asyncio.timeout(10):
        while True:
            for other in others:
                await attend(other)
            crew = await attend(store)
            if len(crew.members) == until:
                return crew
            await asyncio.sleep(0.02)


async def test_who_joins_is_the_last_and_has_seen_all_before_it(three: list[PostgresStore]) -> None:
    crews = [await attend(store, seen=10**6) for store in three]
    assert all(numbers(crew) == numbers(crews[0]) for crew in crews)
    joined = [one.joined for one in crews[2].members]
    assert joined == sorted(set(joined))
    new = (await attend(three[0])).members[2]
    assert new.seen == 10**6
    await three[1].leave()
    rejoined = await attend(three[1])
    assert rejoined.members[-1] == rejoined.me
    assert rejoined.me.seen == rejoined.me.joined > max(joined)


async def test_nodes_that_join_at_once_have_seen_each_other_or_will(dsn: str) -> None:
    """Of any two, the later has seen the earlier: no number is given out behind a greater one."""
    async with AsyncExitStack() as stack:
        opened = [await open_store(dsn) for _ in range(6)]
        for store in opened:
            stack.push_async_callback(store.close)
        crews = await asyncio.gather(*(attend(store) for store in opened))
        for crew in crews:
            assert crew.me == crew.members[-1]
        assert sorted(len(crew.members) for crew in crews) == [1, 2, 3, 4, 5, 6]


@pytest.mark.usefixtures("soon")
async def test_who_is_silent_is_taken_out_and_joins_anew(
    three: list[PostgresStore],
) -> None:
    silent = numbers(await attend(three[0]))[2]
    left = await watch(three[0], three[1], until=2)
    assert silent not in numbers(left)
    back = await attend(three[2])
    assert back.me.number == silent
    assert back.me == back.members[-1]


@pytest.mark.usefixtures("soon")
async def test_after_a_pause_everyone_has_time_to_come_back(
    three: list[PostgresStore],
) -> None:
    await attend(three[0])
    await asyncio.sleep(0.4)
    assert len((await attend(three[0])).members) == 3


@pytest.mark.usefixtures("soon")
async def test_leases_of_a_node_are_freed_once_it_is_out_and_its_connections_are_gone(
    three: list[PostgresStore],
) -> None:
    leases: list[Lease] = []
    for place, node in enumerate(three):
        fresh = recording(notification(place, envelope_id=envelope(place)), 1, leased=[1])
        leases += (await node.record(fresh)).leases
    assert await three[0].free_gone(T0) == 0
    await watch(three[0], three[1], until=2)
    assert await three[0].free_gone(T0) == 0, "it is silent, and yet it may be at work"
    await three[2].close()
    assert await three[0].free_gone(T0) == 1
    states = [one.is_leased for one in await owed(three[0], 1)]
    assert states == [True, True, False]
    assert (await settle(three[1], leases[1])).was_ours


async def test_a_node_cut_off_for_a_moment_keeps_its_leases_whoever_starts_meanwhile(
    dsn: str, three: list[PostgresStore]
) -> None:
    (leased,) = (await three[1].record(recording(notification(1), 1, leased=[1]))).leases
    await postgres.server().cut_off(dsn)
    assert await three[0].free_leases(T0) == 0
    assert (await settle(three[1], leased)).was_ours


async def test_a_node_hears_that_another_joined_drains_and_left(three: list[PostgresStore]) -> None:
    listening, other, _ = three
    await listening.heard()
    seen = (await attend(other)).me.seen
    await attend(other, seen, 7)
    assert await listening.heard() == Heard(moved=frozenset({"crew"}))
    await attend(other, seen, 7)
    await other.leave()
    assert await listening.heard() == Heard(moved=frozenset({"crew"}))
    await attend(other)
    assert await listening.heard() == Heard(moved=frozenset({"crew"}))
