"""What is owed to a shadow: kept with the rest, over from birth, and read beside the others."""

from msgspec.structs import replace
from tests.contract.store_cast import (
    A1,
    A2,
    AUDIT,
    DAY,
    MINUTE,
    T0,
    envelope,
    event_id,
    lease,
    notification,
    owed,
    put,
    recording,
    settle,
    states,
)

from postroom.clock import SECOND
from postroom.model import DeliveryState, Match, OwedState, Replay
from postroom.storage.port import (
    Compared,
    ComparisonQuery,
    Decision,
    DeliveryQuery,
    NotificationQuery,
    Ordered,
    PutListener,
    Recording,
    RemoveListener,
    Store,
)

SHADOWED = DeliveryState.SHADOWED
REPLAY = Replay(id="rpl_1", reason="")


def beside(number: int, *live: int, shadow: int, reason: str | None = None) -> Recording:
    """Return a recording of notification `number`, owed to live listeners beside a shadow."""
    plain = recording(notification(number), *live, leased=live)
    owed_too = Match(listener_id=shadow, state=OwedState.SHADOWED, reason=reason)
    return replace(plain, matches=(*plain.matches, owed_too))


async def test_what_a_shadow_would_get_is_kept_and_never_due(
    store: Store, erp: int, crm: int
) -> None:
    recorded = await store.record(beside(1, erp, shadow=crm))

    assert [one.listener_id for one in recorded.leases] == [erp]
    assert recorded.left_due == ()
    (kept,) = await owed(store, crm)
    assert (kept.state, kept.due_at, kept.attempts) == (SHADOWED, None, 0)
    assert (kept.reason, kept.settled_at) == (None, kept.received_at)
    assert await store.next_due([crm]) == {}
    assert await lease(store, crm, now=T0 + DAY) == []
    assert await store.hasten(crm, T0) == 0


async def test_it_keeps_the_reason_for_which_it_would_be_held(store: Store, crm: int) -> None:
    await store.record(beside(1, shadow=crm, reason="undecided"))
    assert [(one.state, one.reason) for one in await owed(store, crm)] == [(SHADOWED, "undecided")]


async def test_it_is_in_no_line_so_that_what_follows_live_is_due_at_once(
    store: Store, erp: int
) -> None:
    await store.record(beside(1, shadow=erp))
    recorded = await store.record(recording(notification(2), erp, leased=[erp]))
    assert len(recorded.leases) == 1
    await settle(store, recorded.leases[0])
    late = await store.record(replace(beside(3, shadow=erp)))
    assert late.leases == ()
    assert [state for _, state in await states(store, erp)] == [
        SHADOWED,
        DeliveryState.DELIVERED,
        SHADOWED,
    ]


async def test_it_is_no_backlog_and_is_listed_by_its_state(
    store: Store, erp: int, crm: int
) -> None:
    await store.record(beside(1, erp, shadow=crm))
    assert [one.listener_id for one in (await store.counts()).backlog] == [erp]
    found = await store.deliveries(DeliveryQuery(states=(SHADOWED,)))
    assert [(one.listener_id, one.notification_id) for one in found] == [(crm, event_id(1))]
    assert await store.deliveries(DeliveryQuery(states=(DeliveryState.HELD,))) == []


async def test_it_is_not_replayed(store: Store, erp: int) -> None:
    await store.record(beside(1, shadow=erp))
    (kept,) = await owed(store, erp)
    orders = [Ordered(delivery_id=kept.id, due_at=T0)]
    assert await store.replay(orders, REPLAY, now=T0, audit=None) == 0
    assert (
        await store.decide(
            [Decision(delivery_id=kept.id, state=DeliveryState.DUE, reason="")], now=T0
        )
        == 0
    )
    assert [one.state for one in await owed(store, erp)] == [SHADOWED]


async def test_retention_takes_it_as_ended(store: Store, erp: int) -> None:
    await store.record(beside(1, shadow=erp, reason="undecided"))
    assert await store.forget_bodies(T0 + DAY, 10) == 1
    assert await store.forget(T0 + DAY, 10) == 1
    assert await owed(store, erp) == []


async def test_removing_the_listener_leaves_it_as_it_was(store: Store, erp: int) -> None:
    await store.record(beside(1, shadow=erp))
    await store.change([RemoveListener(account_id=A1, name="erp")], AUDIT)
    assert [one.state for one in await owed(store, erp)] == [SHADOWED]


