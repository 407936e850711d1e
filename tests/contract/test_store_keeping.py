"""Retention, and the store in figures."""

from tests.contract.store_cast import (
    A1,
    DAY,
    DONE,
    GIVEN_UP,
    MINUTE,
    T0,
    envelope,
    event_id,
    later,
    notification,
    owed,
    recording,
    settle,
)

from postroom.model import DeliveryState, Replay, Verdict
from postroom.storage.port import Backlog, Ordered, Store

AFTER_ALL = T0 + DAY
REPLAY = Replay(id="rpl_1", reason="bug")


async def _one_of_each(store: Store, erp: int) -> dict[str, int]:
    """Keep a notification in every state a delivery may end up in; return their numbers."""
    numbers = {"delivered": 1, "given_up": 2, "leased": 3, "held": 4, "again": 5, "unclaimed": 6}
    verdicts: dict[int, Verdict | None] = {1: DONE, 2: GIVEN_UP, 3: None, 5: later(T0 + DAY)}
    for number, verdict in verdicts.items():
        fresh = notification(number, envelope_id=envelope(number))
        (lease,) = (await store.record(recording(fresh, erp, leased=[erp]))).leases
        if verdict is not None:
            await settle(store, lease, verdict)
    await store.record(recording(notification(4, envelope_id=envelope(4)), held=[erp]))
    await store.record(recording(notification(6, envelope_id=envelope(6))))
    return numbers


async def _kept(store: Store, numbers: dict[str, int]) -> dict[str, bool]:
    """Return which notifications are left, and of those whether their bodies are."""
    found = {name: await store.notification(event_id(n)) for name, n in numbers.items()}
    return {name: one.has_body for name, one in found.items() if one is not None}


async def test_bodies_go_only_where_nothing_is_owed(store: Store, erp: int) -> None:
    numbers = await _one_of_each(store, erp)

    assert await store.forget_bodies(AFTER_ALL, 100) == 2

    assert await _kept(store, numbers) == {
        "delivered": False,
        "given_up": True,
        "leased": True,
        "held": True,
        "again": True,
        "unclaimed": False,
    }
    assert await store.forget_bodies(AFTER_ALL, 100) == 0
    bare = await store.notification(event_id(1))
    assert bare is not None
    assert bare.notification.body == b""
    (delivered, *_) = await owed(store, erp)
    assert (delivered.state, delivered.has_body) == (DeliveryState.DELIVERED, False)


async def test_a_notification_without_a_body_is_still_recognised(store: Store, erp: int) -> None:
    await _one_of_each(store, erp)
    await store.forget_bodies(AFTER_ALL, 100)
    again = notification(1, envelope_id=envelope(1))
    assert (await store.record(recording(again, erp))).is_duplicate


async def test_only_what_is_old_goes_the_oldest_first_and_not_more_than_asked(
    store: Store, erp: int
) -> None:
    for number in range(10):
        fresh = recording(notification(number), erp, leased=[erp])
        (lease,) = (await store.record(fresh)).leases
        await settle(store, lease)

    assert await store.forget_bodies(notification(6).received_at, 4) == 4
    assert await store.forget_bodies(notification(6).received_at, 4) == 2
    assert await store.forget_bodies(notification(6).received_at, 4) == 0
    assert await store.forget(notification(3).received_at, 2) == 2
    assert await store.forget(notification(3).received_at, 2) == 1
    assert await store.forget(notification(3).received_at, 2) == 0

    left = [await store.notification(event_id(number)) for number in range(10)]
    assert [one is not None for one in left] == [False] * 3 + [True] * 7
    assert [one.has_body for one in left if one is not None] == [False] * 3 + [True] * 4


async def test_whole_notifications_go_only_where_nothing_is_owed(store: Store, erp: int) -> None:
    numbers = await _one_of_each(store, erp)
    (delivered, *_) = await owed(store, erp)

    assert await store.forget(AFTER_ALL, 100) == 2

    assert set(await _kept(store, numbers)) == {"given_up", "leased", "held", "again"}
    assert await store.delivery(delivered.id) is None
    assert await store.attempts(delivered.id) == []
    counts = await store.counts()
    assert (counts.notifications, counts.unclaimed, counts.delivered) == (4, 0, 0)


async def test_a_failure_goes_once_it_was_replayed_and_that_has_ended(
    store: Store, erp: int
) -> None:
    (lease,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    await settle(store, lease, GIVEN_UP)
    await store.replay(
        [Ordered(delivery_id=lease.delivery_id, due_at=T0)], REPLAY, now=T0, audit=None
    )
    assert await store.forget(AFTER_ALL, 100) == 0
    (again,) = await store.lease(erp, limit=1, now=T0, leased_until=T0 + MINUTE, token=9)
    await settle(store, again)
    assert await store.forget(AFTER_ALL, 100) == 1
    assert await owed(store, erp) == []


async def test_the_fields_of_an_envelope_are_forgotten_with_its_last_notification(
    store: Store,
) -> None:
    await store.record(recording(notification(1), remember_fields=b"first"))
    await store.record(recording(notification(2)))
    await store.forget(notification(2).received_at, 10)
    assert await store.sticky_fields(A1, envelope(1)) == b"first"
    await store.forget(AFTER_ALL, 10)
    assert await store.sticky_fields(A1, envelope(1)) is None


async def test_what_was_forgotten_may_come_again_under_numbers_never_used(
    store: Store, erp: int
) -> None:
    """A cursor or a link that a person kept must not lead to something else."""
    (first,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    await settle(store, first)
    before = await store.notification(event_id(1))
    await store.forget(AFTER_ALL, 10)
    (second,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    after = await store.notification(event_id(1))
    assert before is not None
    assert after is not None
    assert second.delivery_id > first.delivery_id
    assert after.sequence > before.sequence


async def test_the_figures_say_what_each_listener_is_still_owed(
    store: Store, erp: int, crm: int
) -> None:
    counts = await store.counts()
    assert (counts.notifications, counts.delivered, counts.backlog) == (0, 0, ())
    await _one_of_each(store, erp)
    await store.record(recording(notification(7, envelope_id=envelope(3)), erp, crossed=[crm]))
    unreadable = notification(8, envelope_id=None, is_readable=False, flaw="not JSON")
    await store.record(recording(unreadable))

    counts = await store.counts()

    assert (counts.notifications, counts.unclaimed, counts.unreadable) == (8, 2, 1)
    assert counts.delivered == 1
    assert {one.listener_id: one for one in counts.backlog} == {
        erp: Backlog(
            listener_id=erp,
            due=2,
            waiting=1,
            held=1,
            crossed=0,
            given_up=1,
            oldest_received_at=notification(3).received_at,
        ),
        crm: Backlog(
            listener_id=crm,
            due=0,
            waiting=0,
            held=0,
            crossed=1,
            given_up=0,
            oldest_received_at=None,
        ),
    }


async def test_a_failure_that_was_replayed_is_no_longer_counted(store: Store, erp: int) -> None:
    (lease,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    await settle(store, lease, GIVEN_UP)
    await store.replay(
        [Ordered(delivery_id=lease.delivery_id, due_at=T0)], REPLAY, now=T0, audit=None
    )
    (backlog,) = (await store.counts()).backlog
    assert (backlog.given_up, backlog.due) == (0, 1)
