"""What people do about deliveries, and what they see."""

import pytest
from tests.contract.store_cast import (
    A1,
    A2,
    AUDIT,
    DAY,
    GIVEN_UP,
    MINUTE,
    T0,
    envelope,
    event_id,
    lease,
    notification,
    owed,
    recording,
    settle,
    settlement,
    states,
)

from postroom.model import DeliveryState, Replay
from postroom.storage.port import (
    Decision,
    DeliveryQuery,
    NotificationQuery,
    Ordered,
    Rejection,
    RemoveListener,
    Store,
)

DUE, WAITING, HELD = DeliveryState.DUE, DeliveryState.WAITING, DeliveryState.HELD
DISMISSED, CROSSED = DeliveryState.DISMISSED, DeliveryState.CROSSED
NOW = T0 + MINUTE
REPLAY = Replay(id="rpl_1", reason="the listener had a bug", is_forced=True)


def decision(delivery_id: int, state: DeliveryState) -> Decision:
    assert state in {DUE, DISMISSED, CROSSED}
    return Decision(delivery_id=delivery_id, state=state, reason="said so")  # type: ignore[arg-type]  # asserted above


async def _ids(store: Store, listener_id: int) -> list[int]:
    return [one.id for one in await owed(store, listener_id)]


# --- decide -----------------------------------------------------------------------------------


async def test_what_is_decided_due_takes_its_place_in_line(store: Store, erp: int) -> None:
    await store.record(recording(notification(1), held=[erp]))
    await store.record(recording(notification(2), erp))
    (held, _) = await _ids(store, erp)

    assert await store.decide([decision(held, DUE)], now=NOW, audit=AUDIT) == 1

    assert await states(store, erp) == [(event_id(1), DUE), (event_id(2), WAITING)]
    (one,) = await lease(store, erp, now=NOW)
    assert one.notification.id == event_id(1)
    assert not one.is_late
    assert await store.decide([decision(held, DUE)], now=NOW) == 0
    assert [entry for _, entry in await store.audit_log(after=None, limit=1)] == [AUDIT]


async def test_what_is_decided_due_waits_behind_an_earlier_one(store: Store, erp: int) -> None:
    await store.record(recording(notification(1), erp, leased=[erp]))
    await store.record(recording(notification(2), crossed=[erp]))
    await store.decide([decision((await _ids(store, erp))[1], DUE)], now=NOW)
    assert await states(store, erp) == [(event_id(1), DUE), (event_id(2), WAITING)]


async def test_what_is_decided_due_after_a_later_delivery_is_late(store: Store, erp: int) -> None:
    await store.record(recording(notification(1), held=[erp]))
    (second,) = (await store.record(recording(notification(2), erp, leased=[erp]))).leases
    await settle(store, second)
    await store.decide([decision((await _ids(store, erp))[0], DUE)], now=NOW)
    (one,) = await lease(store, erp, now=NOW)
    assert one.is_late


async def test_a_dismissed_delivery_is_never_sent_and_says_why(
    store: Store, erp: int, crm: int
) -> None:
    await store.record(recording(notification(1), held=[erp], crossed=[crm]))
    (held,), (crossed,) = await _ids(store, erp), await _ids(store, crm)

    assert await store.decide([decision(held, DISMISSED)], now=NOW) == 1

    dismissed = await store.delivery(held)
    assert dismissed is not None
    assert (dismissed.state, dismissed.reason, dismissed.settled_at) == (DISMISSED, "said so", NOW)
    stored = await store.notification(event_id(1))
    assert stored is not None
    assert not stored.is_unclaimed
    assert (await store.counts()).unclaimed == 0

    await store.decide([decision(crossed, DISMISSED)], now=NOW)

    stored = await store.notification(event_id(1))
    assert stored is not None
    assert stored.is_unclaimed
    assert (await store.counts()).unclaimed == 1


