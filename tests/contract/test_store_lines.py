"""Order: what a listener is owed for one envelope goes out in the order in which it happened."""

import asyncio

from tests.contract.store_cast import (
    DONE,
    GIVEN_UP,
    MINUTE,
    T0,
    envelope,
    event_id,
    later,
    lease,
    notification,
    owed,
    recording,
    settle,
    settlement,
    states,
)

from postroom.model import DeliveryState, Verdict
from postroom.storage.port import Store

DUE, WAITING, DELIVERED = DeliveryState.DUE, DeliveryState.WAITING, DeliveryState.DELIVERED


async def test_only_the_head_of_a_line_is_due(store: Store, erp: int) -> None:
    for number in (1, 2, 3):
        await store.record(recording(notification(number), erp))
    assert await states(store, erp) == [
        (event_id(1), DUE),
        (event_id(2), WAITING),
        (event_id(3), WAITING),
    ]
    assert [one.notification.id for one in await lease(store, erp)] == [event_id(1)]


async def test_events_of_one_commit_stand_in_line_too(store: Store, erp: int) -> None:
    """Their order of arrival is that of the calls; the order in line that of what happened."""
    numbers = [3, 1, 4, 2]
    await asyncio.gather(*(store.record(recording(notification(n), erp)) for n in numbers))
    for number in (1, 2, 3, 4):
        (one,) = await lease(store, erp)
        assert one.notification.id == event_id(number)
        await settle(store, one)
    assert not any(one.is_late for one in await owed(store, erp))


async def test_lines_of_other_envelopes_and_listeners_are_apart(
    store: Store, erp: int, crm: int
) -> None:
    await store.record(recording(notification(1), erp, leased=[erp]))
    recorded = await store.record(
        recording(notification(2, envelope_id=envelope(2)), erp, crm, leased=[erp, crm])
    )
    assert len(recorded.leases) == 2
    assert len((await store.record(recording(notification(3), crm, leased=[crm]))).leases) == 1


async def test_what_has_no_envelope_or_no_ordering_is_in_no_line(store: Store, erp: int) -> None:
    for number in (1, 2):
        await store.record(recording(notification(number, envelope_id=None), erp))
    for number in (3, 4):
        await store.record(recording(notification(number), erp, unordered=[erp]))
    assert len(await lease(store, erp)) == 4


async def test_a_delivery_behind_another_is_born_waiting_even_where_there_is_room(
    store: Store, erp: int
) -> None:
    await store.record(recording(notification(1), erp, leased=[erp]))
    second = await store.record(recording(notification(2), erp, leased=[erp]))
    assert second.leases == ()
    assert second.left_due == ()


async def test_an_earlier_event_takes_the_place_of_an_unleased_head(store: Store, erp: int) -> None:
    await store.record(recording(notification(5), erp))

    earlier = await store.record(recording(notification(4), erp, leased=[erp]))

    assert len(earlier.leases) == 1
    assert await states(store, erp) == [(event_id(5), WAITING), (event_id(4), DUE)]
    settled = await store.settle(settlement(earlier.leases[0], wants_next=True))
    assert settled.next is not None
    assert settled.next.notification.id == event_id(5)
    assert not settled.next.is_late


async def test_an_earlier_event_waits_for_a_leased_head_and_goes_before_its_retry(
    store: Store, erp: int
) -> None:
    (head,) = (await store.record(recording(notification(5), erp, leased=[erp]))).leases
    await store.record(recording(notification(4), erp, leased=[erp]))
    assert await states(store, erp) == [(event_id(5), DUE), (event_id(4), WAITING)]

    await settle(store, head, later(T0 + 2 * MINUTE))

    assert await states(store, erp) == [(event_id(5), WAITING), (event_id(4), DUE)]
    (first,) = await lease(store, erp, now=T0 + 3 * MINUTE)
    assert first.notification.id == event_id(4)
    await settle(store, first, at=T0 + 3 * MINUTE)
    (second,) = await lease(store, erp, now=T0 + 3 * MINUTE)
    assert (second.notification.id, second.attempt) == (event_id(5), 2)


