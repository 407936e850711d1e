"""Two nodes on one PostgreSQL, in the test's own process: what each may rely on of the other."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from tests.acceptance.cast import A1, KEYS, envelope, signed_headers
from tests.contract.postgres import PostgresServer
from tests.contract.wire import ok, read_request, server
from tests.flow.gatehouse import eventually
from tests.flow.office import Office, office

from postroom.envelopes.sim_message import message
from postroom.vault import Vault

KEY = Vault.generate_key().decode()
EVENTS = ("envelope-sent", "envelope-delivered", "envelope-completed")
SHARED = 200
"""More than one node with all places of a listener may have in hand."""


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
async def nodes(dsn: str, tmp_path: Path) -> AsyncIterator[list[Office]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(node(dsn, tmp_path)) for _ in range(2)]


def node(dsn: str, folder: Path, **settings: Any) -> Any:
    return office(folder, database=dsn, secret_key=KEY, **settings)


class Listener:
    """Keeps what it gets, and answers once the test lets it."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.connections = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    @asynccontextmanager
    async def at(self) -> AsyncIterator[str]:
        async with server(self._play) as port:
            yield f"http://127.0.0.1:{port}/"

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            _, body = await read_request(reader)
            self.got.append(msgspec.json.decode(body))
            await self.may_answer.wait()
            writer.write(ok())
            await writer.drain()

    async def has(self, count: int) -> bool:
        return len(self.got) >= count

    def by_envelope(self) -> dict[str, list[str]]:
        """Return the events of each envelope in the order they came."""
        came: dict[str, list[str]] = defaultdict(list)
        for one in self.got:
            came[one["data"]["envelopeId"]].append(one["event"])
        return came


async def in_step(nodes: list[Office]) -> None:
    """Wait until every node goes by what was last changed at any."""

    async def are_all() -> bool:
        revision = await nodes[0].node.store.revision()
        return all(one.node.keeper.current.registry.revision == revision for one in nodes)

    await eventually(are_all)


async def all_delivered(one: Office, count: int) -> bool:
    """Tell whether so many deliveries have succeeded and no more is owed."""
    counts = await one.node.store.counts()
    return counts.delivered == count and not counts.backlog


async def pause(one: Office, name: str, verb: str) -> None:
    await one.post(f"/listeners/{name}/{verb}")


async def test_what_is_applied_at_one_node_is_in_force_at_the_other(nodes: list[Office]) -> None:
    first, second = nodes
    listener = Listener()
    async with listener.at() as url:
        await first.apply({"name": "erp", "url": url})
        await in_step(nodes)
        await second.feed(1)
        await eventually(lambda: listener.has(1))
        await first.apply({"name": "erp", "url": url, "events": ["envelope-declined"]})
        await in_step(nodes)
        await second.feed(2)
    assert len((await first.get("/unclaimed"))["items"]) == 1


async def test_a_key_added_at_one_node_opens_the_door_of_the_other(nodes: list[Office]) -> None:
    first, second = nodes
    body = message(envelope(1), "envelope-sent", at=second.node.clock.now())
    headers = signed_headers([KEYS[A1]], body)

    async def is_taken() -> bool:
        answer = await second.http.post("/connect", content=body, headers=headers)
        return answer.status_code == httpx.codes.OK

    assert not await is_taken()
    await first.apply()
    await eventually(is_taken)


async def test_what_one_node_took_in_both_deliver_each_once_and_in_order(
    nodes: list[Office],
) -> None:
    first, second = nodes
    listener = Listener()
    listener.may_answer.clear()
    async with listener.at() as url:
        await first.apply({"name": "erp", "url": url, "concurrency": 16})
        for number in range(SHARED):
            await first.feed(number)
        await eventually(lambda: listener.has(16))
        assert all(one.node.worker.held_leases() for one in nodes)
        listener.may_answer.set()
        await eventually(lambda: all_delivered(second, SHARED))
    assert listener.connections == 16
    assert Counter(map(len, listener.by_envelope().values())) == {1: SHARED}


async def test_events_taken_in_by_turns_reach_a_listener_in_their_order(
    nodes: list[Office],
) -> None:
    listener = Listener()
    async with listener.at() as url:
        await nodes[0].apply({"name": "erp", "url": url})
        await in_step(nodes)
        for place, event in enumerate(EVENTS):
            for one in nodes:
                one.node.clock.advance_to(one.node.clock.now() + 1_000_000)  # type: ignore[attr-defined]  # a virtual one
            turns = [nodes[(place + number) % 2].feed(number, event) for number in range(40)]
            await asyncio.gather(*turns)
        await eventually(lambda: all_delivered(nodes[0], 40 * len(EVENTS)))
    assert set(map(tuple, listener.by_envelope().values())) == {EVENTS}
    assert len(listener.got) == 40 * len(EVENTS)