async def test_a_held_delivery_may_turn_out_to_be_crossed(store: Store, erp: int) -> None:
    await store.record(recording(notification(1), held=[erp]))
    (held,) = await _ids(store, erp)
    assert await store.decide([decision(held, CROSSED)], now=NOW) == 1
    crossed = await store.delivery(held)
    assert crossed is not None
    assert (crossed.state, crossed.reason) == (CROSSED, "said so")
    assert await store.decide([decision(held, DUE)], now=NOW) == 1


async def test_only_what_is_still_undecided_is_decided(store: Store, erp: int, crm: int) -> None:
    await store.record(recording(notification(1), crm, held=[erp]))
    (held,), (due,) = await _ids(store, erp), await _ids(store, crm)
    both = [decision(held, DISMISSED), decision(due, DISMISSED), decision(10**9, DUE)]
    assert await store.decide(both, now=NOW) == 1
    assert (await states(store, crm)) == [(event_id(1), DUE)]


async def test_what_was_fetched_for_a_decision_is_kept_with_it(store: Store, erp: int) -> None:
    await store.record(recording(notification(1), held=[erp]))
    (held,) = await _ids(store, erp)
    await store.decide(
        [decision(held, DUE)], now=NOW, enrichment=(event_id(1), b'{"customFields":{}}')
    )
    (one,) = await lease(store, erp, now=NOW)
    assert one.notification.enrichment == b'{"customFields":{}}'


# --- replay -----------------------------------------------------------------------------------


async def _delivered(store: Store, listener_id: int, *numbers: int) -> list[int]:
    """Record and deliver notifications; return the ids of their deliveries."""
    ids = []
    for number in numbers:
        fresh = recording(notification(number), listener_id, leased=[listener_id])
        (one,) = (await store.record(fresh)).leases
        await settle(store, one)
        ids.append(one.delivery_id)
    return ids


def orders(*delivery_ids: int, due_at: int = NOW) -> list[Ordered]:
    return [Ordered(delivery_id=one, due_at=due_at) for one in delivery_ids]


async def test_a_replay_is_a_new_delivery_and_marks_the_old_one(store: Store, erp: int) -> None:
    (old,) = await _delivered(store, erp, 1)

    assert await store.replay(orders(old), REPLAY, now=NOW, audit=AUDIT) == 1

    first, second = await owed(store, erp)
    assert first.superseded_by == second.id
    assert second.replay == REPLAY
    assert second.notification_id == first.notification_id
    (one,) = await lease(store, erp, now=NOW)
    assert (one.delivery_id, one.attempt, one.replay) == (second.id, 1, REPLAY)
    assert one.notification == notification(1)
    await settle(store, one)
    assert len(await store.attempts(old)) == 1


async def test_replays_stand_in_line_by_what_happened_not_before_their_moment(
    store: Store, erp: int
) -> None:
    first, second = await _delivered(store, erp, 1, 2)
    rate = [
        Ordered(delivery_id=second, due_at=NOW),
        Ordered(delivery_id=first, due_at=NOW + MINUTE),
    ]
    assert await store.replay(rate, REPLAY, now=NOW, audit=None) == 2

    assert await lease(store, erp, now=NOW + MINUTE - 1) == []
    (one,) = await lease(store, erp, now=NOW + MINUTE)
    assert (one.notification.id, one.is_late) == (event_id(1), True)
    await settle(store, one, at=NOW + MINUTE)
    (two,) = await lease(store, erp, now=NOW + MINUTE)
    assert two.notification.id == event_id(2)


async def test_a_replay_in_line_keeps_its_moment_when_its_turn_comes(
    store: Store, erp: int
) -> None:
    first, second = await _delivered(store, erp, 1, 2)
    in_an_hour = NOW + 60 * MINUTE
    rate = [*orders(first), Ordered(delivery_id=second, due_at=in_an_hour)]
    await store.replay(rate, REPLAY, now=NOW, audit=None)
    (one,) = await lease(store, erp, now=NOW)
    settled = await store.settle(settlement(one, at=NOW, wants_next=True))
    assert settled.next is None
    assert await store.next_due([erp]) == {erp: in_an_hour}