async def test_what_only_a_shadow_is_left_with_is_unclaimed(
    store: Store, erp: int, crm: int
) -> None:
    held = recording(notification(1), held=[erp])
    shadow = Match(listener_id=crm, state=OwedState.SHADOWED)
    await store.record(replace(held, matches=(*held.matches, shadow)))
    (kept,) = await owed(store, erp)
    dismissed = Decision(delivery_id=kept.id, state=DeliveryState.DISMISSED, reason="not wanted")
    await store.decide([dismissed], now=T0)
    assert (await store.counts()).unclaimed == 1
    assert len(await store.notifications(NotificationQuery(only="unclaimed"))) == 1


# --- read beside each other -------------------------------------------------------------------


def query(*listener_ids: int, **changed: object) -> ComparisonQuery:
    plain = ComparisonQuery(account_id=A1, listener_ids=listener_ids, from_revision=0)
    return replace(plain, **changed)


def told(rows: list[Compared]) -> list[tuple[str, tuple[DeliveryState | None, ...]]]:
    return [(one.notification_id, one.states) for one in rows]


async def test_each_notification_tells_what_each_listener_was_owed(
    store: Store, erp: int, crm: int
) -> None:
    await store.record(beside(1, erp, shadow=crm))
    await store.record(recording(notification(2), erp))
    await store.record(beside(3, shadow=crm, reason="undecided"))
    await store.record(recording(notification(4)))

    rows = list(await store.compared(query(crm, erp)))

    assert told(rows) == [
        (event_id(1), (SHADOWED, DeliveryState.DUE)),
        (event_id(2), (None, DeliveryState.WAITING)),
        (event_id(3), (SHADOWED, None)),
        (event_id(4), (None, None)),
    ]
    assert rows[2].reasons == ("undecided", None)
    assert (rows[0].envelope_id, rows[0].event) == (envelope(1), "envelope-completed")
    assert told(list(await store.compared(query(crm))))[0] == (event_id(1), (SHADOWED,))


async def test_a_replay_does_not_count_beside_what_was_owed_at_first(
    store: Store, erp: int, crm: int
) -> None:
    recorded = await store.record(beside(1, erp, shadow=crm))
    await settle(store, recorded.leases[0])
    again = [Ordered(delivery_id=recorded.leases[0].delivery_id, due_at=T0)]
    assert await store.replay(again, REPLAY, now=T0 + MINUTE, audit=None) == 1
    assert told(list(await store.compared(query(crm, erp)))) == [
        (event_id(1), (SHADOWED, DeliveryState.DELIVERED))
    ]


async def test_they_are_read_page_by_page_within_bounds_of_one_account(
    store: Store, erp: int
) -> None:
    for number in range(1, 8):
        revision = 1 if number < 3 else 2
        await store.record(recording(notification(number), revision=revision))
    await store.record(recording(notification(8, account_id=A2), revision=2))

    first = await store.compared(query(erp, limit=3))
    second = await store.compared(query(erp, limit=3, after=first[-1].sequence))
    assert [one.notification_id for one in (*first, *second)] == [
        event_id(number) for number in range(1, 7)
    ]

    async def ids(**bounds: object) -> list[str]:
        return [one.notification_id for one in await store.compared(query(erp, **bounds))]

    assert await ids(from_revision=2) == [event_id(number) for number in range(3, 8)]
    assert await ids(until_revision=2) == [event_id(1), event_id(2)]
    assert await ids(received_from=T0 + 6 * SECOND) == [event_id(6), event_id(7)]
    assert await ids(received_until=T0 + 2 * SECOND) == [event_id(1)]


async def test_every_revision_of_a_listener_can_be_read(store: Store, erp: int) -> None:
    start = await store.revision()
    shadow = replace(put("erp").listener, mode="shadow")
    await store.change([PutListener(listener=shadow)], AUDIT)
    await store.change([put("other")], AUDIT)
    await store.change([RemoveListener(account_id=A1, name="erp")], AUDIT)
    await store.change([put("erp")], AUDIT)

    found = await store.listener_revisions(erp)

    assert [(one.listener.mode, one.from_revision, one.until_revision) for one in found][-3:] == [
        ("live", start, start + 1),
        ("shadow", start + 1, start + 3),
        ("live", start + 4, None),
    ]
    assert {one.listener.id for one in found} == {erp}
    assert await store.listener_revisions(999) == []
