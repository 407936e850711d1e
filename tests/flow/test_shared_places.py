"""A listener's places among many nodes: its limit at every instant, its work never left lying."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tests.acceptance.gateway import Gateway
from tests.contract.postgres import PostgresServer
from tests.contract.wire import ok, read_request, server
from tests.flow.gatehouse import eventually
from tests.flow.office import Office, office

from postroom.clock import SECOND
from postroom.storage.postgres import PostgresStore, open_store
from postroom.vault import Vault
from postroom.workers import attendance, upkeep, worker

KEY = Vault.generate_key().decode()
EVENTS = 200
LIMITS = {"wide": 4, "narrow": 1}
CALL_SECONDS = 0.02
"""How long a call takes where one is allowed at once: together they take seconds."""
NEVER = 1000.0


@pytest.fixture(scope="module")
def engine() -> Iterator[PostgresServer]:
    one = PostgresServer()
    one.start()
    yield one
    one.stop()


@pytest.fixture
async def dsn(engine: PostgresServer) -> AsyncIterator[str]:
    made = await engine.new_database()
    yield made
    await engine.give_back(made)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


def node(dsn: str, folder: Path) -> Any:
    return office(folder, database=dsn, secret_key=KEY)


class Counter:
    """Counts the calls it has at once, and answers each after a moment."""

    def __init__(self, seconds: float = 0.001) -> None:
        self._seconds = seconds
        self.calls = 0
        self.now = 0
        self.most = 0
        self.status = "200 OK"
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    @asynccontextmanager
    async def at(self) -> AsyncIterator[str]:
        async with server(self._play) as port:
            yield f"http://127.0.0.1:{port}/"

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            self.calls += 1
            self.now += 1
            self.most = max(self.most, self.now)
            await asyncio.sleep(self._seconds)
            await self.may_answer.wait()
            self.now -= 1
            writer.write(ok(self.status))
            await writer.drain()


async def all_delivered(one: Office, count: int) -> bool:
    counts = await one.node.store.counts()
    return counts.delivered == count and not counts.backlog


async def crew_of(one: Office, size: int) -> None:
    """Wait until a node goes by so many nodes, all of which may start calls."""

    async def goes_by() -> bool:
        crew = one.node.worker.attendance.crew
        return (
            crew is not None
            and len(crew.members) == size
            and not any(
                member.seen < crew.members[-1].joined or member.draining for member in crew.members
            )
        )

    await eventually(goes_by)


def places(one: Office) -> dict[str, int]:
    """Return how many places of each listener a node has."""
    listeners = one.node.keeper.current.registry.listeners.values()
    return {each.name: one.node.worker.attendance.share(each).places for each in listeners}


async def move(nodes: list[Office], seconds: float) -> None:
    for one in nodes:
        clock = one.node.clock
        clock.advance_to(clock.now() + round(seconds * SECOND))  # type: ignore[attr-defined]  # a virtual one


async def test_no_more_calls_at_once_than_allowed_while_nodes_join_die_and_leave(
    dsn: str, tmp_path: Path, stack: AsyncExitStack
) -> None:
    counters = {name: Counter(CALL_SECONDS * most) for name, most in LIMITS.items()}
    listeners = [
        {
            "name": name,
            "url": await stack.enter_async_context(one.at()),
            "concurrency": LIMITS[name],
        }
        for name, one in counters.items()
    ]
    first = await stack.enter_async_context(node(dsn, tmp_path))
    await first.apply(*listeners)
    environment = {"POSTROOM_SECRET_KEY": KEY}
    dying = Gateway(tmp_path, start="2026-03-02T09:00:00Z", database=dsn, environment=environment)
    stack.callback(dying.close)
    await asyncio.to_thread(dying.start)
    feeding = asyncio.create_task(_feed(first))
    async with node(dsn, tmp_path) as leaving:
        await crew_of(first, 3)
        before = [one.calls for one in counters.values()]
        await asyncio.to_thread(dying.kill)
        staying = await stack.enter_async_context(node(dsn, tmp_path))
        await crew_of(first, 3)
        assert sum(places(one)["wide"] for one in (first, leaving, staying)) == LIMITS["wide"]
    await feeding
    await eventually(lambda: all_delivered(staying, EVENTS * len(LIMITS)))

    assert {name: one.most for name, one in counters.items()} == LIMITS
    assert all(was < one.calls for was, one in zip(before, counters.values(), strict=True))


async def test_a_node_that_joins_waits_for_the_calls_that_hang_in_its_places(
    dsn: str, tmp_path: Path, stack: AsyncExitStack
) -> None:
    counter = Counter()
    counter.may_answer.clear()
    url = await stack.enter_async_context(counter.at())
    first = await stack.enter_async_context(node(dsn, tmp_path))
    await first.apply({"name": "erp", "url": url, "concurrency": 16})
    for number in range(100):
        await first.feed(number)
    await eventually(lambda: _has_come(counter, 16))
    second = await stack.enter_async_context(node(dsn, tmp_path))

    async def is_drained_for() -> bool:
        crew = second.node.worker.attendance.crew
        return crew is not None and crew.members[0].seen == crew.me.joined

    await eventually(is_drained_for)
    assert 0 < places(first)["erp"] < 16, "it goes by the new one"
    await second.node.worker._look()
    assert places(second)["erp"] == second.node.worker.in_hand == 0
    counter.may_answer.set()
    await eventually(lambda: all_delivered(second, 100))
    assert counter.most == 16
    assert places(first)["erp"] + places(second)["erp"] == 16


async def _feed(one: Office) -> None:
    for number in range(EVENTS):
        await one.feed(number)


async def test_work_left_where_there_is_no_place_is_begun_at_once_where_there_is(
    dsn: str, tmp_path: Path, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a change made at one node is in force at the other. No poll helps here."""
    monkeypatch.setattr(worker, "POLL_SECONDS", NEVER)
    monkeypatch.setattr(upkeep, "ROSTER_SECONDS", NEVER)
    nodes = [await stack.enter_async_context(node(dsn, tmp_path)) for _ in range(2)]
    counter = Counter()
    url = await stack.enter_async_context(counter.at())
    await crew_of(nodes[0], 2)
    async with asyncio.timeout(5):
        await nodes[0].apply({"name": "erp", "url": url, "concurrency": 1})
        await eventually(lambda: _goes_by(nodes[1], nodes[0]))
        (without,) = [one for one in nodes if places(one)["erp"] == 0]
        for number in range(5):
            await without.feed(number)
            await eventually(lambda: all_delivered(without, number + 1))  # noqa: B023  # awaited at once