async def test_what_was_replayed_may_be_replayed_again(store: Store, erp: int) -> None:
    (old,) = await _delivered(store, erp, 1)
    for _ in range(3):
        assert await store.replay(orders(old), REPLAY, now=NOW, audit=None) == 1
    assert len(await owed(store, erp)) == 4


async def test_what_cannot_be_sent_is_left_out_of_a_replay(
    store: Store, erp: int, crm: int
) -> None:
    (bodiless,) = await _delivered(store, erp, 1)
    assert await store.forget_bodies(T0 + DAY, 10) == 1
    (removed,) = await _delivered(store, crm, 2)
    await store.change([RemoveListener(account_id=A1, name="crm")], AUDIT)
    (sound,) = await _delivered(store, erp, 3)

    asked = orders(bodiless, removed, 10**9, sound)

    assert await store.replay(asked, REPLAY, now=NOW, audit=AUDIT) == 1
    assert [one.superseded_by is None for one in await owed(store, erp)] == [True, False, True]


# --- lists ------------------------------------------------------------------------------------


async def _ids_of(store: Store, query: NotificationQuery) -> list[int]:
    found = await store.notifications(query)
    return [int(one.notification.id.removeprefix("evt_"), 16) for one in found]


async def test_notifications_are_found_by_every_condition(store: Store, erp: int) -> None:
    await store.record(recording(notification(1), erp))
    await store.record(recording(notification(2, account_id=A2, flaw="odd"), erp))
    await store.record(recording(notification(3, event="envelope-sent", sender_id="s"), erp))
    await store.record(recording(notification(4, envelope_id=envelope(2))))
    await store.record(
        recording(notification(5, envelope_id=None, is_readable=False, flaw="not JSON"))
    )
    conditions = {
        NotificationQuery(): [5, 4, 3, 2, 1],
        NotificationQuery(oldest_first=True): [1, 2, 3, 4, 5],
        NotificationQuery(account_id=A1): [5, 4, 3, 1],
        NotificationQuery(envelope_id=envelope(1)): [3, 2, 1],
        NotificationQuery(envelope_id=envelope(1), account_id=A2): [2],
        NotificationQuery(events=("envelope-sent", "x")): [3],
        NotificationQuery(sender_id="s"): [3],
        NotificationQuery(received_from=T0 + 2_000_000, received_until=T0 + 4_000_000): [3, 2],
        NotificationQuery(only="unclaimed"): [5, 4],
        NotificationQuery(only="unreadable"): [5],
        NotificationQuery(only="flawed"): [5, 2],
        NotificationQuery(account_id="nobody"): [],
        NotificationQuery(limit=2): [5, 4],
    }
    for query, expected in conditions.items():
        assert await _ids_of(store, query) == expected, query


@pytest.mark.parametrize("oldest_first", [True, False])
async def test_pages_of_notifications_follow_one_another(
    store: Store, *, oldest_first: bool
) -> None:
    for number in range(1, 8):
        await store.record(recording(notification(number)))
    seen: list[int] = []
    after = None
    while page := await store.notifications(
        NotificationQuery(after=after, limit=3, oldest_first=oldest_first)
    ):
        after = page[-1].sequence
        seen += [one.sequence for one in page]
    assert len(seen) == 7
    assert seen == sorted(seen, reverse=not oldest_first)


async def test_a_list_of_notifications_leaves_bodies_out(store: Store) -> None:
    await store.record(recording(notification(1)))
    (one,) = await store.notifications(NotificationQuery())
    assert one.notification.body == b""
    assert one.has_body
    assert await store.notification("evt_unknown") is None


async def test_traffic_brings_the_bodies_of_what_a_query_lists(store: Store) -> None:
    kept = [notification(number, sticky_fields=b"{}", body=b"%d" % number) for number in (1, 2, 3)]
    for one in kept:
        await store.record(recording(one))
    query = NotificationQuery(received_from=kept[1].received_at, oldest_first=True)
    assert [one.notification for one in await store.traffic(query)] == kept[1:]
    await store.forget_bodies(T0 + DAY, 10)
    assert [one.notification.body for one in await store.traffic(query)] == [b"", b""]
    assert {one.has_body for one in await store.traffic(query)} == {False}


