"""Leases that are on their way in the moment their listener goes down, or is paused."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.contract.wire import ok, read_request, server
from tests.flow.gatehouse import AUDIT, START, Gatehouse, eventually

from postroom.clock import SECOND
from postroom.model import DeliveryState, Lease
from postroom.storage.port import DeliveryQuery, Recorded, Recording, Store

LATE = 5
ILL = ok("503 Away")


class Held:
    """The real store, whose leases set out at once and arrive when the test lets them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.may_arrive = asyncio.Event()
        self.on_their_way = 0

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    async def record(self, recording: Recording) -> Recorded:
        recorded = await self._store.record(recording)
        await self._hold(recorded.leases)
        return recorded

    async def lease(self, listener_id: int, **terms: int) -> Sequence[Lease]:
        leases = await self._store.lease(listener_id, **terms)
        await self._hold(leases)
        return leases

    async def _hold(self, leases: Sequence[Lease]) -> None:
        self.on_their_way += len(leases)
        await self.may_arrive.wait()


class Patient:
    """A listener that is ill, or well, and answers when the test lets it."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.answer = ILL
        self.tries = 0

    async def play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            self.tries += 1
            await self.may_answer.wait()
            writer.write(self.answer)
            await writer.drain()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Gatehouse]:
    one = Gatehouse(tmp_path)
    await one.open()
    yield one
    await one.close()


@pytest.fixture
async def patient(house: Gatehouse) -> AsyncIterator[Patient]:
    """Yield a listener that has got one message, has not answered, and is down once it does."""
    one = Patient()
    async with server(one.play) as port:
        await house.listen("one", port, retry=(3600.0,) * 9, breaker_threshold=1)
        await house.take(0, "envelope-sent")
        await eventually(lambda: until(one.tries == 1))
        yield one


async def until(holds: object) -> object:
    return holds


def hold(house: Gatehouse) -> Held:
    held = Held(house.store)
    house.road._store = house.worker._store = held  # hands on all else
    return held


async def pause(house: Gatehouse, paused_at: int | None) -> None:
    [listener_id] = house.keeper.current.registry.listeners
    await house.store.set_paused(listener_id, paused_at, AUDIT)
    await house.keeper.refresh()
    house.worker.roster_changed()


async def is_down(house: Gatehouse) -> bool:
    return any(state.down_since for state in (await house.store.states()).values())


async def all_given_back(house: Gatehouse) -> bool:
    rows = await house.store.deliveries(DeliveryQuery(limit=1000))
    return house.worker.in_hand == 0 and not any(row.is_leased for row in rows)


async def check_only_the_probe_is_tried(house: Gatehouse, patient: Patient) -> None:
    await eventually(lambda: all_given_back(house))
    assert patient.tries == 1
    house.clock.advance_to(START + 61 * SECOND)
    await eventually(lambda: until(patient.tries > 1))
    await eventually(lambda: all_given_back(house))
    assert patient.tries == 2
    patient.answer = ok()
    house.clock.advance_to(START + 200 * SECOND)
    await house.until(lambda states: states == [DeliveryState.DELIVERED] * (1 + LATE))


async def test_leases_born_while_their_listener_goes_down_wait_for_the_probe(
    house: Gatehouse, patient: Patient
) -> None:
    held = hold(house)
    taking = [asyncio.create_task(house.take(n, "envelope-sent")) for n in range(1, 1 + LATE)]
    await eventually(lambda: until(held.on_their_way == LATE))
    patient.may_answer.set()
    await eventually(lambda: is_down(house))
    held.may_arrive.set()
    await asyncio.gather(*taking)
    await check_only_the_probe_is_tried(house, patient)


async def backlog(house: Gatehouse) -> None:
    """Let deliveries be due in the store that nobody holds."""
    await pause(house, START)
    for number in range(1, 1 + LATE):
        await house.take(number, "envelope-sent")


async def test_leases_fetched_while_their_listener_goes_down_wait_for_the_probe(
    house: Gatehouse, patient: Patient
) -> None:
    await backlog(house)
    held = hold(house)
    await pause(house, None)
    await eventually(lambda: until(held.on_their_way == LATE))
    patient.may_answer.set()
    await eventually(lambda: is_down(house))
    held.may_arrive.set()
    await check_only_the_probe_is_tried(house, patient)


async def test_leases_fetched_while_their_listener_is_paused_go_back(
    house: Gatehouse, patient: Patient
) -> None:
    await backlog(house)
    held = hold(house)
    await pause(house, None)
    await eventually(lambda: until(held.on_their_way == LATE))
    await pause(house, START)
    held.may_arrive.set()
    patient.answer = ok()
    patient.may_answer.set()
    await eventually(lambda: all_given_back(house))
    assert patient.tries == 1
    await pause(house, None)
    await house.until(lambda states: states == [DeliveryState.DELIVERED] * (1 + LATE))


async def test_leases_fetched_while_the_node_drains_go_back(
    house: Gatehouse, patient: Patient
) -> None:
    await backlog(house)
    held = hold(house)
    await pause(house, None)
    await eventually(lambda: until(held.on_their_way == LATE))
    patient.answer = ok()
    draining = asyncio.create_task(house.worker.drain(60))
    held.may_arrive.set()
    patient.may_answer.set()
    await draining
    due = await house.store.next_due([*house.keeper.current.registry.listeners])
    assert set(due.values()) == {START}, "leased, they would be due when the lease ends"
    assert patient.tries == 1
