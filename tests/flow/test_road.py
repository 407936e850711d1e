"""The road from end to end, in one process: real store, real wire, a clock we move."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
from tests.acceptance.cast import A1, KA1, docusign_signature, envelope
from tests.contract.wire import answers, ok, server

from postroom.clock import SECOND, VirtualClock
from postroom.delivery.curl import CurlSender
from postroom.envelopes.sim_message import message
from postroom.model import Account, DeliveryState, Listener
from postroom.pipeline import Arrival, Road, Taken
from postroom.storage.port import (
    AuditEntry,
    DeliveryQuery,
    PutAccount,
    PutListener,
    Rejection,
    SealedSecret,
)
from postroom.storage.sqlite import open_store
from postroom.vault import Vault
from postroom.workers.upkeep import RosterKeeper
from postroom.workers.worker import Worker

START = 1_772_000_000 * SECOND
AUDIT = AuditEntry(at=START, actor="test", verb="test", details={})


class Gatehouse:
    """A road with a worker at its end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock(START)
        self.vault = Vault([Vault.generate_key()])

    async def open(self) -> None:
        self.store = await open_store(self.folder / "road.db")
        self.sender = CurlSender(allow_private_addresses=True, clock=self.clock)
        self.keeper = RosterKeeper(store=self.store, vault=self.vault, clock=self.clock)
        self.road = Road(
            store=self.store,
            sender=self.sender,
            clock=self.clock,
            roster=lambda: self.keeper.current,
        )
        self.worker = Worker(
            road=self.road,
            store=self.store,
            clock=self.clock,
            roster=lambda: self.keeper.current,
        )
        await self.store.change([PutAccount(account=Account(id=A1))], AUDIT)
        sealed = SealedSecret(
            id="key_1",
            account_id=A1,
            listener=None,
            purpose="hmac",
            sealed=self.vault.seal(KA1),
            fingerprint=self.vault.fingerprint(KA1),
            created_at=START,
        )
        await self.store.put_secret(sealed, AUDIT)
        await self.keeper.refresh()
        self.work = asyncio.create_task(self.worker.run())

    async def close(self) -> None:
        await self.worker.drain(1)
        self.work.cancel()
        await asyncio.gather(self.work, return_exceptions=True)
        await self.sender.close()
        await self.store.close()

    async def listen(self, name: str, port: int, **more: object) -> None:
        url = f"http://127.0.0.1:{port}/{name}"
        listener = Listener(id=0, account_id=A1, name=name, url=url, **more)  # type: ignore[arg-type]  # fields by name
        await self.store.change([PutListener(listener=listener)], AUDIT)
        await self.keeper.refresh()
        self.worker.roster_changed()

    async def take(self, number: int, event: str, *, at: int | None = None) -> Taken | Rejection:
        body = message(envelope(number), event, at=at or self.clock.now())
        return await self.road.accept(
            Arrival(
                body=body,
                content_type="application/json",
                path_account=None,
                header_account=None,
                algorithm="HMACSHA256",
                signatures=(docusign_signature(KA1, body),),
                remote="127.0.0.1",
            ),
            self.worker,
        )

    async def states(self) -> list[DeliveryState]:
        rows = await self.store.deliveries(DeliveryQuery(oldest_first=True, limit=1000))
        return [row.state for row in rows]

    async def until(self, holds: Callable[[list[DeliveryState]], bool]) -> None:
        async def reached() -> bool:
            return holds(await self.states())

        await eventually(reached)


async def eventually(holds: Callable[[], Awaitable[object]]) -> None:
    """Wait until something holds; what it waits for happens in real threads and sockets."""
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110  # the store has no event to wait for
            await asyncio.sleep(0.005)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Gatehouse]:
    one = Gatehouse(tmp_path)
    await one.open()
    yield one
    await one.close()


async def _more_than(seen: list[tuple[bytes, bytes]], count: int) -> bool:
    return len(seen) > count


async def _is_idle(house: Gatehouse) -> bool:
    return house.worker.in_hand == 0


def all_delivered(count: int) -> Callable[[list[DeliveryState]], bool]:
    return lambda states: states == [DeliveryState.DELIVERED] * count


async def test_what_comes_in_goes_out_byte_for_byte(house: Gatehouse) -> None:
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok(), seen=seen)) as port:
        await house.listen("one", port)
        taken = await house.take(1, "envelope-sent")
        await house.until(all_delivered(1))
    assert isinstance(taken, Taken)
    head, body = seen[0]
    assert body == message(envelope(1), "envelope-sent", at=START)
    assert f"webhook-id: {taken.notification_id}".encode() in head


async def test_a_failure_is_tried_again_when_its_moment_comes(house: Gatehouse) -> None:
    async with server(answers(ok("500 No"), ok())) as port:
        await house.listen("one", port, retry=(60.0,))
        await house.take(1, "envelope-sent")
        await eventually(lambda: house.store.attempts(1))
        assert await house.states() == [DeliveryState.DUE]
        house.clock.advance_to(START + 70 * SECOND)
        await house.until(all_delivered(1))


async def test_events_of_one_envelope_arrive_in_order_behind_a_failing_one(
    house: Gatehouse,
) -> None:
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok("500 No"), ok(), seen=seen)) as port:
        await house.listen("one", port, retry=(60.0,))
        for number, event in enumerate(("envelope-sent", "envelope-delivered")):
            await house.take(1, event, at=START + number)
        await house.until(lambda s: s == [DeliveryState.DUE, DeliveryState.WAITING])
        await eventually(lambda: house.store.attempts(1))
        house.clock.advance_to(START + 70 * SECOND)
        await house.until(all_delivered(2))
    events = [json.loads(body)["event"] for _, body in seen]
    assert events == ["envelope-sent", "envelope-sent", "envelope-delivered"]


async def test_a_listener_that_fails_everything_is_down_and_recovers_at_once(
    house: Gatehouse,
) -> None:
    seen: list[tuple[bytes, bytes]] = []
    ill = [ok("503 Away")] * 6
    async with server(answers(*ill, ok(), seen=seen)) as port:
        await house.listen("one", port, retry=(3600.0,) * 5, concurrency=1, breaker_threshold=5)
        for number in range(12):
            await house.take(number, "envelope-sent")
        await eventually(house.store.states)
        await eventually(partial(_more_than, seen, 5))
        await eventually(lambda: _is_idle(house))
        house.clock.advance_to(START + 61 * SECOND)
        await house.until(all_delivered(12))
        assert await house.store.states() == {}


async def test_a_hundred_envelopes_reach_three_listeners_once_each(house: Gatehouse) -> None:
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok(), seen=seen)) as port:
        for name in ("one", "two", "three"):
            await house.listen(name, port, concurrency=4)
        await asyncio.gather(*(house.take(number, "envelope-sent") for number in range(100)))
        await house.until(all_delivered(300))
    assert len(seen) == 300


async def test_the_same_event_again_is_not_delivered_twice(house: Gatehouse) -> None:
    seen: list[tuple[bytes, bytes]] = []
    async with server(answers(ok(), seen=seen)) as port:
        await house.listen("one", port)
        first = await house.take(1, "envelope-completed")
        await house.until(all_delivered(1))
        again = await house.take(1, "envelope-completed")
    assert isinstance(first, Taken)
    assert isinstance(again, Taken)
    assert (again.notification_id, again.is_duplicate) == (first.notification_id, True)
    assert len(seen) == 1