async def test_a_page_of_traffic_ends_early_where_bodies_are_large(store: Store) -> None:
    for number in range(3):
        await store.record(recording(notification(number, body=b"x" * 3 * 1024 * 1024)))
    pages: list[list[str]] = []
    after = None
    while page := await store.traffic(NotificationQuery(after=after, oldest_first=True)):
        after = page[-1].sequence
        pages.append([one.notification.id for one in page])
    assert pages == [[event_id(0), event_id(1)], [event_id(2)]]


async def test_deliveries_are_found_by_every_condition(store: Store, erp: int, crm: int) -> None:
    (given_up,) = (await store.record(recording(notification(1), erp, leased=[erp]))).leases
    await settle(store, given_up, GIVEN_UP)
    second = notification(2, envelope_id=envelope(2), event="envelope-sent", account_id=A2)
    await store.record(recording(second, erp, held=[crm]))
    await store.replay(orders(given_up.delivery_id), REPLAY, now=NOW, audit=None)
    lost, due, held, replayed = [
        one.id for one in await store.deliveries(DeliveryQuery(oldest_first=True))
    ]
    conditions = {
        DeliveryQuery(): [replayed, held, due, lost],
        DeliveryQuery(account_id=A2): [held, due],
        DeliveryQuery(listener_id=crm): [held],
        DeliveryQuery(notification_id=event_id(1)): [replayed, lost],
        DeliveryQuery(envelope_id=envelope(2)): [held, due],
        DeliveryQuery(events=("envelope-sent",)): [held, due],
        DeliveryQuery(states=(DeliveryState.GIVEN_UP, HELD)): [held, lost],
        DeliveryQuery(states=(DeliveryState.GIVEN_UP,), not_superseded=True): [],
        DeliveryQuery(replays="only"): [replayed],
        DeliveryQuery(replays="without"): [held, due, lost],
        DeliveryQuery(received_from=T0 + 2_000_000): [held, due],
        DeliveryQuery(received_until=T0 + 2_000_000): [replayed, lost],
        DeliveryQuery(after=held): [due, lost],
        DeliveryQuery(after=due, oldest_first=True, limit=1): [held],
    }
    for query, expected in conditions.items():
        assert [one.id for one in await store.deliveries(query)] == expected, query


async def test_a_delivery_is_shown_with_its_notification(store: Store, erp: int) -> None:
    await store.record(recording(notification(1, recipient_id="2"), erp, leased=[erp]))
    (one,) = await owed(store, erp)
    assert await store.delivery(one.id) == one
    assert (one.notification_id, one.account_id) == (event_id(1), A1)
    assert (one.envelope_id, one.event) == (envelope(1), "envelope-completed")
    assert (one.recipient_id, one.received_at) == ("2", T0 + 1_000_000)
    assert (one.is_leased, one.due_at, one.has_body) == (True, T0 + 1_000_000 + MINUTE, True)
    assert (one.replay, one.superseded_by, one.is_late) == (None, None, False)
    assert await store.delivery(10**9) is None


# --- refusals and the audit log ---------------------------------------------------------------


async def test_only_the_newest_ten_thousand_refusals_are_kept(store: Store) -> None:
    refused = [
        Rejection(at=T0 + n, account_id=None, remote="192.0.2.1", reason="no key", hint=None)
        for n in range(10_050)
    ]
    await store.reject(refused[:5000])
    await store.reject(refused[5000:])
    newest = await store.rejections(after=None, limit=20_000)
    assert [one for _, one in newest] == refused[:49:-1]
    assert await store.rejections(after=newest[9][0], limit=5) == newest[10:15]


async def test_the_audit_log_is_read_newest_first(store: Store) -> None:
    for number in range(5):
        await store.put_token(f"t{number}", "ab", AUDIT)
    entries = await store.audit_log(after=None, limit=3)
    assert [number for number, _ in entries] == sorted((n for n, _ in entries), reverse=True)
    older = await store.audit_log(after=entries[-1][0], limit=100)
    assert len(older) == 3
    assert all(entry == AUDIT for _, entry in [*entries, *older])