async def _goes_by(one: Office, other: Office) -> bool:
    return one.node.keeper.current.registry.revision == await other.node.store.revision()


async def test_a_listener_that_one_node_finds_down_rests_at_all_and_one_tries_it(
    dsn: str, tmp_path: Path, stack: AsyncExitStack
) -> None:
    nodes = [await stack.enter_async_context(node(dsn, tmp_path)) for _ in range(2)]
    counter = Counter()
    counter.status = "500 Broken"
    url = await stack.enter_async_context(counter.at())
    await crew_of(nodes[0], 2)
    await nodes[0].apply({"name": "erp", "url": url, "retry": [1] * 50, "acknowledgement": True})
    await eventually(lambda: _goes_by(nodes[1], nodes[0]))
    for number in range(10):
        await nodes[number % 2].feed(number)

    async def are_down() -> bool:
        lines = [line for one in nodes for line in one.node.worker._lines.values()]
        sinces = {line.down_since for line in lines}
        return len(sinces) == 1 and None not in sinces and not any(one.in_hand for one in lines)

    await eventually(are_down)
    tried = counter.calls
    for turn in range(3):
        await move(nodes, 61)
        await eventually(lambda: _has_come(counter, tried + turn + 1))  # noqa: B023  # awaited at once
        await asyncio.gather(*(one.node.upkeep.refresh() for one in nodes))
        await asyncio.gather(*(one.node.worker._look() for one in nodes))
        await eventually(are_down)
    assert counter.calls == tried + 3, "one node tries, once each time"
    counter.status = "200 OK"
    await move(nodes, 61)
    await eventually(lambda: all_delivered(nodes[1], 10))
    assert await nodes[0].node.store.states() == {}