async def test_an_earlier_event_goes_before_a_head_that_was_released_or_ran_out(
    store: Store, erp: int
) -> None:
    (head,) = (await store.record(recording(notification(5), erp, leased=[erp]))).leases
    await store.record(recording(notification(4), erp))
    await store.release([head], T0 + MINUTE)
    (first,) = await lease(store, erp, now=T0 + MINUTE)
    assert first.notification.id == event_id(4)

    await store.record(recording(notification(3), erp))

    (instead,) = await lease(store, erp, now=first.leased_until)
    assert instead.notification.id == event_id(3)
    assert not (await settle(store, first)).was_ours


async def test_an_earlier_event_goes_before_a_head_freed_at_start(store: Store, erp: int) -> None:
    await store.record(recording(notification(5), erp, leased=[erp]))
    await store.record(recording(notification(4), erp))
    assert await store.free_leases(T0 + MINUTE) == 1
    assert await states(store, erp) == [(event_id(5), WAITING), (event_id(4), DUE)]


async def test_an_earlier_event_delivered_after_a_leased_head_is_late(
    store: Store, erp: int
) -> None:
    (head,) = (await store.record(recording(notification(5), erp, leased=[erp]))).leases
    for number in (3, 4):
        await store.record(recording(notification(number), erp))
    await settle(store, head)
    for number in (3, 4):
        (one,) = await lease(store, erp)
        assert (one.notification.id, one.is_late) == (event_id(number), True)
        await settle(store, one)


async def test_without_order_a_retry_after_a_later_delivery_is_late(store: Store, erp: int) -> None:
    loose = [recording(notification(n), erp, leased=[erp], unordered=[erp]) for n in (1, 2)]
    (first,), (second,) = [(await store.record(one)).leases for one in loose]
    await settle(store, first, later(T0 + 2 * MINUTE))
    await settle(store, second)
    (again,) = await lease(store, erp, now=T0 + 2 * MINUTE)
    assert (again.notification.id, again.is_late) == (event_id(1), True)


async def _ends(store: Store, erp: int, verdict: Verdict) -> None:
    (head,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    for number in (2, 3):
        await store.record(recording(notification(number), erp))
    settled = await store.settle(settlement(head, verdict, wants_next=True))
    assert settled.was_ours
    assert settled.next is not None
    assert settled.next.notification == notification(2)
    assert settled.next.attempt == 1
    assert (await states(store, erp))[1:] == [(event_id(2), DUE), (event_id(3), WAITING)]
    assert await lease(store, erp) == []
    assert (await settle(store, settled.next)).was_ours
    assert len(await lease(store, erp)) == 1


async def test_a_delivered_head_leads_on_to_the_next(store: Store, erp: int) -> None:
    await _ends(store, erp, DONE)


async def test_a_head_that_is_given_up_leads_on_to_the_next(store: Store, erp: int) -> None:
    await _ends(store, erp, GIVEN_UP)


async def test_the_next_is_due_at_once_but_not_leased_unless_wanted(store: Store, erp: int) -> None:
    (head,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    await store.record(recording(notification(2), erp))
    settled = await settle(store, head, at=T0 + MINUTE)
    assert settled.next is None
    assert await store.next_due([erp]) == {erp: T0 + MINUTE}


async def test_a_failing_event_holds_back_its_line_and_no_other(store: Store, erp: int) -> None:
    (head,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    await store.record(recording(notification(2), erp))
    await store.record(recording(notification(3, envelope_id=envelope(2)), erp))
    asked = settlement(head, later(T0 + 60 * MINUTE), wants_next=True)
    assert (await store.settle(asked)).next is None
    (other,) = await lease(store, erp, now=T0 + 59 * MINUTE)
    assert other.notification.id == event_id(3)


async def test_of_two_that_happened_at_one_moment_the_first_to_come_goes_first(
    store: Store, erp: int
) -> None:
    for number in (1, 2, 3):
        await store.record(recording(notification(number, occurred_at=T0), erp))
    for number in (1, 2, 3):
        (one,) = await lease(store, erp)
        assert one.notification.id == event_id(number)
        await settle(store, one)


async def test_a_line_of_many_is_led_to_its_end_by_its_settlements(store: Store, erp: int) -> None:
    recorded = await store.record(recording(notification(0), erp, leased=[erp]))
    for number in range(1, 50):
        await store.record(recording(notification(number), erp))
    following = recorded.leases[0]
    for number in range(50):
        assert following.notification.id == event_id(number)
        settled = await store.settle(settlement(following, wants_next=True))
        if settled.next is not None:
            following = settled.next
    assert {state for _, state in await states(store, erp)} == {DELIVERED}
