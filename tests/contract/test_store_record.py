"""Recording: a notification and all it owes, once."""

import asyncio

import pytest
from tests.contract.conftest import Backend
from tests.contract.store_cast import (
    A1,
    A2,
    AUDIT,
    MINUTE,
    T0,
    envelope,
    event_id,
    lease,
    notification,
    owed,
    recording,
    settle,
    states,
)

from postroom.errors import InvalidInputError
from postroom.model import DeliveryState
from postroom.storage.port import RemoveListener, Store


async def test_a_recording_survives_a_crash_with_all_it_owes(
    backend: Backend, store: Store, erp: int, crm: int
) -> None:
    kept = notification(1, sticky_fields=b'{"textCustomFields":[]}', body=b"\x00\xff" * 5000)
    await store.record(recording(kept, erp, crm))

    after = await backend.crash()

    stored = await after.notification(kept.id)
    assert stored is not None
    assert stored.notification == kept
    assert stored.has_body
    assert stored.registry_revision == 1
    assert not stored.is_unclaimed
    assert await states(after, erp) == [(kept.id, DeliveryState.DUE)]
    assert await states(after, crm) == [(kept.id, DeliveryState.DUE)]


async def test_a_fresh_delivery_is_born_leased_only_for_listeners_with_room(
    store: Store, erp: int, crm: int
) -> None:
    asked = recording(notification(1), erp, crm, leased=[erp])

    recorded = await store.record(asked)

    assert not recorded.is_duplicate
    (leased,) = recorded.leases
    assert leased.listener_id == erp
    assert (leased.token, leased.leased_until) == (asked.token, asked.leased_until)
    assert leased.attempt == 1
    assert leased.notification == asked.notification
    assert recorded.left_due == (crm,)
    assert await lease(store, erp, now=asked.leased_until - 1) == []


async def test_a_delivery_left_due_is_due_from_its_arrival(store: Store, erp: int) -> None:
    await store.record(recording(notification(1), erp))
    arrival = notification(1).received_at
    assert await lease(store, erp, now=arrival - 1) == []
    assert len(await lease(store, erp, now=arrival)) == 1


async def test_a_repeat_is_noted_and_owes_nothing(store: Store, erp: int) -> None:
    await store.record(recording(notification(1), erp))

    again = await store.record(
        recording(notification(1, received_at=T0 + MINUTE, retry_count=2), erp, leased=[erp])
    )

    assert again.is_duplicate
    assert again.leases == ()
    assert again.left_due == ()
    assert len(await owed(store, erp)) == 1
    stored = await store.notification(event_id(1))
    assert stored is not None
    assert stored.repeats == 1
    (repeat,) = await store.repeats(event_id(1))
    assert (repeat.received_at, repeat.retry_count) == (T0 + MINUTE, 2)
    assert repeat.configuration_id == "12345"


async def test_of_concurrent_recordings_of_one_event_one_is_the_first(
    store: Store, erp: int
) -> None:
    recorded = await asyncio.gather(
        *(store.record(recording(notification(1), erp, leased=[erp])) for _ in range(20))
    )
    assert sum(not one.is_duplicate for one in recorded) == 1
    assert sum(len(one.leases) for one in recorded) == 1
    assert len(await store.repeats(event_id(1))) == 19


async def test_a_recording_that_cannot_be_kept_fails_alone(store: Store, erp: int) -> None:
    """Concurrent calls share a commit, but not each other's faults."""
    sound = [recording(notification(number), erp) for number in range(10)]
    beyond = recording(notification(99, retry_count=2**80), erp)

    outcomes = await asyncio.gather(
        *(store.record(one) for one in [*sound[:5], beyond, *sound[5:]]), return_exceptions=True
    )

    faults = [one for one in outcomes if isinstance(one, BaseException)]
    assert [type(one) for one in faults] == [InvalidInputError]
    assert await store.notification(event_id(99)) is None
    assert len(await owed(store, erp)) == 10


