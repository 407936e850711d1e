"""The road from end to end, in one process: real store, real wire, a clock we move."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import pytest
from tests.acceptance.cast import envelope
from tests.contract.wire import answers, ok, read_request, server
from tests.flow.gatehouse import START, Gatehouse, eventually

from postroom.clock import SECOND
from postroom.envelopes.sim_message import message
from postroom.model import DeliveryState
from postroom.pipeline import Taken


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


async def test_draining_does_not_wait_for_the_moment_of_a_later_try(house: Gatehouse) -> None:
    async with server(answers(ok("500 No"))) as port:
        await house.listen("one", port, retry=(60.0,))
        await house.take(1, "envelope-sent")
        await eventually(lambda: house.store.attempts(1))
        await eventually(lambda: _is_idle(house))
        async with asyncio.timeout(10):
            await house.worker.drain(60)
    assert await house.states() == [DeliveryState.DUE]


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
    ill = [ok("503 Away")] * 5
    async with server(answers(*ill, ok(), seen=seen)) as port:
        await house.listen("one", port, retry=(3600.0,) * 5, concurrency=1, breaker_threshold=5)
        for number in range(12):
            await house.take(number, "envelope-sent")
        await eventually(partial(_more_than, seen, 4))
        await eventually(lambda: _is_idle(house))
        house.clock.advance_to(START + 61 * SECOND)
        # Long before the hour of their own retries: the five that failed go at once as well.
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


async def test_a_lease_that_ran_out_during_the_attempt_is_settled_once(house: Gatehouse) -> None:
    arrived, may_answer = asyncio.Event(), asyncio.Event()
    count = 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        await read_request(reader)
        count += 1
        arrived.set()
        await may_answer.wait()
        writer.write(ok())
        await writer.drain()

    async with server(slow) as port:
        await house.listen("one", port, timeout_seconds=600.0)
        await house.take(1, "envelope-sent")
        await arrived.wait()
        before = house.worker.held_leases()[0].token
        house.clock.advance_to(START + 120 * SECOND)

        async def leased_again() -> bool:
            return house.worker.held_leases()[0].token != before

        await eventually(leased_again)
        may_answer.set()
        await house.until(all_delivered(1))
        await eventually(lambda: _is_idle(house))
    assert count == 1
