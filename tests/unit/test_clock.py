"""The virtual clock: standing still, or running and moved ahead."""

import asyncio

from postroom.clock import SECOND, VirtualClock


async def test_a_standing_clock_wakes_only_those_it_is_moved_past() -> None:
    clock = VirtualClock(0)
    early = asyncio.create_task(clock.sleep_until(5 * SECOND))
    late = asyncio.create_task(clock.sleep_until(50 * SECOND))
    await asyncio.sleep(0)
    clock.advance_to(10 * SECOND)
    await early
    assert (clock.now(), late.done()) == (10 * SECOND, False)
    late.cancel()


async def test_a_running_clock_goes_on_by_itself_and_can_be_moved_ahead() -> None:
    clock = VirtualClock(0, runs=True)
    await clock.sleep_until(2_000)
    assert clock.now() >= 2_000
    sleeping = asyncio.create_task(clock.sleep_until(86_400 * SECOND))
    await asyncio.sleep(0)
    clock.advance_to(86_401 * SECOND)
    await sleeping
    assert clock.now() >= 86_401 * SECOND


async def test_no_clock_moves_back() -> None:
    for clock in (VirtualClock(9 * SECOND), VirtualClock(9 * SECOND, runs=True)):
        clock.advance_to(SECOND)
        assert clock.now() >= 9 * SECOND