async def test_a_caller_that_is_cancelled_harms_no_other(store: Store, erp: int) -> None:
    given_up = asyncio.create_task(store.record(recording(notification(1), erp)))
    other = asyncio.create_task(store.record(recording(notification(2), erp)))
    await asyncio.sleep(0)
    given_up.cancel()
    assert not (await other).is_duplicate
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_held_and_crossed_deliveries_are_never_leased(
    store: Store, erp: int, crm: int
) -> None:
    recorded = await store.record(
        recording(notification(1), held=[erp], crossed=[crm], leased=[erp, crm])
    )

    assert recorded.leases == ()
    assert recorded.left_due == ()
    assert await lease(store, erp) == []
    (held,) = await owed(store, erp)
    assert (held.state, held.reason, held.due_at) == (DeliveryState.HELD, "unknown", None)
    (crossed,) = await owed(store, crm)
    assert (crossed.state, crossed.lane) == (DeliveryState.CROSSED, "erp")


async def test_a_listener_removed_while_the_message_came_in_is_owed_nothing_open(
    store: Store, erp: int, crm: int
) -> None:
    await store.change([RemoveListener(account_id=A1, name="erp")], AUDIT)

    recorded = await store.record(recording(notification(1), erp, crm, leased=[erp], revision=1))

    assert recorded.leases == ()
    assert recorded.left_due == (crm,)
    (dismissed,) = await owed(store, erp)
    assert dismissed.state is DeliveryState.DISMISSED
    assert dismissed.reason


async def test_the_first_fields_of_an_envelope_are_remembered(store: Store) -> None:
    await store.record(recording(notification(1)))
    assert await store.sticky_fields(A1, envelope(1)) is None
    await store.record(recording(notification(2), remember_fields=b"first"))
    await store.record(recording(notification(3), remember_fields=b"second"))
    await asyncio.gather(
        store.record(recording(notification(4, envelope_id=envelope(2)), remember_fields=b"x")),
        store.record(recording(notification(5, envelope_id=envelope(2)), remember_fields=b"x")),
    )

    assert await store.sticky_fields(A1, envelope(1)) == b"first"
    assert await store.sticky_fields(A1, envelope(2)) == b"x"
    assert await store.sticky_fields(A2, envelope(1)) is None
    assert await store.sticky_fields(A1, envelope(3)) is None


async def test_accounts_with_one_envelope_id_do_not_see_each_other(
    store: Store, erp: int, crm: int
) -> None:
    await store.record(recording(notification(1), erp, leased=[erp]))
    other = await store.record(
        recording(notification(2, account_id=A2, occurred_at=T0), erp, crm, leased=[erp, crm])
    )
    assert len(other.leases) == 2
    assert [
        one.id for one in await store.occurrences(A2, envelope(1), "envelope-completed", None)
    ] == [event_id(2)]


async def test_occurrences_are_of_that_event_and_recipient_newest_first(store: Store) -> None:
    for number in range(20):
        await store.record(recording(notification(number)))
    await store.record(recording(notification(30, event="envelope-sent")))
    await store.record(recording(notification(31, recipient_id="1")))
    await store.record(recording(notification(32, envelope_id=envelope(2))))

    found = await store.occurrences(A1, envelope(1), "envelope-completed", None)

    assert [one.id for one in found] == [event_id(number) for number in range(19, 3, -1)]
    assert found[0].body == notification(19).body
    (one,) = await store.occurrences(A1, envelope(1), "envelope-completed", "1")
    assert one.id == event_id(31)


async def test_an_event_that_comes_after_a_later_one_was_delivered_is_late(
    store: Store, erp: int, crm: int
) -> None:
    (first,) = (await store.record(recording(notification(5), erp, leased=[erp]))).leases
    assert not first.is_late
    await settle(store, first)

    recorded = await store.record(recording(notification(4), erp, crm, leased=[erp, crm]))

    assert {one.listener_id: one.is_late for one in recorded.leases} == {erp: True, crm: False}
    assert [one.is_late for one in await owed(store, erp)] == [False, True]


async def test_an_event_of_the_same_moment_as_a_delivered_one_is_not_late(
    store: Store, erp: int
) -> None:
    (first,) = (await store.record(recording(notification(5), erp, leased=[erp]))).leases
    await settle(store, first)
    same = notification(6, occurred_at=notification(5).occurred_at)
    (second,) = (await store.record(recording(same, erp, leased=[erp]))).leases
    assert not second.is_late