async def test_a_listener_paused_at_one_node_rests_at_both(nodes: list[Office]) -> None:
    first, second = nodes
    listener = Listener()
    async with listener.at() as url:
        await first.apply({"name": "erp", "url": url})
        await in_step(nodes)
        await pause(first, "erp", "pause")
        [listener_id] = first.node.keeper.current.registry.listeners

        async def is_paused() -> bool:
            return second.node.keeper.current.is_paused(listener_id)

        await eventually(is_paused)
        await second.feed(1)
        assert (await second.get("/health"))["in_hand"] == 0
        assert listener.got == []
        await pause(second, "erp", "resume")
        await eventually(lambda: all_delivered(first, 1))


async def test_a_node_that_stops_gives_its_leases_to_the_other(dsn: str, tmp_path: Path) -> None:
    listener = Listener()
    async with listener.at() as url, node(dsn, tmp_path) as staying:
        async with node(dsn, tmp_path, drain_seconds=0) as leaving:
            await leaving.apply({"name": "erp", "url": url, "concurrency": 1})
            listener.may_answer.clear()
            for number in range(10):
                await leaving.feed(number)
            await eventually(lambda: listener.has(1))
        listener.may_answer.set()
        await eventually(lambda: all_delivered(staying, 10))
    repeated = [one for one, events in listener.by_envelope().items() if len(events) > 1]
    assert len(repeated) <= 2, "more than were in flight, one at each node"


async def test_while_the_database_is_away_the_door_answers_503_and_nothing_is_lost(
    engine: PostgresServer, nodes: list[Office]
) -> None:
    first, second = nodes
    listener = Listener()
    async with listener.at() as url:
        await first.apply({"name": "erp", "url": url})
        await in_step(nodes)
        await first.feed(1)
        await eventually(lambda: all_delivered(first, 1))
        listener.may_answer.clear()
        await first.feed(2)
        await eventually(lambda: listener.has(2))
        engine.kill()
        try:
            body = message(envelope(3), "envelope-sent", at=first.node.clock.now())
            headers = signed_headers([KEYS[A1]], body)
            for one in nodes:
                door = await one.http.post("/connect", content=body, headers=headers)
                assert door.status_code == httpx.codes.SERVICE_UNAVAILABLE
                assert door.headers["retry-after"]
                ready = await one.http.get("/readyz")
                assert ready.status_code == httpx.codes.SERVICE_UNAVAILABLE
                asked = await one.http.get("/api/v1/listeners")
                assert asked.status_code == httpx.codes.SERVICE_UNAVAILABLE
                changed = await one.http.post("/api/v1/apply", json={})
                assert changed.status_code == httpx.codes.SERVICE_UNAVAILABLE
            listener.may_answer.set()  # answered while the answer cannot be written
        finally:
            engine.start()

        async def is_taken_again() -> bool:
            door = await second.http.post("/connect", content=body, headers=headers)
            return door.status_code == httpx.codes.OK

        await eventually(is_taken_again)
        await first.feed(4)
        await eventually(lambda: all_delivered(second, 4))
    assert Counter(map(len, listener.by_envelope().values())) == {1: 4}


async def test_a_node_can_be_stopped_while_the_database_is_away(
    engine: PostgresServer, dsn: str, tmp_path: Path
) -> None:
    listener = Listener()
    listener.may_answer.clear()
    async with listener.at() as url, AsyncExitStack() as stack:
        leaving = await stack.enter_async_context(node(dsn, tmp_path, drain_seconds=0))
        await leaving.apply({"name": "erp", "url": url})
        await leaving.feed(1)
        await eventually(lambda: listener.has(1))
        engine.kill()
        try:
            await stack.aclose()
        finally:
            engine.start()
        listener.may_answer.set()
        # Nothing could be given back: whoever starts next sees that the node is gone.
        async with node(dsn, tmp_path) as again:
            await eventually(lambda: all_delivered(again, 1))


async def test_refusals_seen_while_the_database_is_away_are_listed_afterwards(
    engine: PostgresServer, nodes: list[Office]
) -> None:
    first, _ = nodes
    engine.kill()
    try:
        door = await first.http.post("/connect", content=b"{}", headers={"content-type": "a/b"})
        assert door.status_code == httpx.codes.UNSUPPORTED_MEDIA_TYPE
        with pytest.raises(Exception, match="PostgreSQL cannot be used now"):
            await first.node.rejections.write()
    finally:
        engine.start()

    async def is_listed() -> bool:
        answer = await first.http.get("/api/v1/rejections")
        return answer.is_success and len(answer.json()["items"]) == 1

    await eventually(is_listed)