async def _has_come(counter: Counter, calls: int) -> bool:
    return counter.calls >= calls


async def test_one_node_leads_and_when_it_goes_the_next_longest_there(
    dsn: str, tmp_path: Path, stack: AsyncExitStack
) -> None:
    async with node(dsn, tmp_path) as oldest:
        others = [await stack.enter_async_context(node(dsn, tmp_path)) for _ in range(2)]
        await crew_of(oldest, 3)
        led = [one.node.worker.attendance.is_lead for one in (oldest, *others)]
        assert led == [True, False, False]

    async def leads() -> bool:
        return bool(others[0].node.worker.attendance.is_lead)

    await eventually(leads)
    assert not others[1].node.worker.attendance.is_lead


async def test_a_node_that_cannot_be_sure_of_its_places_starts_nothing(
    engine: PostgresServer,
    dsn: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stack: AsyncExitStack,
) -> None:
    monkeypatch.setattr(attendance, "ABSENT_SECONDS", 0.5)
    monkeypatch.setattr(attendance, "LOOK_SECONDS", 0.1)
    counter = Counter()
    url = await stack.enter_async_context(counter.at())
    async with node(dsn, tmp_path) as one:
        await one.apply({"name": "erp", "url": url})
        await one.feed(1)
        await eventually(lambda: all_delivered(one, 1))
        engine.kill()

        async def is_unsure() -> bool:
            return not one.node.worker.attendance.is_sure

        try:
            await eventually(is_unsure)
            assert (
                one.node.worker.reserve(one.node.keeper.current.registry.listeners) == frozenset()
            )
        finally:
            engine.start()

        async def is_sure_again() -> bool:
            return bool(one.node.worker.attendance.is_sure)

        await eventually(is_sure_again)
        await one.feed(2)
        await eventually(lambda: all_delivered(one, 2))


async def test_a_node_that_was_taken_out_calls_for_nothing_that_others_have_meanwhile(
    dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: AsyncExitStack
) -> None:
    """As after its process was stopped for minutes: all but its call under way is others'."""
    monkeypatch.setattr(attendance, "LOOK_SECONDS", NEVER)
    monkeypatch.setattr(attendance, "ABSENT_SECONDS", NEVER)
    counter = Counter()
    counter.may_answer.clear()
    url = await stack.enter_async_context(counter.at())
    one = await stack.enter_async_context(node(dsn, tmp_path))
    await one.apply({"name": "erp", "url": url, "concurrency": 1})
    for number in range(5):
        await one.feed(number)
    await eventually(lambda: _has_come(counter, 1))
    (line,) = [each for each in one.node.worker._lines.values() if each.in_hand]

    async def is_ready() -> bool:
        return len(line.ready) == 4

    await eventually(is_ready)
    other = await open_store(dsn)
    stack.push_async_callback(other.close)
    await _take_over(dsn, other, line.listener_id, one.node.clock.now() + 120 * SECOND)

    await one.node.worker.attendance.look()
    counter.may_answer.set()

    async def has_ended() -> bool:
        return not one.node.worker.in_hand

    await eventually(has_ended)
    assert counter.calls == 1


async def _take_over(dsn: str, other: PostgresStore, listener_id: int, now: int) -> None:
    """Take every node out, and lease what its leases on have run out."""
    beside = await asyncpg.connect(dsn)
    await beside.execute("DELETE FROM node")
    await beside.close()
    until = now + 60 * SECOND
    taken = await other.lease(listener_id, limit=10, now=now, leased_until=until, token=7)
    assert len(taken) == 5
